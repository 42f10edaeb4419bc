"""What devices have and whom they know, as their pollers tell it: put together, kept, and handed on to who draws on it.

Ports, addresses, neighbours, tables of forwarding: docs/facts.md has the kinds and their fields.
"""

import asyncio
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.polling import Polling, Standing
from netmon_collector.state.database import reason_of
from netmon_collector.state.facts import KeptFacts
from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import DeviceFacts, FactTable

log = EventLog("netmon.collector.facts")

MOST_VALUES: Final = 2_000_000
"""Of one device; one that tells more is left at what it told before."""
MOST_TABLES: Final = 64
MOST_COLUMNS: Final = 32
LONGEST_TEXT: Final = 1024
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Learner(Protocol):
    """Who draws conclusions from facts, such as a map of links."""

    async def learn(self, facts: DeviceFacts) -> None:
        """Takes the newest facts of a device, which replace those before. In order for each device; raises nothing."""


@dataclass(slots=True)
class _Reading:
    """The parts of one reading that have come so far."""

    time_ms: int
    parts: int = 0
    values: int = 0
    tables: dict[str, FactTable] = field(default_factory=dict)


class FactBook:
    """The newest facts of each polled device, which outlive restarts, and of agents' hosts. Learners hear of each."""

    def __init__(
        self, kept: KeptFacts, polling: Polling, now_ms: Callable[[], int], learners: Sequence[Learner] = ()
    ) -> None:
        self._kept = kept
        self._polling = polling
        self._now_ms = now_ms
        self._learners = list(learners)
        self._coming: dict[str, _Reading] = {}

    def tell(self, learner: Learner) -> None:
        """Has one more hear of each new reading."""
        self._learners.append(learner)

    async def of(self, device: str) -> DeviceFacts | None:
        """The newest facts of a device; None where none are known."""
        content = await asyncio.to_thread(self._kept.get, device)
        return None if content is None else wire.decode_facts(zlib.decompress(content))

    async def told(self, agent_id: str, part: DeviceFacts, host: str = "") -> None:
        """Takes a part of a reading from an agent: of a device of its own, or, without a name, of its host."""
        is_own_host = bool(host and not part.device)
        if not is_own_host and self._polling.standing(agent_id, part.device) is not Standing.ASSIGNED:
            return
        facts = self._put_together(replace(part, device=host) if is_own_host else part)
        if facts is None:
            return
        if not is_own_host:  # an agent tells of its own host anew whenever it connects
            await self._keep(facts)
        for learner in self._learners:
            await learner.learn(facts)

    async def _keep(self, facts: DeviceFacts) -> None:
        try:
            content = zlib.compress(wire.encode_facts(facts), 1)
            await asyncio.to_thread(self._kept.put, facts.device, self._now_ms(), content)
        except SQLAlchemyError as error:
            log.warning("facts.not_kept", device=facts.device, error=reason_of(error))

    def _put_together(self, part: DeviceFacts) -> DeviceFacts | None:
        """The whole reading, with its last part. A reading of which a part is missing is dropped."""
        coming = self._coming.get(part.device)
        if part.part == 0:
            coming = self._coming[part.device] = _Reading(part.time_ms)
        if coming is None or coming.time_ms != part.time_ms or coming.parts != part.part:
            self._coming.pop(part.device, None)
            return None
        coming.parts += 1
        for table in part.tables:
            coming.values += len(table) * len(table.columns)
            if coming.values <= MOST_VALUES and _is_sound(table) and len(coming.tables) < MOST_TABLES:
                before = coming.tables.get(table.kind)
                coming.tables[table.kind] = _cut(table) if before is None else _longer(before, _cut(table))
        if not part.is_last:
            return None
        del self._coming[part.device]
        if coming.values > MOST_VALUES:
            log.warning("facts.too_many", device=part.device, values=coming.values, most=MOST_VALUES)
            return None
        return replace(part, part=0, tables=tuple(coming.tables.values()))


def _is_sound(table: FactTable) -> bool:
    names = table.columns.keys()
    return bool(_KIND.fullmatch(table.kind)) and len(names) <= MOST_COLUMNS and all(map(_FIELD.fullmatch, names))


def _cut(table: FactTable) -> FactTable:
    """With texts no longer than they may be: they come from devices, by way of an agent."""
    columns = {name: tuple(value[:LONGEST_TEXT] for value in values) for name, values in table.columns.items()}
    return replace(table, columns=columns)


def _longer(before: FactTable, more: FactTable) -> FactTable:
    """A table with the rows that follow; what only one of them tells is empty in the other's rows."""
    rows, more_rows = len(before), len(more)
    columns = {
        name: (*before.columns.get(name, ("",) * rows), *more.columns.get(name, ("",) * more_rows))
        for name in {**before.columns, **more.columns}
    }
    return FactTable(before.kind, columns, before.is_complete and more.is_complete)
