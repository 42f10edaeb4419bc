"""All sweeps: who is told to look where, what came of it, and what is proposed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.discovery.accepting import fits
from netmon_collector.discovery.records import RUNS, Answer, Find, Plan, State, SweepRecord
from netmon_collector.identity.judge import SAME, compare
from netmon_collector.identity.records import Source
from netmon_collector.identity.witness import Witnesses, witnesses
from netmon_collector.polling import Polling, TooMany
from netmon_collector.state.database import reason_of
from netmon_collector.state.devices import DeviceExists, DeviceRecord
from netmon_collector.state.sweeps import KeptSweeps
from netmon_configs.logs import EventLog
from netmon_configs.sealing import SealBroken
from netmon_proto.model import Found, Sweep, SweepNews

log = EventLog("netmon.collector.discovery")

MOST_KEPT: Final = 100
"""Sweeps; of those that are over the oldest goes when one is added."""
MOST_FINDS: Final = 65_536
"""Of one sweep."""
LOOK_EVERY_S: Final = 5.0
SILENT_MS: Final = 20_000
"""So long after its agent's last word a sweep is told of again: the agent may have started anew, and lost it."""
_LONGEST: Final = 1024
_MOST_FIELDS: Final = 32


class Refused(Exception):
    """What is asked for can't be done now; says why."""


class DiscoveryBook:
    """Sweeps and finds, in memory; what must outlive a restart is in the state database. Nothing sweeps by itself."""

    def __init__(
        self,
        kept: KeptSweeps,
        polling: Polling,
        known: Callable[[], Mapping[str, Source]],
        is_taken: Callable[[str], bool],
        now_ms: Callable[[], int],
        site_at: Callable[[str, str], str] = lambda _address, _agent_id: "",
    ) -> None:
        """`known` are devices' handles with what they said of themselves; `is_taken` whether others have a handle;
        `site_at` gives the site of an address that an agent sees."""
        self._kept = kept
        self._polling = polling
        self._known = known
        self._is_taken = is_taken
        self._now_ms = now_ms
        self._site_at = site_at
        self._sweeps = {one.number: one for one in kept.sweeps()}
        self._finds = {one.number: one for one in kept.finds()}
        self._by_address = {(one.sweep, one.found.address): one.number for one in self._finds.values()}
        self._last_sweep, self._last_find = kept.highest()
        self._heard_ms: dict[int, int] = {}
        self._changes = asyncio.Lock()

    def sweeps(self) -> list[SweepRecord]:
        """All sweeps, the newest first."""
        return sorted(self._sweeps.values(), key=lambda one: -one.number)

    def sweep(self, number: int) -> SweepRecord | None:
        return self._sweeps.get(number)

    def finds(self, sweep: int) -> list[Find]:
        """What a sweep found, in the order of its finding."""
        return [one for one in self._finds.values() if one.sweep == sweep]

    def find(self, number: int) -> Find | None:
        return self._finds.get(number)

    async def start(self, plan: Plan) -> SweepRecord:
        """Begins a sweep. Raises Refused where its agent is busy with another one."""
        async with self._changes:
            busy = [one for one in self._sweeps.values() if _is_on(one) and one.plan.agent_id == plan.agent_id]
            if busy:
                raise Refused(f"this agent carries out sweep {busy[0].number} already: wait for it, or stop it")
            over = [one.number for one in self._sweeps.values() if one.state in (State.DONE, State.STOPPED)]
            if len(self._sweeps) >= MOST_KEPT:
                if not over:
                    raise Refused(f"there are {MOST_KEPT} sweeps already: stop some")
                await self._forget(min(over))
            self._last_sweep += 1
            record = SweepRecord(self._last_sweep, plan, State.WAITING, self._now_ms())
            await self._keep(record)
            await self._order(record)
        log.info("sweep.asked", number=record.number, networks=", ".join(plan.networks)[:200])
        return record

    async def stop(self, number: int) -> SweepRecord | None:
        """Ends a sweep and its schedule; None where there is none."""
        async with self._changes:
            record = self._sweeps.get(number)
            if record is not None and record.state not in (State.DONE, State.STOPPED):
                self._polling.lines.order(record.plan.agent_id, Sweep(record.wire_id, is_stopped=True))
                record = replace(record, state=State.STOPPED, ended_ms=self._now_ms())
                await self._keep(record)
        return record

    async def told(self, agent_id: str, news: SweepNews) -> None:
        """Takes news from an agent; of a sweep that is not its own, or is over, nothing."""
        async with self._changes:
            record = self._sweeps.get(news.id // RUNS)
            is_now = record is not None and record.wire_id == news.id and _is_on(record)
            if record is None or not is_now or record.plan.agent_id != agent_id:
                return
            now_ms = self._heard_ms[record.number] = self._now_ms()
            state = State.RUNNING
            if news.is_over:
                state = State.PLANNED if record.plan.every_ms else State.DONE
            ended_ms = now_ms if news.is_over else None
            record = replace(
                record,
                state=state,
                done=news.done,
                total=news.total,
                ended_ms=ended_ms,
                trouble=news.trouble[:_LONGEST],
            )
            finds = [await self._judge(record, _cut(one)) for one in news.found if self._has_room(record, one)]
            try:
                await self._keep(record, finds)
            except SQLAlchemyError as error:
                log.warning("sweep.not_kept", number=record.number, error=reason_of(error))

    async def accept(self, number: int) -> Find:
        """Has what was found polled from now on. Raises Refused."""
        async with self._changes:
            find, record = self._open(number)
            return await self._settle(record, await self._take_on(record, find))

    async def reject(self, number: int) -> Find:
        """Says no to what was found; later runs of the sweep do not ask again. Raises Refused."""
        async with self._changes:
            find, record = self._open(number)
            return await self._settle(record, replace(find, answer=Answer.REJECTED))

    async def run(self) -> None:
        """Begins sweeps whose time has come, and tells agents again of what they may have lost; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look_after()
            except SQLAlchemyError as error:
                log.warning("sweep.not_kept", error=reason_of(error))

    async def look_after(self) -> None:
        """Does once what `run` does again and again. Raises SQLAlchemyError."""
        async with self._changes:
            for record in list(self._sweeps.values()):
                await self._look_at(record, self._now_ms())

    async def _look_at(self, record: SweepRecord, now_ms: int) -> None:
        if record.state is State.PLANNED and now_ms >= record.started_ms + record.plan.every_ms:
            record = replace(record, run=record.run + 1, state=State.WAITING, started_ms=now_ms, ended_ms=None)
            await self._keep(record)
            await self._order(record)
        elif _is_on(record) and now_ms - self._heard_ms.get(record.number, 0) > SILENT_MS:
            await self._order(record)

    async def _order(self, record: SweepRecord) -> None:
        """Tells the agent, if it is connected; else it is told when it is."""
        plan = record.plan
        try:
            found = [await asyncio.to_thread(self._polling.credentials.get, name) for name in plan.credentials]
        except SealBroken as error:
            log.error("sweep.not_told", number=record.number, error=str(error))
            return
        credentials = tuple(one for one in found if one is not None)
        sweep = Sweep(record.wire_id, plan.networks, plan.follow, plan.ports, credentials, plan.packets_per_s)
        if self._polling.lines.order(plan.agent_id, sweep):
            self._heard_ms[record.number] = self._now_ms()

    def _has_room(self, record: SweepRecord, found: Found) -> bool:
        is_known = (record.number, found.address) in self._by_address
        return is_known or sum(one.sweep == record.number for one in self._finds.values()) < MOST_FINDS

    async def _judge(self, record: SweepRecord, found: Found) -> Find:
        """What is to become of a find: it is known, to be asked about, or nothing that could be polled."""
        number = self._by_address.get((record.number, found.address))
        before = None if number is None else self._finds[number]
        if number is None:
            self._last_find += 1
            number = self._last_find
        find = Find(number, record.number, found, self._now_ms(), Answer.SEEN)
        device, reasons = self._who(record.plan, found)
        if device:
            find = replace(find, answer=Answer.KNOWN, device=device, reasons=reasons)
        elif found.credential:
            find = replace(find, answer=Answer.OPEN)
        if before is not None and before.answer in (Answer.ACCEPTED, Answer.REJECTED):
            find = replace(find, answer=before.answer, device=before.device, reasons=before.reasons)
        self._finds[number] = find  # so that the next one of this message is compared with it
        self._by_address[record.number, found.address] = number
        if find.answer is Answer.OPEN and (record.plan.accepts_new or fits(record.plan.accept_if, found)):
            try:
                find = await self._take_on(record, find)
            except Refused as error:
                find = replace(find, reasons=(str(error),))
        return find

    def _who(self, plan: Plan, found: Found) -> tuple[str, tuple[str, ...]]:
        """The handle of the device that answered, and why it is taken for that one; empty for one that is new."""
        for polled in self._polling.all():
            if polled.record.host == found.address and polled.record.agent_id == plan.agent_id:
                return polled.record.instance, (f"{found.address} is polled already",)
        told, site = found.told, self._site_at(found.address, plan.agent_id)
        mine = witnesses(
            serials=[told.get("serial", "")],
            macs=[found.mac],
            addresses=[found.address],
            name=told.get("name", ""),
            vendor=told.get("vendor", ""),
            model=told.get("model", ""),
        )
        best = max(
            (
                (compare(mine, source.witnesses, same_site=source.site == site), handle)
                for handle, source in self._known().items()
                if _share(mine, source.witnesses)
            ),
            key=lambda one: one[0].sameness,
            default=None,
        )
        if best is None or best[0].sameness < SAME:
            return "", ()
        return best[1], best[0].words

    async def _take_on(self, record: SweepRecord, find: Find) -> Find:
        found, plan = find.found, record.plan
        name = found.told.get("name", "") or found.names.get("dns", "") or found.address
        device = DeviceRecord(
            instance=name[:100],
            name=name[:100],
            host=found.address,
            port=161,
            agent_id=plan.agent_id,
            credential=found.credential,
            interval_ms=plan.interval_ms,
            added_ms=self._now_ms(),
        )
        try:
            added = await self._polling.add(device, self._is_taken)
        except (DeviceExists, TooMany) as error:
            raise Refused(str(error)) from None
        return replace(find, answer=Answer.ACCEPTED, device=added.instance)

    def _open(self, number: int) -> tuple[Find, SweepRecord]:
        find = self._finds.get(number)
        if find is None:
            raise LookupError(f"nothing was found under number {number}")
        if find.answer is not Answer.OPEN:
            words = {Answer.SEEN: "answers to no credential, so it cannot be polled", Answer.KNOWN: "is known already"}
            raise Refused(f"{find.found.address} {words.get(find.answer, f'is {find.answer.value} already')}")
        return find, self._sweeps[find.sweep]

    async def _settle(self, record: SweepRecord, find: Find) -> Find:
        await self._keep(record, [find])
        return find

    async def _keep(self, record: SweepRecord, finds: Sequence[Find] = ()) -> None:
        self._sweeps[record.number] = record
        self._finds.update({one.number: one for one in finds})
        await asyncio.to_thread(self._kept.save, record, list(finds))

    async def _forget(self, number: int) -> None:
        await asyncio.to_thread(self._kept.remove, number)
        del self._sweeps[number]
        for find in self.finds(number):
            del self._finds[find.number]
            self._by_address.pop((number, find.found.address), None)


def _is_on(record: SweepRecord) -> bool:
    return record.state in (State.WAITING, State.RUNNING)


def _share(one: Witnesses, another: Witnesses) -> bool:
    """Whether anything at all speaks for one device; a fast look, before all is weighed."""
    return bool(
        one.addresses & another.addresses
        or one.macs & another.macs
        or one.serials & another.serials
        or (one.name and one.name == another.name)
    )


def _cut(found: Found) -> Found:
    """With texts and lists no longer than they may be: they come from the network, by way of an agent."""
    return replace(
        found,
        address=found.address[:45],
        answered=tuple(one[:16] for one in found.answered[:8]),
        mac=found.mac[:17],
        ports=found.ports[:64],
        names={name[:16]: text[:253] for name, text in list(found.names.items())[:_MOST_FIELDS]},
        credential=found.credential[:64],
        told={name[:32]: text[:_LONGEST] for name, text in list(found.told.items())[:_MOST_FIELDS]},
        via=found.via[:100],
    )
