"""How busy pollers are, over the API and on the command line; and devices that change theirs before one is late."""

import asyncio
import json
from typing import Any

import pytest

from netmon_cli.main import run
from netmon_collector.poller_load import FULL
from netmon_collector.sites import Site
from netmon_collector.state.events import Wanted
from tests.api.lab import NOW_MS, Lab, agent_hello, labels

MINUTE_MS = 60_000


async def have(lab: Lab, number: int) -> None:
    """A site with two agents, and devices there that the first of them polls; one is pinned to it."""
    for name in ("poller1", "poller2"):
        lab.have_agent(name)
        lab.agents.connect(lab.agents.admit(agent_hello(name)), "127.0.0.1:5124")
    lab.sites.put(Site("oslo", (), ("poller1", "poller2")))
    for one in range(number):
        body: dict[str, Any] = {"host": f"10.0.0.{one}", "poller": "poller1"}
        async with lab.client.post("/api/v1/snmp/devices", json=body) as response:
            assert response.status == 200, await response.text()
    for one in range(1, number):
        async with lab.client.patch(f"/api/v1/snmp/devices/10.0.0.{one}", json={"poller": ""}) as response:
            assert (await response.json())["is_pinned"] is False


def leave(lab: Lab, name: str) -> None:
    """An agent's connection ends."""
    lab.agents.disconnect(lab.agents.connect(lab.agents.admit(agent_hello(name)), "127.0.0.1:5124"))


async def use(lab: Lab, minutes: int, **processor: float) -> None:
    """So many minutes in which pollers use so much of a processor."""
    for _ in range(minutes):
        lab.clock.pass_ms(MINUTE_MS)
        now_ms = lab.clock.now_ms()
        seconds = (now_ms - NOW_MS) / 1000
        await lab.keep(
            {
                labels("process_cpu_seconds_total", instance=name, job="agent"): part * seconds
                for name, part in processor.items()
            },
            now_ms,
        )
        await lab.pollers.look()


def pollers(lab: Lab) -> dict[str, str]:
    return {one.record.instance: lab.agents.instance_of(one.record.agent_id) for one in lab.polling.all()}


async def test_a_poller_that_gets_full_gives_devices_to_another_of_its_site(lab: Lab) -> None:
    await have(lab, 10)
    await use(lab, 6, poller1=0.95, poller2=0.1)
    assert lab.pollers.loads["poller1"].ahead > FULL
    assert set(pollers(lab).values()) == {"poller1"}, "that it was seen once or twice is not enough"
    await use(lab, 2, poller1=0.95, poller2=0.1)
    moved = [device for device, poller in pollers(lab).items() if poller == "poller2"]
    assert len(moved) == 3, "it is to come below 70 % of a processor"
    assert pollers(lab)["10.0.0.0"] == "poller1", "somebody has said who polls it"
    told = await asyncio.to_thread(lab.events.page, Wanted(kinds=("poller.moved",)), 10)
    assert {one.device for one in told} == set(moved)
    assert told[0].text.endswith("poller1 would be 95% busy within an hour")


async def test_what_was_moved_rests_before_anything_moves_again(lab: Lab) -> None:
    await have(lab, 10)
    await use(lab, 8, poller1=0.95, poller2=0.1)
    first = pollers(lab)
    await use(lab, 5, poller1=0.95, poller2=0.1)
    assert pollers(lab) == first


async def test_a_poller_that_is_not_connected_gets_nothing(lab: Lab) -> None:
    await have(lab, 5)
    leave(lab, "poller2")
    await use(lab, 8, poller1=0.95, poller2=0.1)
    assert set(pollers(lab).values()) == {"poller1"}


async def test_what_a_poller_leaves_that_is_gone_is_polled_by_another_of_its_site(lab: Lab) -> None:
    await have(lab, 10)
    await use(lab, 2, poller1=0.4, poller2=0.1)
    leave(lab, "poller1")
    await use(lab, 4, poller2=0.1)
    assert set(pollers(lab).values()) == {"poller1"}, "it may be back in a moment"
    await use(lab, 2, poller2=0.1)
    assert pollers(lab) == {"10.0.0.0": "poller1"} | {f"10.0.0.{one}": "poller2" for one in range(1, 10)}
    told = await asyncio.to_thread(lab.events.page, Wanted(kinds=("poller.moved",)), 20)
    assert {one.device for one in told} == pollers(lab).keys() - {"10.0.0.0"}
    assert told[0].text.endswith(" is polled by poller2: poller1 is gone")
    (gone,) = await asyncio.to_thread(lab.events.page, Wanted(kinds=("poller.gone",)), 20)
    text = "poller1 has not been connected for 5 minutes; devices taken over by poller2: 9, devices that wait for it: 1"
    assert (gone.device, gone.text) == ("poller1", text)


async def test_what_has_changed_its_poller_stays_where_it_is_when_that_is_back(lab: Lab) -> None:
    await have(lab, 10)
    leave(lab, "poller1")
    await use(lab, 6, poller2=0.1)
    lab.agents.connect(lab.agents.admit(agent_hello("poller1")), "127.0.0.1:5124")
    await use(lab, 8, poller1=0.1, poller2=0.5)
    assert list(pollers(lab).values()) == ["poller1"] + 9 * ["poller2"]
    assert len(await asyncio.to_thread(lab.events.page, Wanted(kinds=("poller.moved",)), 20)) == 9
    assert len(await asyncio.to_thread(lab.events.page, Wanted(kinds=("poller.gone",)), 20)) == 1


async def test_what_nobody_has_room_for_waits_for_its_poller(lab: Lab) -> None:
    await have(lab, 11)
    await use(lab, 6, poller1=0.5, poller2=0.6)
    leave(lab, "poller1")
    await use(lab, 6, poller2=0.6)
    moved = [device for device, poller in pollers(lab).items() if poller == "poller2"]
    assert len(moved) == 4, "each takes a twenty-second of a processor, and poller2 may use four fifths of it"
    await use(lab, 3, poller2=0.6)
    assert [device for device, poller in pollers(lab).items() if poller == "poller2"] == moved, "as long as it rests"


async def test_that_a_device_has_changed_its_poller_is_shown(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await have(lab, 2)
    leave(lab, "poller1")
    await use(lab, 6, poller2=0.1)
    answer = await lab.get("/api/v1/snmp/devices/10.0.0.1")
    assert (answer["poller"], answer["former_poller"], answer["moved_because"]) == ("poller2", "poller1", "gone")
    monkeypatch.setenv("NETMON_URL", lab.url)
    monkeypatch.setenv("NETMON_TOKEN", lab.token)
    assert await asyncio.to_thread(run, ["device", "list"]) == 0
    assert [line.split("  ")[-1].strip() for line in capsys.readouterr().out.splitlines()] == [
        "POLLER",
        "poller1",
        "poller2 for poller1",
    ]
    assert await asyncio.to_thread(run, ["device", "show", "10.0.0.1"]) == 0
    shown = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("poller "))
    assert shown.startswith("poller       poller2 since 20")
    assert shown.endswith("; poller1 is gone")


async def test_pollers_are_shown(lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    await have(lab, 4)
    await use(lab, 6, poller1=0.5)
    (one,) = (await lab.get("/api/v1/pollers"))["results"]
    assert (one["poller"], one["devices"], one["processor"], one["load_ahead"]) == ("poller1", 4, 0.5, 0.5)
    monkeypatch.setenv("NETMON_URL", lab.url)
    monkeypatch.setenv("NETMON_TOKEN", lab.token)
    assert await asyncio.to_thread(run, ["poller"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "POLLER   DEVICES  LOAD  WITHIN AN HOUR  ASKING  PROCESSOR  LATE",
        "poller1        4   50%             50%      0%        50%     0",
    ]
    assert await asyncio.to_thread(run, ["poller", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"] == [one]
