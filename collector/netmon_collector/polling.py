"""What is polled by which agent: who is told what to poll, and what became of it."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields, replace
from enum import Enum
from itertools import chain, count
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.lines import Lines
from netmon_collector.state.agents import handle_of
from netmon_collector.state.credentials import Credentials
from netmon_collector.state.database import reason_of
from netmon_collector.state.devices import DeviceExists, DeviceRecord, Devices, Moved
from netmon_configs.logs import EventLog
from netmon_configs.sealing import SealBroken
from netmon_proto.model import DeviceReport, Job, Jobs, SnmpCredential

log = EventLog("netmon.collector.polling")

MOST_DEVICES: Final = 10_000
"""Of one agent."""
MISSED_INTERVALS: Final = 3
LAST_WORD_MS: Final = 10_000
"""So long after another one began an agent may still say that it has stopped."""
ASKED: Final = "asked"
"""A device has changed its poller because people said so."""
_TOPIC: Final = "jobs"
_LONGEST_HANDLE: Final = 100
_LONGEST_TEXT: Final = 1024


class Standing(Enum):
    """What a device is to an agent that sends its readings."""

    ASSIGNED = "assigned"
    RELEASED = "released"
    STRANGER = "stranger"


class TooMany(Exception):
    """An agent polls as many devices as it may."""


@dataclass(slots=True)
class Polled:
    """A device as it is now; `up` has held since `since_ms`, None: not known. Times are Unix milliseconds."""

    record: DeviceRecord
    since_ms: int
    up: bool | None = None
    heard_ms: int | None = None
    newest_ms: int = 0
    report: DeviceReport | None = None
    reported_ms: int | None = None

    def is_now(self, up: bool | None, now_ms: int) -> None:
        """Takes note of a state, and of the time if it is another one."""
        if up is not self.up:
            self.up, self.since_ms = up, now_ms


class Polling:
    """All polled devices, in memory; what must outlive a restart is in the state database.

    Methods that write are coroutines: they wait for the database in a thread.
    """

    def __init__(
        self,
        devices: Devices,
        credentials: Credentials,
        now_ms: Callable[[], int],
        facts_interval_ms: int = 0,
        site_of: Callable[[DeviceRecord], str] = lambda record: record.site,
    ) -> None:
        self._devices = devices
        self.credentials = credentials
        self._now_ms = now_ms
        self._facts_interval_ms = facts_interval_ms
        self._site_of = site_of
        started_ms = now_ms()
        self._polled = {record.instance: Polled(record, started_ms) for record in devices.all()}
        self._released = {
            (moved.former_agent_id, instance): moved.time_ms
            for instance, one in self._polled.items()
            if (moved := one.record.moved) is not None
        }
        """Agents that polled a device once, and until when what they read of it counts."""
        self.lines = Lines()
        self.lines.offer(_TOPIC, self._jobs)
        self._changes = asyncio.Lock()

    def all(self) -> list[Polled]:
        """All polled devices, sorted by instance."""
        return [self._polled[instance] for instance in sorted(self._polled)]

    def one(self, instance: str) -> Polled | None:
        return self._polled.get(instance)

    def named(self, name: str) -> Polled | None:
        """The device of a handle, or of a name that no other has."""
        namesakes = [one for one in self._polled.values() if one.record.name == name]
        return self._polled.get(name) or (namesakes[0] if len(namesakes) == 1 else None)

    def standing(self, agent_id: str, instance: str) -> Standing:
        """Whether an agent may speak of a device; cheap."""
        polled = self._polled.get(instance)
        if polled is not None and polled.record.agent_id == agent_id:
            return Standing.ASSIGNED
        return Standing.RELEASED if (agent_id, instance) in self._released else Standing.STRANGER

    def counts_still(self, agent_id: str, instance: str, time_ms: int, is_last_word: bool) -> bool:
        """Whether a reading counts of an agent that has released the device.

        Of one that another agent polls now, what was read before that began; readings of both, taken in turns, would
        be two counters in one series. Its last word, which ends the series, counts unless it comes later than that.
        """
        until_ms = self._released[agent_id, instance]
        if is_last_word:
            return instance not in self._polled or time_ms <= until_ms + LAST_WORD_MS
        return time_ms <= until_ms

    async def add(self, record: DeviceRecord, is_taken: Callable[[str], bool]) -> DeviceRecord:
        """Has a device polled from now on, under a handle like that of the record which nobody else has.

        Raises DeviceExists, TooMany.
        """
        async with self._changes:
            if sum(one.record.agent_id == record.agent_id for one in self._polled.values()) >= MOST_DEVICES:
                raise TooMany(f"an agent polls at most {MOST_DEVICES:,} devices")
            self._check_alone(record, list(self._polled.values()))
            stem = handle_of(record.instance)[: _LONGEST_HANDLE - 6]
            handles = chain([stem], (f"{stem}-{number}" for number in count(2)))
            free = next(one for one in handles if one not in self._polled and not is_taken(one))
            record = replace(record, instance=free)
            await asyncio.to_thread(self._devices.add, record)
            self._polled[record.instance] = Polled(record, self._now_ms())
            self._released.pop((record.agent_id, record.instance), None)
            self.lines.renew(_TOPIC, [record.agent_id])
        log.info("device.added", device=record.instance, host=record.host, port=record.port)
        return record

    async def change(self, record: DeviceRecord, agent_id: str | None = None) -> None:
        """Takes what people say of a device from now on. Raises DeviceExists, TooMany.

        agent_id: who is to poll it; without, whoever does by now, which may be another than the record says.
        """
        async with self._changes:
            now = self._polled[record.instance].record
            record = replace(record, agent_id=agent_id or now.agent_id, moved=now.moved)
            if record.agent_id == now.agent_id:
                await self._keep(record)
            else:
                await self._hand_over(record, ASKED, 0.0)
        log.info("device.changed", device=record.instance, host=record.host, port=record.port)

    async def hand_over(self, instance: str, before: str, agent_id: str, because: str, apart_s: float) -> bool:
        """Has a device polled by another agent than the one before; False where people have said otherwise meanwhile.

        apart_s: so long after the one was told to stop the other is told to begin. Raises DeviceExists, TooMany.
        """
        async with self._changes:
            polled = self._polled.get(instance)
            if polled is None or polled.record.is_pinned or polled.record.agent_id != before:
                return False
            await self._hand_over(replace(polled.record, agent_id=agent_id), because, apart_s)
        return True

    async def _hand_over(self, record: DeviceRecord, because: str, apart_s: float) -> None:
        before = self._polled[record.instance].record.agent_id
        if sum(one.record.agent_id == record.agent_id for one in self._polled.values()) >= MOST_DEVICES:
            raise TooMany(f"an agent polls at most {MOST_DEVICES:,} devices")
        moved = Moved(before, self._now_ms() + round(apart_s * 1000), because)
        await self._keep(replace(record, moved=moved))
        self._released[before, record.instance] = moved.time_ms
        self._released.pop((record.agent_id, record.instance), None)
        asyncio.get_running_loop().call_later(apart_s, self.lines.renew, _TOPIC, [record.agent_id])

    async def _keep(self, record: DeviceRecord) -> None:
        polled = self._polled[record.instance]
        before = polled.record.agent_id
        self._check_alone(record, [one for one in self._polled.values() if one is not polled])
        await asyncio.to_thread(self._devices.change, record)
        polled.record = replace(record, facts=polled.record.facts, identified_ms=polled.record.identified_ms)
        self.lines.renew(_TOPIC, {before})

    def _check_alone(self, record: DeviceRecord, others: Iterable[Polled]) -> None:
        """Raises DeviceExists where another device is polled at an address of the same site."""
        site = self._site_of(record)
        for one in others:
            is_there = (one.record.host, one.record.port) == (record.host, record.port)
            if is_there and self._site_of(one.record) == site:
                raise DeviceExists(f"{record.host} port {record.port} is polled already, as {one.record.instance}")

    async def remove(self, instance: str) -> bool:
        """Has a device polled no more; False where it is not."""
        async with self._changes:
            polled = self._polled.get(instance)
            if polled is None:
                return False
            await asyncio.to_thread(self._devices.remove, instance)
            del self._polled[instance]
            if len(self._released) < MOST_DEVICES:
                self._released[polled.record.agent_id, instance] = 0
            self.lines.renew(_TOPIC, [polled.record.agent_id])
        log.info("device.removed", device=instance)
        return True

    async def keep_credential(self, name: str, credential: SnmpCredential) -> None:
        """Keeps a credential, and tells those who use it. Raises SealBroken, OSError."""
        await asyncio.to_thread(self.credentials.put, name, credential, self._now_ms())
        users = {one.record.agent_id for one in self._polled.values() if name in one.record.credentials}
        self.lines.renew(_TOPIC, users)

    def poll_now(self, instance: str, is_afresh: bool = False, ports: Collection[int] = ()) -> bool:
        """Has a device polled at once, as if for the first time if wanted, or a few of its ports alone, by ifIndex.

        False where its agent is not connected.
        """
        return self.lines.poll(self._polled[instance].record.agent_id, instance, is_afresh, ports)

    async def reported(self, agent_id: str, report: DeviceReport) -> None:
        """Takes note of what an agent says of a device; of one that is not its own, nothing."""
        if self.standing(agent_id, report.device) is not Standing.ASSIGNED:
            return
        polled = self._polled[report.device]
        texts = {one.name: getattr(report, one.name)[:_LONGEST_TEXT] for one in fields(report) if one.type is str}
        polled.report, polled.reported_ms = replace(report, **texts), self._now_ms()
        facts = {name: texts["name" if name == "sys_name" else name] for name in polled.record.facts}
        if not report.answered or facts == polled.record.facts:
            return
        now_ms = self._now_ms()
        polled.record = replace(polled.record, facts=facts, identified_ms=now_ms)
        try:
            await asyncio.to_thread(self._devices.identified, report.device, facts, now_ms)
        except SQLAlchemyError as error:
            log.warning("device.not_kept", device=report.device, error=reason_of(error))

    def heard(self, instance: str, time_ms: int, up: bool) -> None:
        """Takes note of a poll; one that comes late tells nothing of now."""
        polled = self._polled.get(instance)
        if polled is not None and time_ms >= polled.newest_ms:
            polled.newest_ms, polled.heard_ms = time_ms, self._now_ms()
            polled.is_now(up, polled.heard_ms)

    def judge(self) -> None:
        """Says of devices that nobody has polled for some time that nothing is known of them."""
        now_ms = self._now_ms()
        for polled in self._polled.values():
            if polled.heard_ms is not None and now_ms - polled.heard_ms > MISSED_INTERVALS * polled.record.interval_ms:
                polled.is_now(None, now_ms)

    def _jobs(self, agent_id: str) -> Jobs | None:
        """All that an agent has to poll; None where that cannot be said, so that it goes on as it does."""
        records = [one.record for one in list(self._polled.values()) if one.record.agent_id == agent_id]
        try:
            names = {name for record in records for name in record.credentials}
            known = {name: self.credentials.get(name) for name in names}
        except (SealBroken, SQLAlchemyError) as error:
            log.error("jobs.not_told", error=str(error), consequence="pollers go on with what they were told before")
            return None
        return Jobs(
            tuple(
                Job(
                    record.instance,
                    record.host,
                    record.port,
                    record.interval_ms,
                    credentials,
                    self._facts_interval_ms,
                    record.profile,
                    record.speeds_bps,
                )
                for record in records
                if (credentials := tuple(one for name in record.credentials if (one := known[name]) is not None))
            )
        )
