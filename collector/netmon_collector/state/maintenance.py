"""Windows of maintenance in the state database. Calls are synchronous, for a thread."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, delete, insert, select, update

from netmon_collector.alerts.maintenance import Window
from netmon_collector.alerts.matching import parse_matchers, written
from netmon_collector.state.database import reading
from netmon_collector.state.schema import maintenance


class KeptWindows:
    """All windows that there are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Window]:
        with reading(self._engine) as connection:
            return [_window(content) for content in connection.scalars(select(maintenance.c.content))]

    def keep(self, window: Window) -> None:
        content = orjson.dumps(
            {**asdict(window), "matchers": written(window.matchers), "starts_at": window.starts_at.isoformat()}
        )
        with self._engine.begin() as connection:
            known = maintenance.c.id == window.id
            if not connection.execute(update(maintenance).where(known).values(content=content)).rowcount:
                connection.execute(insert(maintenance).values(id=window.id, content=content))

    def drop(self, window_id: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(maintenance).where(maintenance.c.id == window_id))


def _window(content: bytes) -> Window:
    plain: dict[str, Any] = orjson.loads(content)
    return Window(
        **{
            **plain,
            "matchers": parse_matchers(plain["matchers"]),
            "starts_at": datetime.fromisoformat(plain["starts_at"]),
        }
    )
