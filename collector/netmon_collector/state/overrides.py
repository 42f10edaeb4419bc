"""Overrides of who is on call in the state database. Calls are synchronous, for a thread."""

from collections.abc import Collection
from dataclasses import asdict

import orjson
from sqlalchemy import Engine, delete, insert, select, update

from netmon_collector.alerts.overrides import OnCallOverride
from netmon_collector.state.database import reading
from netmon_collector.state.schema import on_call_overrides


class OverrideBook:
    """All overrides that people made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[OnCallOverride]:
        with reading(self._engine) as connection:
            return [
                OnCallOverride(**orjson.loads(content))
                for content in connection.scalars(select(on_call_overrides.c.content))
            ]

    def keep(self, override: OnCallOverride) -> None:
        content = orjson.dumps(asdict(override))
        with self._engine.begin() as connection:
            known = on_call_overrides.c.id == override.id
            if not connection.execute(update(on_call_overrides).where(known).values(content=content)).rowcount:
                connection.execute(insert(on_call_overrides).values(id=override.id, content=content))

    def drop(self, ids: Collection[str]) -> None:
        with self._engine.begin() as connection:
            for override_id in ids:
                connection.execute(delete(on_call_overrides).where(on_call_overrides.c.id == override_id))
