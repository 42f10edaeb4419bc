"""Sweeps of networks and what they found, in SQL."""

from pydantic import TypeAdapter
from sqlalchemy import Engine, delete, func, insert, select, update

from netmon_collector.discovery.records import Find, SweepRecord
from netmon_collector.state.database import reading
from netmon_collector.state.schema import sweep_finds, sweeps

_SWEEP = TypeAdapter(SweepRecord)
_FIND = TypeAdapter(Find)


class KeptSweeps:
    """The sweeps of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sweeps(self) -> list[SweepRecord]:
        """All of them, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.scalars(select(sweeps.c.content).order_by(sweeps.c.number)).all()
        return [_SWEEP.validate_json(content) for content in rows]

    def finds(self) -> list[Find]:
        """All of them, in the order in which they were found."""
        with reading(self._engine) as connection:
            rows = connection.scalars(select(sweep_finds.c.content).order_by(sweep_finds.c.number)).all()
        return [_FIND.validate_json(content) for content in rows]

    def highest(self) -> tuple[int, int]:
        """The highest numbers of a sweep and of a find; 0 where there is none."""
        with reading(self._engine) as connection:
            numbers = [connection.scalar(select(func.max(table.c.number))) for table in (sweeps, sweep_finds)]
        return numbers[0] or 0, numbers[1] or 0

    def save(self, sweep: SweepRecord, finds: list[Find]) -> None:
        """Keeps a sweep and some of its finds, instead of what was kept under their numbers."""
        with self._engine.begin() as connection:
            content = {"content": _SWEEP.dump_json(sweep)}
            known = update(sweeps).where(sweeps.c.number == sweep.number).values(content)
            if not connection.execute(known).rowcount:
                connection.execute(insert(sweeps).values(number=sweep.number, **content))
            if finds:
                numbers = [one.number for one in finds]
                connection.execute(delete(sweep_finds).where(sweep_finds.c.number.in_(numbers)))
                rows = [{"number": one.number, "sweep": one.sweep, "content": _FIND.dump_json(one)} for one in finds]
                connection.execute(insert(sweep_finds), rows)

    def remove(self, number: int) -> None:
        """Forgets a sweep and what it found."""
        with self._engine.begin() as connection:
            connection.execute(delete(sweep_finds).where(sweep_finds.c.sweep == number))
            connection.execute(delete(sweeps).where(sweeps.c.number == number))
