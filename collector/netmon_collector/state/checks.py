"""Checks that the collector assigns, in SQL; their options, which may hold secrets, are sealed."""

from pydantic import TypeAdapter
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from netmon_collector.checks.records import CheckRecord
from netmon_collector.state.database import reading
from netmon_collector.state.schema import checks
from netmon_configs.sealing import Sealer

_RECORD = TypeAdapter(CheckRecord)


class CheckExists(Exception):
    """There is a check of that name already."""


class KeptChecks:
    """The checks of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    def all(self) -> list[CheckRecord]:
        """All of them, without their secrets."""
        with reading(self._engine) as connection:
            return [_RECORD.validate_json(content) for content in connection.scalars(select(checks.c.content))]

    def add(self, record: CheckRecord, options: str) -> None:
        """Keeps a new check. Raises CheckExists, SealBroken, OSError."""
        sealed = self._sealer.seal(options.encode(), _purpose(record.name))
        row = {"name": record.name, "content": _RECORD.dump_json(record), "sealed": sealed}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(checks).values(row))
        except IntegrityError:
            raise CheckExists(f"there is a check {record.name!r} already") from None

    def change(self, record: CheckRecord) -> None:
        """Keeps what is known of a check, instead of what was known before; its options stay."""
        with self._engine.begin() as connection:
            content = {"content": _RECORD.dump_json(record)}
            connection.execute(update(checks).where(checks.c.name == record.name).values(content))

    def replace(self, record: CheckRecord, options: str) -> None:
        """Keeps a check instead of the one of its name. Raises SealBroken, OSError."""
        content = {
            "content": _RECORD.dump_json(record),
            "sealed": self._sealer.seal(options.encode(), _purpose(record.name)),
        }
        with self._engine.begin() as connection:
            connection.execute(update(checks).where(checks.c.name == record.name).values(content))

    def options(self) -> dict[str, str]:
        """The options of all checks, by name, with all that is secret. Raises SealBroken."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(checks.c.name, checks.c.sealed)).all()
        return {name: self._sealer.open(sealed, _purpose(name)).decode() for name, sealed in rows}

    def remove(self, name: str) -> None:
        """Forgets a check."""
        with self._engine.begin() as connection:
            connection.execute(delete(checks).where(checks.c.name == name))


def _purpose(name: str) -> str:
    return f"check {name}"
