"""What devices and agents are is compared with what they were; what is another is an event, once."""

from collections.abc import Sequence
from dataclasses import replace

from netmon_collector.changes import Changes
from netmon_collector.fleet import Device
from netmon_collector.polling import Polled
from netmon_collector.state.devices import DeviceRecord
from netmon_collector.state.events import NewEvent
from netmon_proto.model import DeviceFacts, FactTable

NOW_MS = 1_700_000_000_000
FACTS = {"version": "15.2", "serial": "FOC1", "sys_name": "sw1", "model": ""}
RECORD = DeviceRecord("sw1", "sw1", "sw1.example", 161, "a", "public", 60_000, 0, facts=FACTS, identified_ms=NOW_MS)
AGENT = Device(
    "web1", "web1", "node", True, 0, 0, NOW_MS, None, 10_000, "a", "1.0", "Linux 6.1", "web1", True, None,
    None, None, None, None, None,
)  # fmt: skip


class Log:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.agents = [AGENT]
        self.polled = [Polled(RECORD, 0, reported_ms=NOW_MS - 60_000)]
        self.told: list[NewEvent] = []
        self.changes = Changes(lambda: self.agents, lambda: self.polled, self.note, lambda: NOW_MS)

    async def note(self, new: Sequence[NewEvent]) -> None:
        self.told += new

    async def become(self, **facts: str) -> list[tuple[str, str]]:
        """The device is so now: which kinds of change are told, and how."""
        self.polled = [Polled(replace(RECORD, facts={**FACTS, **facts}), 0, reported_ms=NOW_MS)]
        await self.changes.look()
        told, self.told = self.told, []
        return [(one.fields["change"], one.text) for one in told]

    async def tell_parts(self, **columns: str) -> list[NewEvent]:
        """The device lists one part."""
        table = FactTable("part", {"index": ["7"], **{name: [value] for name, value in columns.items()}})
        self.told = []
        await self.changes.learn(DeviceFacts("sw1", NOW_MS, tables=(table,)))
        return self.told


async def test_other_software_is_told_once_with_what_it_was_before() -> None:
    log = Log()
    assert await log.become() == []
    assert await log.become(version="15.3") == [("software", "sw1: software changed from 15.2 to 15.3")]
    assert await log.become(version="15.3") == []


async def test_another_device_at_the_same_address_is_other_hardware() -> None:
    assert await Log().become(serial="FOC2") == [("hardware", "sw1: serial number changed from FOC1 to FOC2")]


async def test_what_was_not_known_or_is_not_told_is_no_change() -> None:
    assert await Log().become(model="C9300", version="") == []


async def test_an_agent_of_another_version_is_told() -> None:
    log = Log()
    log.agents = [replace(AGENT, version="1.1")]
    await log.changes.look()
    (event,) = log.told
    assert (event.device, event.kind, event.text) == (
        "web1", "device.changed", "web1: agent changed from 1.0 to 1.1"
    )  # fmt: skip
    assert event.fields["unchanged_ms"] == str(NOW_MS)


async def test_a_part_that_is_another_is_told_from_the_second_reading_on() -> None:
    log = Log()
    assert await log.tell_parts(name="slot 1", serial="A1", firmware="3") == []
    (event,) = await log.tell_parts(name="slot 1", serial="B2", firmware="3")
    assert event.text == "sw1: serial number of slot 1 changed from A1 to B2"
    assert await log.tell_parts(name="slot 1", serial="B2", firmware="3") == []
