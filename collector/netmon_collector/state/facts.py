"""The newest facts of each device, as the collector packed them."""

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from netmon_collector.state.database import reading
from netmon_collector.state.schema import device_facts


class KeptFacts:
    """The facts of a state database; they go with their device. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, instance: str, now_ms: int, content: bytes) -> None:
        """Keeps a device's facts instead of those before; of a device that has gone meanwhile, nothing."""
        known = device_facts.c.instance == instance
        values = {"told_ms": now_ms, "content": content}
        try:
            with self._engine.begin() as connection:
                if not connection.execute(update(device_facts).where(known).values(values)).rowcount:
                    connection.execute(insert(device_facts).values(instance=instance, **values))
        except IntegrityError:
            return

    def get(self, instance: str) -> bytes | None:
        """A device's facts as they were packed."""
        with reading(self._engine) as connection:
            return connection.scalar(select(device_facts.c.content).where(device_facts.c.instance == instance))
