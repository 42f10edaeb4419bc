"""Who is on call over the API: seen, and changed by overrides that are kept."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netmon_api.times import rfc3339
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab

PATH = "/api/v1/oncall"
HOUR_MS = 3_600_000
FILE = """
route: {receiver: duty}
receivers: [{name: ada}, {name: bob}, {name: duty, on_call: primary}]
schedules:
- {name: primary, zone: Europe/Berlin, layers: [{receivers: [ada], starts: '2020-01-01T09:00'}]}
"""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    (tmp_path / "alerting.yml").write_text(FILE)
    async with running(tmp_path, alerting_file=tmp_path / "alerting.yml") as lab:
        yield lab


async def send(lab: Lab, body: dict[str, Any]) -> tuple[int, Any]:
    given = {"schedule": "primary", "receiver": "bob", "by": "eve", **body}
    async with lab.client.post(f"{PATH}/overrides", json=given) as response:
        return response.status, await response.json()


async def on_call(lab: Lab) -> dict[str, Any]:
    (schedule,) = (await lab.get(PATH))["results"]
    return dict(schedule)


async def test_somebody_stands_in_from_now_on_until_it_is_over(lab: Lab) -> None:
    status, made = await send(lab, {"for": "8h", "comment": "ada is ill"})
    assert (status, made["state"], made["by"], made["comment"]) == (200, "active", "eve", "ada is ill")
    assert await on_call(lab) == {
        "schedule": "primary",
        "now": "bob",
        "next": "ada",
        "next_from": rfc3339(NOW_MS + 8 * HOUR_MS),
    }
    assert [one["id"] for one in (await lab.get(f"{PATH}/overrides"))["results"]] == [made["id"]]


async def test_times_without_an_offset_are_what_clocks_of_the_schedule_show(lab: Lab) -> None:
    _, made = await send(lab, {"starts": "2030-07-01T09:00", "ends": "2030-07-02T09:00+00:00"})
    assert (made["state"], made["starts"], made["ends"]) == (
        "pending",
        "2030-07-01T07:00:00.000Z",
        "2030-07-02T09:00:00.000Z",
    )
    assert (await on_call(lab))["next_from"] == "2030-07-01T07:00:00.000Z"


async def test_one_that_is_ended_counts_no_more(lab: Lab) -> None:
    _, made = await send(lab, {"for": "8h"})
    async with lab.client.delete(f"{PATH}/overrides/{made['id']}") as response:
        assert (response.status, (await response.json())["state"]) == (200, "over")
    assert (await on_call(lab))["now"] == "ada"
    assert (await lab.get(f"{PATH}/overrides", ("over", "false")))["results"] == []
    assert len((await lab.get(f"{PATH}/overrides", ("over", "true")))["results"]) == 1


async def test_ending_what_nobody_made_is_a_404(lab: Lab) -> None:
    async with lab.client.delete(f"{PATH}/overrides/x") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "say either 'ends' or 'for'"),
        ({"for": "8h", "ends": "2030-07-02T09:00"}, "say either 'ends' or 'for'"),
        ({"for": "8h", "schedule": "primry"}, "there is no schedule 'primry'. Did you mean 'primary'?"),
        ({"for": "8h", "receiver": "duty"}, "there is no receiver without 'on_call' 'duty'"),
        ({"for": "8h", "by": ""}, "by"),
        ({"ends": "2020-07-02T09:00"}, "must end after it starts"),
        ({"for": "400d"}, "366 days at most"),
    ],
)
async def test_what_cannot_be_is_refused(lab: Lab, body: dict[str, Any], message: str) -> None:
    status, answer = await send(lab, body)
    assert status == 400
    assert message in str(answer["error"]["message"])
