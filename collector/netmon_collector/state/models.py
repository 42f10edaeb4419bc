"""Models of expressions, in SQL; the keys for servers that have some are sealed."""

from pydantic import TypeAdapter
from sqlalchemy import Engine, delete, insert, select

from netmon_collector.models.spec import Spec
from netmon_collector.state.database import reading
from netmon_collector.state.schema import models
from netmon_configs.logs import EventLog
from netmon_configs.sealing import SealBroken, Sealer

log = EventLog("netmon.collector.models")

_SPEC = TypeAdapter(Spec)


class KeptModels:
    """The models of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    def all(self) -> list[tuple[Spec, str]]:
        """Each with its key, "" where it needs none, or where it cannot be unsealed, which is told."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(models)).all()
        return [(_SPEC.validate_json(content), self._key(name, sealed)) for name, content, sealed in rows]

    def _key(self, name: str, sealed: bytes) -> str:
        try:
            return self._sealer.open(sealed, _purpose(name)).decode() if sealed else ""
        except SealBroken as error:
            log.warning("model.key_lost", model=name, error=str(error), consequence="its server will not answer")
            return ""

    def put(self, spec: Spec, key: str) -> None:
        """Keeps a model instead of what was of this name. Raises SealBroken, OSError."""
        sealed = self._sealer.seal(key.encode(), _purpose(spec.name)) if key else b""
        with self._engine.begin() as connection:
            connection.execute(delete(models).where(models.c.name == spec.name))
            row = {"name": spec.name, "content": _SPEC.dump_json(spec), "sealed": sealed}
            connection.execute(insert(models).values(row))

    def remove(self, name: str) -> None:
        """Forgets a model."""
        with self._engine.begin() as connection:
            connection.execute(delete(models).where(models.c.name == name))


def _purpose(name: str) -> str:
    return f"model {name}"
