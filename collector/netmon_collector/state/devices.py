"""The devices that are polled: where they are, what they are, and which agent polls each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from netmon_collector.state.database import reading
from netmon_collector.state.schema import FACTS, devices, further_credentials, jobs


class DeviceExists(Exception):
    """There is a device of that handle, or at that address of the same site, already."""


class Moved(NamedTuple):
    """That a device has changed its poller: who polled it before, until when, and why another one does."""

    former_agent_id: str
    time_ms: int
    because: str


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A polled device. `instance` never changes; `facts` are what it was identified as, by the names in FACTS.

    `further` credentials are tried, in order, after the first one. `profile` is the one that it is to have, empty for
    the best; `speeds_bps` is people's word on ports, by ifName, ifDescr or ifIndex; `site` is people's too, or empty.
    With `is_pinned` people have said who polls it; `moved` is the last time that this became another agent.
    """

    instance: str
    name: str
    host: str
    port: int
    agent_id: str
    credential: str
    interval_ms: int
    added_ms: int
    identified_ms: int | None = None
    facts: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(FACTS, ""))
    further: tuple[str, ...] = ()
    profile: str = ""
    speeds_bps: Mapping[str, float] = field(default_factory=dict)
    site: str = ""
    is_pinned: bool = False
    moved: Moved | None = None

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of all its credentials, in the order in which they are tried."""
        return (self.credential, *self.further)


_WANTED = "wanted_profile"
_DEVICE = [devices.c[name] for name in ("instance", "name", "host", "port", "site")]
_JOB = [jobs.c[name] for name in ("agent_id", "credential", "interval_ms", "speeds_bps", "is_pinned")]
_MOVED = [jobs.c[name] for name in ("former_agent_id", "moved_ms", "moved_because")]
_COLUMNS = [*_DEVICE, *_JOB, devices.c.added_ms, devices.c.identified_ms]


class Devices:
    """The polled devices of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, record: DeviceRecord) -> None:
        """Keeps a new device and its job. Raises DeviceExists."""
        device = {column.name: getattr(record, column.name) for column in [*_DEVICE, devices.c.added_ms]}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(devices).values(**device, **record.facts))
                connection.execute(insert(jobs).values(instance=record.instance, **_job_of(record)))
                _put_further(connection, record)
        except IntegrityError:
            raise DeviceExists(f"there is a device {record.instance!r} already") from None

    def change(self, record: DeviceRecord) -> None:
        """Keeps what people say of a device, instead of what they said before."""
        device = {name: getattr(record, name) for name in ("name", "host", "port", "site")}
        own = further_credentials.c.instance == record.instance
        with self._engine.begin() as connection:
            connection.execute(update(devices).where(devices.c.instance == record.instance).values(device))
            connection.execute(update(jobs).where(jobs.c.instance == record.instance).values(_job_of(record)))
            connection.execute(delete(further_credentials).where(own))
            _put_further(connection, record)

    def all(self) -> list[DeviceRecord]:
        """All devices, sorted by instance."""
        facts = [devices.c[name] for name in FACTS]
        statement = select(*_COLUMNS, *_MOVED, jobs.c.profile.label(_WANTED), *facts).join(jobs)
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings().all()
            more = connection.execute(select(further_credentials).order_by(further_credentials.c.place)).all()
        further: dict[str, tuple[str, ...]] = {}
        for instance, _, credential in more:
            further[instance] = (*further.get(instance, ()), credential)
        plain = [column.name for column in _COLUMNS]
        found = [
            DeviceRecord(
                **{name: row[name] for name in plain},
                facts={name: row[name] for name in FACTS},
                further=further.get(row["instance"], ()),
                profile=row[_WANTED],
                moved=Moved(*(row[one.name] for one in _MOVED)) if row["moved_ms"] is not None else None,
            )
            for row in rows
        ]
        return sorted(found, key=lambda one: one.instance)

    def identified(self, instance: str, facts: Mapping[str, str], now_ms: int) -> None:
        """Writes down what a device was found to be."""
        values = {**facts, "identified_ms": now_ms}
        with self._engine.begin() as connection:
            connection.execute(update(devices).where(devices.c.instance == instance).values(values))

    def remove(self, instance: str) -> None:
        """Forgets a device and its job."""
        with self._engine.begin() as connection:
            connection.execute(delete(further_credentials).where(further_credentials.c.instance == instance))
            connection.execute(delete(jobs).where(jobs.c.instance == instance))
            connection.execute(delete(devices).where(devices.c.instance == instance))


def _job_of(record: DeviceRecord) -> dict[str, object]:
    job = {column.name: getattr(record, column.name) for column in _JOB}
    moved = dict(zip((one.name for one in _MOVED), record.moved or (None, None, ""), strict=True))
    return {**job, **moved, "profile": record.profile, "speeds_bps": dict(record.speeds_bps)}


def _put_further(connection: Connection, record: DeviceRecord) -> None:
    rows = [
        {"instance": record.instance, "place": place, "credential": name} for place, name in enumerate(record.further)
    ]
    if rows:
        connection.execute(insert(further_credentials), rows)
