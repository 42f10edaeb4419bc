"""What devices and agents are, and when that changes: other software, other parts, another name. Told as events."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from netmon_collector.fleet import Device
from netmon_collector.polling import Polled
from netmon_collector.state.events import NewEvent
from netmon_proto.model import DeviceFacts, Severity

LOOK_S: Final = 10.0
KIND: Final = "device.changed"
SOURCE: Final = "netmon"
SOFTWARE, HARDWARE, CONFIGURATION = "software", "hardware", "configuration"

_OF_DEVICES: Final = {
    "os": ("operating system", SOFTWARE),
    "version": ("software", SOFTWARE),
    "model": ("model", HARDWARE),
    "serial": ("serial number", HARDWARE),
    "sys_name": ("name", CONFIGURATION),
    "location": ("location", CONFIGURATION),
}
_OF_AGENTS: Final = {"agent": ("agent", SOFTWARE), "platform": ("platform", SOFTWARE)}
_OF_PARTS: Final = {
    "serial": ("serial number", HARDWARE),
    "firmware": ("firmware", SOFTWARE),
    "software": ("software", SOFTWARE),
}
MOST_PARTS: Final = 500
"""Of a device; where more have a serial number or software, changes of these are not told."""
MOST_TOLD: Final = 20
"""Of the parts of one device at a time."""


class Changed(NamedTuple):
    """A thing that a device tells of itself, before and now; which kind of change that is."""

    what: str
    change: str
    before: str
    after: str


class Changes:
    """Compares what devices tell with what they told before, and notes what is another. A learner of facts."""

    def __init__(
        self,
        agents: Callable[[], Iterable[Device]],
        polled: Callable[[], Iterable[Polled]],
        note: Callable[[Sequence[NewEvent]], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        """agents, polled: all that there are now, as they are known since before the last restart."""
        self._agents = agents
        self._polled = polled
        self._note = note
        self._now_ms = now_ms
        self._known: dict[str, tuple[Mapping[str, str], int]] = {}
        self._parts: dict[str, tuple[dict[str, tuple[str, ...]], int]] = {}
        self._compare(self._now())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Looks once at what all devices and agents are."""
        await self._note(self._compare(self._now()))

    async def learn(self, facts: DeviceFacts) -> None:
        """Looks at the parts of a device. What the collector missed while it was down is not known of these."""
        table = facts.table("part")
        if table is None or not table.is_complete:
            return
        now = {
            row.get("index", ""): (row.get("name", "a part"), *(row.get(name, "") for name in _OF_PARTS))
            for row in table.rows()
            if not row.keys().isdisjoint(_OF_PARTS)
        }
        before, since_ms = self._parts.get(facts.device, ({}, 0))
        self._parts[facts.device] = now if len(now) <= MOST_PARTS else {}, facts.time_ms
        changed = [
            Changed(f"{what} of {name}", change, one, other)
            for index, (name, *values) in now.items()
            if index in before
            for (what, change), one, other in zip(_OF_PARTS.values(), before[index][1:], values, strict=True)
            if one and other and one != other
        ]
        await self._note([self._event(facts.device, one, since_ms) for one in changed[:MOST_TOLD]])

    def _now(self) -> Iterator[tuple[str, Mapping[str, str], int]]:
        """What is known of each device, and when it said so last."""
        for agent in self._agents():
            if agent.job == "node":
                yield agent.instance, {"agent": agent.version, "platform": agent.platform}, agent.last_seen_ms
        for one in self._polled():
            yield one.record.instance, one.record.facts, one.reported_ms or one.record.identified_ms or 0

    def _compare(self, now: Iterable[tuple[str, Mapping[str, str], int]]) -> list[NewEvent]:
        events, known = [], {}
        for device, facts, at_ms in now:
            before, since_ms = self._known.get(device, (facts, at_ms))
            if facts != before:
                events += [self._event(device, one, since_ms) for one in _differing(before, facts)]
            known[device] = facts, at_ms
        self._known = known
        return events

    def _event(self, device: str, one: Changed, since_ms: int) -> NewEvent:
        """`since_ms`: so long it was as before, as far as that is known."""
        text = f"{device}: {one.what} changed from {one.before} to {one.after}"
        fields = {**one._asdict(), "unchanged_ms": str(since_ms)}
        return NewEvent(self._now_ms(), device, SOURCE, KIND, int(Severity.NOTICE), 1, text, "", fields)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Changed]:
    """What is another; what was not known, or is not told any more, is not."""
    for name, (what, change) in {**_OF_AGENTS, **_OF_DEVICES}.items():
        one, other = before.get(name, ""), now.get(name, "")
        if one and other and one != other:
            yield Changed(what, change, one, other)
