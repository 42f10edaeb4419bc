"""What polls learn of a device outlives the process; what does not fit any more is learned again."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from netmon_agent.polling.asking import DeviceDown, Snmp
from netmon_agent.polling.memories import Memories
from netmon_agent.snmp.findings import Findings
from netmon_proto.model import Job, Kind, SnmpCredential
from tests.support.scripted import COUNTER32, GAUGE32, TICKS, Scripted, Value

IN = "1.3.6.1.2.1.2.2.1.10.1"
DEVICE: dict[str, Value] = {
    "1.3.6.1.2.1.1.1.0": b"A switch",
    "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.99999.1",
    "1.3.6.1.2.1.1.3.0": (TICKS, 100_000),
    "1.3.6.1.2.1.2.2.1.2.1": b"Ethernet1",
    "1.3.6.1.2.1.2.2.1.5.1": (GAUGE32, 1_000_000_000),
    IN: (COUNTER32, 2**32 - 1_000),
}
RIGHT = SnmpCredential("right", version="2c", community="public")


def octets(found: Findings) -> float:
    return next(one.value for one in found.readings if one.name == "ifInOctets")


class Process:
    """The poller of one life of an agent."""

    def __init__(self, state: Path) -> None:
        self.snmp = Snmp(Memories(state))

    async def ends(self) -> None:
        task = asyncio.create_task(self.snmp.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_another_process_asks_as_the_first_one_learned_to(tmp_path: Path) -> None:
    device = Scripted(DEVICE)
    async with device as port:
        job = Job("sw1", "127.0.0.1", port, 60_000, (RIGHT,))
        first = Process(tmp_path)
        asking = first.snmp.approach(job)
        assert (await asking.ask(0.0, True)).facts is not None
        asked, device.requests = device.requests, 0
        device.values[IN] = (COUNTER32, 500)
        assert octets(await asking.ask(60.0, False)) == 2**32 + 500
        await first.ends()
        kept = json.loads((tmp_path / "memories.json").read_text())["sw1"]
        assert (kept["identity"]["object_id"], kept["pace"]["rtt_s"] > 0) == ("1.3.6.1.4.1.99999.1", True)
        assert (tmp_path / "memories.json").stat().st_mode & 0o777 == 0o600

        device.requests, second = 0, Process(tmp_path)
        device.values[IN] = (COUNTER32, 700)
        again = second.snmp.approach(job)
        found = await again.ask(5.0, False)
        assert (found.facts, octets(found)) == (None, 2**32 + 700)
        assert device.requests < asked / 3


async def test_how_large_an_answer_a_device_manages_is_remembered(tmp_path: Path) -> None:
    async with Scripted(DEVICE) as port:
        job = Job("sw1", "127.0.0.1", port, 60_000, (RIGHT,))
        first, file = Process(tmp_path), tmp_path / "memories.json"
        asking = first.snmp.approach(job)
        await asking.ask(0.0, True)
        await first.ends()
        kept = json.loads(file.read_text())
        kept["sw1"]["pace"] |= {"repetitions": 7, "ceiling": 7}
        file.write_text(json.dumps(kept))
        second = Process(tmp_path)
        again = second.snmp.approach(job)
        await again.ask(5.0, False)
        await second.ends()
        assert json.loads(file.read_text())["sw1"]["pace"]["repetitions"] == 7


async def test_what_is_about_another_device_or_damaged_is_learned_again(tmp_path: Path) -> None:
    async with Scripted(DEVICE) as port:
        job = Job("sw1", "127.0.0.1", port, 60_000, (RIGHT,))
        first = Process(tmp_path)
        kept_alive = first.snmp.approach(job)
        await kept_alive.ask(0.0, True)
        await first.ends()
        file = tmp_path / "memories.json"
        whole = file.read_text()
        for content in (whole.replace("127.0.0.1", "127.0.0.2"), whole[:-9], "[]", whole.replace('"rtt_s"', '"x"')):
            file.write_text(content)
            found = await Process(tmp_path).snmp.approach(job).ask(0.0, False)
            assert found.facts is not None, content[:40]


async def test_a_profile_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    async with Scripted(DEVICE) as port:
        job = Job("sw1", "127.0.0.1", port, 60_000, (RIGHT,))
        snmp = Process(tmp_path).snmp
        asking = snmp.approach(job)
        assert (await asking.ask(0.0, True)).identity.profile == "generic"
        forced = snmp.approach(replace(job, profile="mikrotik"))
        found = await forced.ask(60.0, False)
        assert (found.identity.profile, found.identity.vendor) == ("mikrotik", "MikroTik")
        unknown = await snmp.approach(replace(job, profile="nonesuch")).ask(120.0, True)
        assert unknown.identity.profile == "generic"
        assert [one.text for one in unknown.troubles] == ["this poller has no profile 'nonesuch'; it chose one itself"]


async def test_nothing_is_forgotten_by_a_process_that_never_polled(tmp_path: Path) -> None:
    (tmp_path / "memories.json").write_text('{"sw1": {}}')
    await Process(tmp_path).ends()
    assert (tmp_path / "memories.json").read_text() == '{"sw1": {}}'


@pytest.mark.parametrize("spoil", ["folder", "text"])
async def test_what_cannot_be_read_or_written_is_no_failure(tmp_path: Path, spoil: str) -> None:
    if spoil == "folder":
        (tmp_path / "memories.json").mkdir()
    else:
        (tmp_path / "memories.json").write_text("{" * 100_000)
    memories = Memories(tmp_path)
    assert memories.read() == {}
    memories.write({"sw1": {}})
    assert memories.read() == ({} if spoil == "folder" else {"sw1": {}})


async def test_the_state_of_a_port_is_asked_for_alone_with_the_labels_of_whole_polls(tmp_path: Path) -> None:
    ports = {f"1.3.6.1.2.1.2.2.1.{column}.{port}": (GAUGE32, 1) for column in (7, 8) for port in range(1, 49)}
    names = {f"1.3.6.1.2.1.31.1.1.1.1.{port}": b"Gi0/%d" % port for port in range(1, 49)}
    device = Scripted({**DEVICE, **ports, **names})
    async with device as port:
        asking = Process(tmp_path).snmp.approach(Job("sw1", "127.0.0.1", port, 60_000, (RIGHT,)))
        with pytest.raises(DeviceDown, match="it was not polled yet"):
            await asking.ask_ports(0.0, [7])
        whole = await asking.ask(0.0, True)
        before = {one.name: one for one in whole.readings if one.labels.get("ifIndex") == "7"}
        device.requests = 0
        device.values["1.3.6.1.2.1.2.2.1.8.7"] = (GAUGE32, 2)
        found = await asking.ask_ports(1.0, [7, 99])
        assert device.requests <= 4
        assert found[99] == []
        after = {one.name: one for one in found[7]}
        assert (before["ifOperStatus"].value, after["ifOperStatus"].value) == (1.0, 2.0)
        assert dict(after["ifOperStatus"].labels) == dict(before["ifOperStatus"].labels)
        assert after.keys() == {name for name, one in before.items() if one.kind is not Kind.COUNTER}
        device.values[IN] = (COUNTER32, 500)
        assert octets(await asking.ask(60.0, False)) == 2**32 + 500
