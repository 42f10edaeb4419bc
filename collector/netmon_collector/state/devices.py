"""The devices that are polled: where they are, what they are, and which agent polls each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from netmon_collector.state.database import reading
from netmon_collector.state.schema import FACTS, devices, jobs


class DeviceExists(Exception):
    """There is a device of that handle, or at that address, already."""


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A polled device. `instance` never changes; `facts` are what it was identified as, by the names in FACTS."""

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


_DEVICE = [devices.c[name] for name in ("instance", "name", "host", "port")]
_COLUMNS = [*_DEVICE, jobs.c.agent_id, jobs.c.credential, jobs.c.interval_ms]
_COLUMNS += [devices.c.added_ms, devices.c.identified_ms]


class Devices:
    """The polled devices of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, record: DeviceRecord) -> None:
        """Keeps a new device and its job. Raises DeviceExists."""
        device = {column.name: getattr(record, column.name) for column in [*_DEVICE, devices.c.added_ms]}
        job = {name: getattr(record, name) for name in ("instance", "agent_id", "credential", "interval_ms")}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(devices).values(**device, **record.facts))
                connection.execute(insert(jobs).values(job))
        except IntegrityError:
            raise DeviceExists(f"{record.host} port {record.port} is polled already, as another device") from None

    def all(self) -> list[DeviceRecord]:
        """All devices, sorted by instance."""
        facts = [devices.c[name] for name in FACTS]
        statement = select(*_COLUMNS, *facts).join(jobs)
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings().all()
        plain = [column.name for column in _COLUMNS]
        found = [
            DeviceRecord(**{name: row[name] for name in plain}, facts={name: row[name] for name in FACTS})
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
            connection.execute(delete(jobs).where(jobs.c.instance == instance))
            connection.execute(delete(devices).where(devices.c.instance == instance))
