"""What was found out about incidents, in the state database. Calls are synchronous, for a thread."""

from collections.abc import Sequence

from sqlalchemy import Engine, delete, insert, select, update

from netmon_collector.causes.findings import Findings, pack, unpack
from netmon_collector.state.database import reading
from netmon_collector.state.schema import incident_causes


class KeptCauses:
    """The newest findings about each incident."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Findings]:
        """By the numbers of their incidents."""
        with reading(self._engine) as connection:
            chosen = select(incident_causes.c.content).order_by(incident_causes.c.number)
            return [unpack(content) for content in connection.scalars(chosen)]

    def keep(self, findings: Findings) -> None:
        values = {"content": pack(findings)}
        known = incident_causes.c.number == findings.number
        with self._engine.begin() as connection:
            if not connection.execute(update(incident_causes).where(known).values(values)).rowcount:
                connection.execute(insert(incident_causes).values(number=findings.number, **values))

    def drop(self, numbers: Sequence[int]) -> None:
        with self._engine.begin() as connection:
            for number in numbers:
                connection.execute(delete(incident_causes).where(incident_causes.c.number == number))
