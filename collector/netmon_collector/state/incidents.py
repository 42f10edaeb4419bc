"""Incidents in the state database. Calls are synchronous, for a thread."""

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import Connection, Engine, delete, insert, select, update

from netmon_collector.alerts.incident import Entry, Escalated, Incident, Kind, Member
from netmon_collector.state.database import reading
from netmon_collector.state.schema import incidents


class IncidentBook:
    """Incidents as they were after their last change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Incident]:
        """By their numbers."""
        chosen = select(incidents.c.content).order_by(incidents.c.number)
        with reading(self._engine) as connection:
            return [_unpack(content) for content in connection.scalars(chosen)]

    def keep(self, changed: Iterable[Incident]) -> None:
        with self._engine.begin() as connection:
            keep_incidents(connection, changed)

    def drop(self, numbers: Sequence[int]) -> None:
        with self._engine.begin() as connection:
            for number in numbers:
                connection.execute(delete(incidents).where(incidents.c.number == number))


def keep_incidents(connection: Connection, changed: Iterable[Incident]) -> None:
    """Within a transaction of somebody else."""
    for one in changed:
        values = {"content": orjson.dumps(one, default=sorted)}
        known = incidents.c.number == one.number
        if not connection.execute(update(incidents).where(known).values(values)).rowcount:
            connection.execute(insert(incidents).values(number=one.number, **values))


def _unpack(content: bytes) -> Incident:
    plain = orjson.loads(content)
    plain["members"] = tuple(Member(**{**one, "devices": tuple(one.get("devices", ()))}) for one in plain["members"])
    plain["shadows"] = {cause: tuple(devices) for cause, devices in plain.get("shadows", {}).items()}
    plain["marks"] = frozenset((name, value) for name, value in plain["marks"])
    plain["escalated"] = tuple(Escalated(**one) for one in plain.get("escalated", ()))
    plain["timeline"] = tuple(Entry(**{**one, "kind": Kind(one["kind"])}) for one in plain["timeline"])
    return Incident(**plain)
