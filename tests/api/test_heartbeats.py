"""Heartbeats of others: waited for, sent with a token of their own, late, and told of as series."""

from typing import Any

import pytest

from netmon_collector.heartbeats import Heartbeats
from netmon_collector.store.base import Matcher, MatchOp, TieredStore
from netmon_proto.model import NAME
from tests.api.lab import Lab

PATH = "/api/v1/heartbeats"
DAY_MS = 86_400_000


async def ask(lab: Lab, method: str, path: str, body: object = None, token: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token or lab.token}"}
    async with lab.stranger.request(method, PATH + path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def wait_for(lab: Lab, name: str, interval: str = "1d", grace: str = "1h") -> str:
    status, answer = await ask(lab, "PUT", f"/{name}", {"interval": interval, "grace": grace})
    assert status == 200
    token: str = answer["token"]
    return token


async def late(lab: Lab) -> dict[str, float]:
    assert isinstance(lab.store, TieredStore)
    found = await lab.store.latest([Matcher(NAME, MatchOp.EQUAL, "netmon_heartbeat_late")])
    return {dict(labels)["heartbeat"]: value for labels, value in zip(found.labels, found.values, strict=True)}


async def test_one_that_comes_in_time_is_fine_and_one_that_does_not_is_late(lab: Lab) -> None:
    token = await wait_for(lab, "backup")
    lab.clock.pass_ms(DAY_MS)
    status, answer = await ask(lab, "POST", "/backup", token=token)
    assert (status, answer["state"], answer["last"] is not None) == (200, "fine", True)
    lab.clock.pass_ms(DAY_MS + 3_600_000)
    await lab.heartbeats.look()
    assert ((await lab.get(PATH))["results"][0]["state"], await late(lab)) == ("fine", {"backup": 0.0})
    lab.clock.pass_ms(1)
    await lab.heartbeats.look()
    assert ((await lab.get(PATH))["results"][0]["state"], await late(lab)) == ("late", {"backup": 1.0})


async def test_its_token_is_good_for_nothing_else(lab: Lab) -> None:
    token = await wait_for(lab, "backup")
    await wait_for(lab, "other")
    assert (await ask(lab, "POST", "/other", token=token))[0] == 401
    assert (await ask(lab, "DELETE", "/backup", token=token))[0] == 401
    assert (await ask(lab, "GET", "", token=token))[0] == 401
    assert (await ask(lab, "POST", "/backup"))[0] == 200


async def test_a_change_keeps_the_token_and_a_removal_ends_it(lab: Lab) -> None:
    token = await wait_for(lab, "backup")
    assert (await ask(lab, "PUT", "/backup", {"interval": 60}))[1]["token"] is None
    assert (await ask(lab, "POST", "/backup", token=token))[1]["interval_s"] == 60
    assert (await ask(lab, "DELETE", "/backup"))[0] == 200
    assert (await ask(lab, "POST", "/backup", token=token))[0] == 401
    assert (await ask(lab, "POST", "/backup"))[0] == 404
    assert (await ask(lab, "DELETE", "/backup"))[0] == 404
    renewed = await wait_for(lab, "backup")
    assert (await ask(lab, "POST", "/backup", token=token))[0] == 401
    assert (await ask(lab, "POST", "/backup", token=renewed))[0] == 200


async def test_while_the_collector_was_away_nobody_is_late(lab: Lab) -> None:
    await wait_for(lab, "backup")
    lab.clock.pass_ms(3 * DAY_MS)
    anew = Heartbeats(lab.heartbeats._kept, lab.heartbeats._results, lab.clock.now_ms)
    (known,) = anew.all()
    assert anew.due_ms(known) == lab.clock.now_ms() + DAY_MS + 3_600_000


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("backup", {"interval": "5s"}, "interval: must be at least 10s (got 5s)"),
        ("backup", {"interval": "2y"}, "interval: must be at most 400d (got 2y)"),
        ("backup", {"interval": "1d", "grace": "-1s"}, "grace"),
        ("backup", {}, "interval"),
        ("backup", {"interval": "1d", "every": 1}, "every"),
        ("-x", {"interval": "1d"}, "letters"),
    ],
)
async def test_what_cannot_be_is_refused(lab: Lab, name: str, body: object, message: str) -> None:
    status, answer = await ask(lab, "PUT", f"/{name}", body)
    assert status == 400
    assert message in str(answer)
