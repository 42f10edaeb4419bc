"""Which agent makes which check: who is told what, and what came of it."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.checks.records import Assigned, CheckRecord, Told
from netmon_collector.fleet import Device
from netmon_collector.lines import Lines
from netmon_collector.state.checks import CheckExists, KeptChecks
from netmon_collector.state.database import reason_of
from netmon_configs.logs import EventLog
from netmon_configs.sealing import SealBroken
from netmon_proto.model import AssignedCheck, CheckReport, Checks

log = EventLog("netmon.collector.checks")

MOST_CHECKS: Final = 2_000
"""Of one agent."""
MOST_BYTES: Final = 8 << 20
"""Of the options of all checks of one agent."""
LOOK_EVERY_S: Final = 5.0
SETTLES_MS: Final = 60_000
"""After a start agents need to come back, and names to be looked up: until then nothing is taken for gone."""
_TOPIC: Final = "checks"
_LONGEST_TEXT: Final = 1024


class TooManyChecks(Exception):
    """An agent makes as many checks as it may."""


class NobodyThere(Exception):
    """No agent is connected that could make a check."""


class Places(Protocol):
    """Whose an address is."""

    def device_at(self, host: str, agent_id: str) -> str:
        """The handle of the device that a name or an address is, seen from an agent; empty where nobody knows."""
        ...


class CheckBook:
    """All assigned checks, in memory; what must outlive a restart is in the state database."""

    def __init__(
        self,
        kept: KeptChecks,
        lines: Lines,
        agents: Callable[[], Iterable[Device]],
        places: Places,
        now_ms: Callable[[], int],
        mates: Callable[[str], Collection[str]],
    ) -> None:
        """`mates` are the agents at the sites of one, by instance."""
        self._kept = kept
        self._lines = lines
        self._agents = agents
        self._places = places
        self._now_ms = now_ms
        self._mates = mates
        self._checks = {record.name: Assigned(record) for record in kept.all()}
        self._settled_ms = now_ms() + SETTLES_MS
        self._changes = asyncio.Lock()
        lines.offer(_TOPIC, self._message)

    def all(self) -> list[Assigned]:
        """All checks, sorted by name."""
        return [self._checks[name] for name in sorted(self._checks)]

    def one(self, name: str) -> Assigned | None:
        return self._checks.get(name)

    async def add(self, record: CheckRecord, options: str) -> Assigned:
        """Has a check made from now on. Raises CheckExists, TooManyChecks, NobodyThere, SealBroken, OSError."""
        async with self._changes:
            if record.name in self._checks:
                raise CheckExists(f"there is a check {record.name!r} already")
            if record.is_any:
                record = replace(record, agents=(self._next_agent(),))
            for agent_id in record.agents:
                self._has_room(agent_id, record)
            record = self._placed(record)
            await asyncio.to_thread(self._kept.add, record, options)
            assigned = self._checks[record.name] = Assigned(record)
            self._lines.renew(_TOPIC, record.agents)
        log.info("check.added", check=record.name, type=record.type, agents=len(record.agents))
        return assigned

    async def options(self, name: str) -> str:
        """The options of a check, with all that is secret. Raises SealBroken, KeyError."""
        return (await asyncio.to_thread(self._kept.options))[name]

    async def replace(self, record: CheckRecord, options: str) -> Assigned:
        """Has a check made another way. Raises KeyError, TooManyChecks, NobodyThere, SealBroken, OSError."""
        async with self._changes:
            assigned = self._checks[record.name]
            before = assigned.record
            if record.is_any and not before.is_any:
                record = replace(record, agents=(self._next_agent(),))
            for agent_id in record.agents:
                self._has_room(agent_id, record)
            record = self._placed(replace(record, revision=max(record.revision, before.revision + 1)))
            await asyncio.to_thread(self._kept.replace, record, options)
            assigned.record, assigned.told = record, {}
            self._lines.renew(_TOPIC, {*before.agents, *record.agents})
        log.info("check.changed", check=record.name, agents=len(record.agents))
        return assigned

    async def remove(self, name: str) -> bool:
        """Has a check made no more; False where there is none."""
        async with self._changes:
            if (assigned := self._checks.get(name)) is None:
                return False
            await asyncio.to_thread(self._kept.remove, name)
            del self._checks[name]
            self._lines.renew(_TOPIC, assigned.record.agents)
        log.info("check.removed", check=name)
        return True

    def reported(self, agent_id: str, report: CheckReport) -> None:
        """Takes note of what an agent says of a check; of one that is not its own, or is no more, nothing."""
        assigned = self._checks.get(report.check)
        if assigned is None or agent_id not in assigned.record.agents or report.revision != assigned.record.revision:
            return
        text = report.trouble[:_LONGEST_TEXT]
        assigned.told[agent_id] = Told(replace(report, trouble=text), self._now_ms())

    def interval_ms(self, name: str) -> int:
        """How often a check is made; 0 where each agent's own interval counts, or nobody knows."""
        assigned = self._checks.get(name)
        return assigned.record.interval_ms if assigned is not None else 0

    async def run(self) -> None:
        """Finds other agents for checks whose agent is gone, and devices at other addresses; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look_after()
            except SQLAlchemyError as error:
                log.warning("check.not_kept", error=reason_of(error))

    async def look_after(self) -> None:
        """Does once what `run` does again and again. Raises SQLAlchemyError."""
        async with self._changes:
            settled = self._now_ms() >= self._settled_ms
            gone = {one.agent_id for one in self._agents() if settled and one.up is False}
            for assigned in self._checks.values():
                before = assigned.record
                wanted = self._moved(before) if before.is_any and gone.issuperset(before.agents) else before
                if (wanted := self._placed(wanted)) != before:
                    await self._change(assigned, wanted)

    async def _change(self, assigned: Assigned, wanted: CheckRecord) -> None:
        before = assigned.record
        await asyncio.to_thread(self._kept.change, wanted)
        assigned.record = wanted
        if wanted.agents != before.agents:
            assigned.told = {}
            log.info("check.moved", check=wanted.name)
        self._lines.renew(_TOPIC, {*before.agents, *wanted.agents})

    def _moved(self, record: CheckRecord) -> CheckRecord:
        """With another agent, where one is there and has room."""
        try:
            agent_id = self._next_agent(record.agents)
            self._has_room(agent_id, record)
        except (NobodyThere, TooManyChecks):
            return record
        return replace(record, agents=(agent_id,))

    def _placed(self, record: CheckRecord) -> CheckRecord:
        """With the devices that its targets are by now; just after a start those that they were, too."""
        known = record.devices if self._now_ms() < self._settled_ms else {}
        devices = {
            agent_id: {
                target: device
                for target, host in record.targets.items()
                if host
                and (device := self._places.device_at(host, agent_id) or known.get(agent_id, {}).get(target, ""))
            }
            for agent_id in record.agents
        }
        return replace(record, devices=devices)

    def _next_agent(self, gone: Iterable[str] = ()) -> str:
        """The connected agent with the fewest checks, of those at the sites of others that are gone, if there are any.

        Raises NobodyThere.
        """
        connected = [one for one in self._agents() if one.connected and one.job == "node"]
        if not connected:
            raise NobodyThere("no agent is connected that could check")
        mates = {instance for agent_id in gone for instance in self._mates(agent_id)}
        near = [one for one in connected if one.instance in mates] or connected
        return min((one.agent_id for one in near), key=lambda agent_id: (len(self._of(agent_id)), agent_id))

    def _has_room(self, agent_id: str, record: CheckRecord) -> None:
        own = [one for one in self._of(agent_id) if one.record.name != record.name]
        if len(own) >= MOST_CHECKS:
            raise TooManyChecks(f"an agent makes at most {MOST_CHECKS:,} checks")
        if sum(one.record.size_bytes for one in own) + record.size_bytes > MOST_BYTES:
            raise TooManyChecks(f"the checks of an agent have at most {MOST_BYTES >> 20} MiB of options together")

    def _of(self, agent_id: str) -> list[Assigned]:
        return [one for one in list(self._checks.values()) if agent_id in one.record.agents]

    def _message(self, agent_id: str) -> Checks | None:
        """All that an agent has to check; None where that cannot be said, so that it goes on as it does."""
        own = self._of(agent_id)
        try:
            options = self._kept.options() if own else {}
        except (SealBroken, SQLAlchemyError) as error:
            log.error("checks.not_told", error=str(error), consequence="agents go on with what they were told before")
            return None
        return Checks(
            tuple(
                AssignedCheck(
                    one.record.name, one.record.revision, options[one.record.name], one.record.devices.get(agent_id, {})
                )
                for one in own
                if one.record.name in options
            )
        )
