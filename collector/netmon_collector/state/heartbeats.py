"""Heartbeats that others send, in SQL."""

import orjson
from sqlalchemy import Engine, delete, insert, select, update

from netmon_collector.heartbeats import Heartbeat
from netmon_collector.state.database import reading
from netmon_collector.state.schema import heartbeats


class KeptHeartbeats:
    """The heartbeats of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Heartbeat]:
        """By their names."""
        with reading(self._engine) as connection:
            found = connection.scalars(select(heartbeats.c.content).order_by(heartbeats.c.name))
            return [Heartbeat(**orjson.loads(content)) for content in found]

    def put(self, heartbeat: Heartbeat) -> None:
        """Keeps one instead of the one of its name."""
        values = {"content": orjson.dumps(heartbeat)}
        with self._engine.begin() as connection:
            known = heartbeats.c.name == heartbeat.name
            if not connection.execute(update(heartbeats).where(known).values(values)).rowcount:
                connection.execute(insert(heartbeats).values(name=heartbeat.name, **values))

    def remove(self, name: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(heartbeats).where(heartbeats.c.name == name))
