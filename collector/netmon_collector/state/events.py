"""The log of events: what happened, newest first, within bounds of age and number."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, delete, func, insert, literal, or_, select

from netmon_collector.state.database import reading
from netmon_collector.state.schema import event_runs, events
from netmon_collector.store.acks import Acks
from netmon_collector.store.base import Origin

MOST_COUNTED: Final = 10_000
"""So many fitting events are counted; where there are more, that is the count."""
_PRUNED_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be kept; `severity` is a number of `Severity`, the time Unix milliseconds."""

    time_ms: int
    device: str
    source: str
    kind: str
    severity: int
    count: int
    text: str
    address: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EventRecord(NewEvent):
    """A kept event. Ids grow in the order in which events came, which need not be that of their times."""

    id: int
    received_ms: int


class Place(NamedTuple):
    """Where a page of the log ended: the next begins with what is older."""

    time_ms: int
    id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for: alternatives within a field, all fields together. Empty asks for all.

    `severities` are numbers of `Severity`; `text` is a part of the text in any case of letters.
    """

    devices: Sequence[str] = ()
    sources: Sequence[str] = ()
    kinds: Sequence[str] = ()
    severities: Sequence[int] = ()
    text: str = ""
    since_ms: int | None = None
    until_ms: int | None = None

    def accepts(self, event: NewEvent) -> bool:
        """Whether an event is one of those."""
        lists = ((event.device, self.devices), (event.source, self.sources), (event.kind, self.kinds))
        return (
            all(not values or value in values for value, values in lists)
            and (not self.severities or event.severity in self.severities)
            and self.text.lower() in event.text.lower()
            and (self.since_ms is None or event.time_ms >= self.since_ms)
            and (self.until_ms is None or event.time_ms < self.until_ms)
        )

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        lists = ((events.c.device, self.devices), (events.c.source, self.sources), (events.c.kind, self.kinds))
        for column, values in (*lists, (events.c.severity, self.severities)):
            if values:
                yield column.in_(values)
        if self.text:
            yield events.c.text.icontains(self.text, autoescape=True)
        if self.since_ms is not None:
            yield events.c.time_ms >= self.since_ms
        if self.until_ms is not None:
            yield events.c.time_ms < self.until_ms


class KeptEvents:
    """The events of a state database. Calls are synchronous; one at a time writes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, new: Sequence[NewEvent], origin: Origin, now_ms: int) -> bool:
        """Keeps a batch, all of it or nothing; False where it is kept already. On disk when this returns."""
        with self._engine.begin() as connection:
            acks = _acks(connection, origin.agent_id, origin.epoch)
            if acks.has(origin):
                return False
            acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)
            _keep_runs(connection, acks, origin.agent_id, origin.epoch)
            connection.execute(insert(events), [_row(one, now_ms) for one in new])
        return True

    def note(self, new: Sequence[NewEvent], now_ms: int) -> None:
        """Keeps what the collector itself has to tell. On disk when this returns."""
        with self._engine.begin() as connection:
            connection.execute(insert(events), [_row(one, now_ms) for one in new])

    def highest_acked(self, agent_id: str, epoch: int) -> int:
        """The highest sequence of an epoch that is kept; 0 where none is."""
        with reading(self._engine) as connection:
            return _acks(connection, agent_id, epoch).highest(agent_id, epoch)

    def settle(self, agent_id: str, epoch: int, below: int) -> None:
        """Lets go of what is known of sequences under `below`, but for the highest."""
        with self._engine.begin() as connection:
            acks = _acks(connection, agent_id, epoch)
            highest = acks.highest(agent_id, epoch)
            acks.settle(agent_id, epoch, min(below, highest))
            _keep_runs(connection, acks, agent_id, epoch)

    def page(self, wanted: Wanted, most: int, before: Place | None = None) -> list[EventRecord]:
        """Events by time, the newest first, from a place on."""
        conditions = list(wanted.conditions())
        if before is not None:
            same_time = and_(events.c.time_ms == before.time_ms, events.c.id < before.id)
            conditions.append(or_(events.c.time_ms < before.time_ms, same_time))
        order = events.c.time_ms.desc(), events.c.id.desc()
        return self._select(select(events).where(*conditions).order_by(*order).limit(most))

    def after(self, wanted: Wanted, most: int, last_id: int) -> list[EventRecord]:
        """Events that came after one, in the order in which they came."""
        conditions = [*wanted.conditions(), events.c.id > last_id]
        return self._select(select(events).where(*conditions).order_by(events.c.id).limit(most))

    def count(self, wanted: Wanted) -> int:
        """How many fit, up to MOST_COUNTED."""
        some = select(literal(1)).select_from(events).where(*wanted.conditions()).limit(MOST_COUNTED).subquery()
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(some)) or 0)

    def newest_id(self) -> int:
        """The id of what came last; 0 where nothing did."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.max(events.c.id))) or 0)

    def prune(self, before_ms: int, most: int) -> int:
        """Forgets what is older than a time, and the first that came of more than `most`; how many that were."""
        with reading(self._engine) as connection:
            last = connection.scalar(select(events.c.id).order_by(events.c.id.desc()).offset(most).limit(1))
        gone = self._delete(events.c.time_ms < before_ms)
        return gone + (self._delete(events.c.id <= last) if last is not None else 0)

    def _delete(self, condition: ColumnElement[bool]) -> int:
        """A few thousand at a time, so that nobody waits long for the database."""
        total = 0
        while True:
            some = select(events.c.id).where(condition).limit(_PRUNED_AT_ONCE)
            with self._engine.begin() as connection:
                gone = connection.execute(delete(events).where(events.c.id.in_(some))).rowcount
            total += gone
            if gone < _PRUNED_AT_ONCE:
                return total

    def _select(self, statement: Any) -> list[EventRecord]:
        with reading(self._engine) as connection:
            return [_record(row) for row in connection.execute(statement).mappings()]


def _acks(connection: Connection, agent_id: str, epoch: int) -> Acks:
    known = event_runs.c.agent_id == agent_id, event_runs.c.epoch == epoch
    rows = connection.execute(select(event_runs.c.first, event_runs.c.last).where(*known).order_by(event_runs.c.first))
    acks = Acks()
    for first, last in rows:
        acks.add(agent_id, epoch, first, last)
    return acks


def _keep_runs(connection: Connection, acks: Acks, agent_id: str, epoch: int) -> None:
    connection.execute(delete(event_runs).where(event_runs.c.agent_id == agent_id, event_runs.c.epoch == epoch))
    rows = [
        {"agent_id": agent_id, "epoch": epoch, "first": first, "last": last}
        for _, _, _, runs in acks.dump()
        for first, last in runs
    ]
    if rows:
        connection.execute(insert(event_runs), rows)


def _row(new: NewEvent, now_ms: int) -> dict[str, Any]:
    return {
        "time_ms": new.time_ms,
        "received_ms": now_ms,
        "device": new.device,
        "source": new.source,
        "kind": new.kind,
        "severity": new.severity,
        "count": new.count,
        "text": new.text,
        "address": new.address,
        "fields": json.dumps(dict(new.fields), ensure_ascii=False),
    }


def _record(row: RowMapping) -> EventRecord:
    values = {one.name: row[one.name] for one in fields_of(EventRecord) if one.name != "fields"}
    return EventRecord(**values, fields=json.loads(row["fields"]))
