"""Checks that agents make for the collector, as the API takes and shows them."""

import json
from dataclasses import replace
from typing import Any

from netmon_collector.checks.book import SETTLES_MS
from netmon_collector.sites import Site
from netmon_proto.model import CheckOutcome, CheckReport, Checks
from tests.api.lab import NOW_MS, Lab, have_polled
from tests.api.test_snmp import change

CHECKS = "/api/v1/checks"
HTTP = {"type": "http", "url": "https://192.0.2.9/", "user": "bob", "password": "s3cret", "interval": "30s"}


async def checks_of(lab: Lab, agent_id: str) -> dict[str, dict[str, Any]]:
    """The options that an agent is told when it connects."""
    line = lab.polling.lines.open(agent_id)
    while not isinstance(message := await lab.polling.lines.next_message(agent_id, line), Checks):
        pass
    return {one.name: json.loads(one.options) for one in message.checks}


async def add(lab: Lab, check: dict[str, Any], status: int = 200, **more: Any) -> Any:
    return await change(lab, "POST", CHECKS, {"check": check, **more}, status)


def have_agents(lab: Lab, *names: str) -> list[str]:
    lab.fleet.members = []
    return [lab.have_agent(name, address="192.0.2.7:4000") for name in names]


async def test_a_check_goes_to_its_agents_with_its_secrets_which_nobody_is_shown(lab: Lab) -> None:
    north, south, west = have_agents(lab, "north", "south", "west")
    added = await add(lab, HTTP, name="shop", pollers=["north", "south"])
    assert (added["name"], added["state"], added["interval_s"]) == ("shop", "unknown", 30)
    assert [one["poller"] for one in added["pollers"]] == ["north", "south"]
    shown = await lab.get(f"{CHECKS}/shop")
    assert "s3cret" not in json.dumps([added, shown, await lab.get(CHECKS)])
    assert (await checks_of(lab, north))["shop"] == HTTP | {"interval": 30.0}
    assert (await checks_of(lab, south)).keys() == {"shop"}
    assert await checks_of(lab, west) == {}


async def test_reports_say_how_it_is_seen_from_each_agent(lab: Lab) -> None:
    north, south, west = have_agents(lab, "north", "south", "west")
    await add(lab, HTTP, name="shop", pollers=["north", "south"])
    lab.checks.reported(north, CheckReport("shop", NOW_MS, NOW_MS, CheckOutcome.UP, "", 0.25))
    assert (await lab.get(f"{CHECKS}/shop"))["state"] == "unknown"
    lab.checks.reported(south, CheckReport("shop", NOW_MS, NOW_MS, CheckOutcome.DOWN, "the status is 500"))
    lab.checks.reported(south, CheckReport("shop", NOW_MS - 1, NOW_MS, CheckOutcome.UP, "of a former check"))
    lab.checks.reported(west, CheckReport("shop", NOW_MS, NOW_MS, CheckOutcome.BROKEN, "not its own"))
    answer = await lab.get(f"{CHECKS}/shop")
    assert answer["state"] == "down"
    assert [(one["state"], one["trouble"]) for one in answer["pollers"]] == [("up", ""), ("down", "the status is 500")]
    assert answer["pollers"][0]["duration_s"] == 0.25


async def test_an_agent_that_is_gone_has_no_say(lab: Lab) -> None:
    (north,) = have_agents(lab, "north")
    await add(lab, HTTP, name="shop")
    lab.checks.reported(north, CheckReport("shop", NOW_MS, NOW_MS, CheckOutcome.UP))
    lab.fleet.members = [replace(one, up=False) for one in lab.fleet.members]
    assert (await lab.get(f"{CHECKS}/shop"))["state"] == "unknown"


async def test_mistakes_are_all_told_in_the_words_of_the_file(lab: Lab) -> None:
    have_agents(lab, "north")
    error = await add(lab, {"type": "tcp", "host": "a b", "port": 0, "intervall": 5}, 400)
    assert error["field_errors"] == {
        "check.host": "must have no blank or control character in it",
        "check.port": "must be at least 1 (got 0)",
        "check.intervall": "no such option. Did you mean 'interval'?",
    }
    assert "no agent 'nobody'" in (await add(lab, HTTP, 400, pollers=["nobody"]))["message"]
    big = {"type": "http", "url": "http://192.0.2.1/", "headers": {f"X-{n}": "v" * 8_000 for n in range(50)}}
    assert (await add(lab, big, 400))["message"] == "check: has more than 256 KiB"


async def test_a_name_is_made_of_the_target_and_taken_once(lab: Lab) -> None:
    have_agents(lab, "north")
    names = [(await add(lab, HTTP))["name"] for _ in range(2)]
    assert names == ["http-192.0.2.9", "http-192.0.2.9-2"]
    assert (await add(lab, HTTP, 409, name=names[0]))["message"] == f"there is a check {names[0]!r} already"


async def test_any_agent_is_the_one_with_the_fewest_and_another_one_when_it_is_gone(lab: Lab) -> None:
    north, south = have_agents(lab, "north", "south")
    makes = {(await add(lab, HTTP, name=name, pollers="any"))["pollers"][0]["poller"]: name for name in ("one", "two")}
    assert makes.keys() == {"north", "south"}
    lab.fleet.members = [replace(one, up=False, connected=False) if one.instance == "north" else one
                         for one in lab.fleet.members]  # fmt: skip
    await lab.checks.look_after()
    assert (await checks_of(lab, south)).keys() == {makes["south"]}, "just after a start an agent may come back yet"
    lab.clock.pass_ms(SETTLES_MS)
    await lab.checks.look_after()
    assert await checks_of(lab, north) == {}
    assert (await checks_of(lab, south)).keys() == {"one", "two"}
    lab.fleet.members = []
    assert (await add(lab, HTTP, 503, pollers="any"))["message"] == "no agent is connected that could check"


async def test_of_those_that_are_left_an_agent_of_the_same_site_is_preferred(lab: Lab) -> None:
    _, south, _ = have_agents(lab, "north", "south", "east")
    lab.sites.put(Site("oslo", (), ("north", "south")))
    for name, poller in (("one", "south"), ("two", "south"), ("three", "east")):
        await add(lab, HTTP, name=name, pollers=[poller])
    added = await add(lab, HTTP, name="shop", pollers="any")
    assert [one["poller"] for one in added["pollers"]] == ["north"]
    lab.fleet.members = [replace(one, up=False, connected=False) if one.instance == "north" else one
                         for one in lab.fleet.members]  # fmt: skip
    lab.clock.pass_ms(SETTLES_MS)
    await lab.checks.look_after()
    assert "shop" in await checks_of(lab, south), "east has fewer, but is elsewhere"


async def test_a_target_that_is_a_known_device_is_called_so(lab: Lab) -> None:
    (north,) = have_agents(lab, "north")
    assert (await add(lab, HTTP, name="web"))["devices"] == []
    await have_polled(lab, "192.0.2.9", name="core")
    lab.clock.pass_ms(10_000)
    await lab.checks.look_after()
    (named,) = (await lab.get(f"{CHECKS}/web"))["devices"]
    assert named == "core"
    line = lab.polling.lines.open(north)
    while not isinstance(message := await lab.polling.lines.next_message(north, line), Checks):
        pass
    assert message.checks[0].devices == {"https://192.0.2.9/": "core"}
    (polled,) = lab.polling.all()
    await lab.polling.remove(polled.record.instance)
    for pass_ms, devices in ((10_000, ["core"]), (SETTLES_MS, [])):  # at first it may only not have been looked up yet
        lab.clock.pass_ms(pass_ms)
        await lab.checks.look_after()
        assert (await lab.get(f"{CHECKS}/web"))["devices"] == devices


async def test_a_removed_check_is_made_no_more(lab: Lab) -> None:
    (north,) = have_agents(lab, "north")
    await add(lab, HTTP, name="shop")
    line = lab.polling.lines.open(north)
    while line.topics:
        await lab.polling.lines.next_message(north, line)
    assert (await change(lab, "DELETE", f"{CHECKS}/shop"))["name"] == "shop"
    assert await lab.polling.lines.next_message(north, line) == Checks()
    assert (await change(lab, "DELETE", f"{CHECKS}/shop", status=404))["code"] == "not_found"
    assert (await lab.get(CHECKS))["results"] == []


async def test_a_check_is_changed_in_place_and_keeps_what_is_not_said(lab: Lab) -> None:
    north, south = have_agents(lab, "north", "south")
    await add(
        lab, {**HTTP, "status": [200], "tls": {"verify": False, "server_name": "a"}}, name="shop", pollers=["north"]
    )
    lab.checks.reported(north, CheckReport("shop", NOW_MS, NOW_MS, CheckOutcome.UP))
    body = {"check": {"interval": "1m", "status": None, "tls": {"server_name": "b"}}, "pollers": ["north", "south"]}
    told = await change(lab, "PATCH", f"{CHECKS}/shop", body)
    assert (told["state"], told["interval_s"], told["options"]["tls"]) == (
        "unknown",
        60,
        {"verify": False, "server_name": "b"},
    )
    wanted = HTTP | {"interval": 60.0, "tls": {"verify": False, "server_name": "b"}}
    assert (await checks_of(lab, north))["shop"] == (await checks_of(lab, south))["shop"] == wanted
    lab.checks.reported(north, CheckReport("shop", NOW_MS, NOW_MS, CheckOutcome.DOWN, "of what it was before"))
    assert (await lab.get(f"{CHECKS}/shop"))["state"] == "unknown"
    lab.checks.reported(north, CheckReport("shop", NOW_MS + 1, NOW_MS, CheckOutcome.UP))
    assert (await lab.get(f"{CHECKS}/shop"))["pollers"][0]["state"] == "up"
    await change(lab, "PATCH", f"{CHECKS}/shop", {"pollers": ["south"]})
    assert await checks_of(lab, north) == {}


async def test_a_secret_does_not_follow_a_check_to_another_target(lab: Lab) -> None:
    (north,) = have_agents(lab, "north")
    await add(lab, HTTP, name="shop")
    error = await change(lab, "PATCH", f"{CHECKS}/shop", {"check": {"url": "https://192.0.2.66/"}}, 400)
    assert error["field_errors"] == {"check.password": "say it anew, because the check asks another target than before"}
    assert (await checks_of(lab, north))["shop"]["url"] == HTTP["url"]
    moved = {"url": "https://192.0.2.66/", "password": "other"}
    assert (await change(lab, "PATCH", f"{CHECKS}/shop", {"check": moved}))["targets"] == ["https://192.0.2.66/"]
    assert (await checks_of(lab, north))["shop"]["password"] == "other"


async def test_a_change_that_cannot_be_changes_nothing(lab: Lab) -> None:
    (north,) = have_agents(lab, "north")
    await add(lab, HTTP, name="shop")
    for body, complaint in (
        ({"check": {"type": "tcp"}}, "check.type: cannot be another"),
        ({"check": {"stats": 1}}, "no such option"),
        ({"check": {"url": None}}, "check.url"),
        ({"pollers": ["nobody"]}, "there is no agent"),
    ):
        assert complaint in (await change(lab, "PATCH", f"{CHECKS}/shop", body, 400))["message"]
    assert (await change(lab, "PATCH", f"{CHECKS}/none", {}, 404))["code"] == "not_found"
    assert (await checks_of(lab, north))["shop"] == HTTP | {"interval": 30.0}
