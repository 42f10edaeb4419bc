"""Named credentials for devices, sealed: what lies in the database does not open any device."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from netmon_collector.state.database import reading
from netmon_collector.state.schema import credentials
from netmon_configs.sealing import Sealer
from netmon_proto.model import SnmpCredential


class InUse(Exception):
    """A credential can't go while devices are polled with it."""


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """A credential as people see it: without what is secret."""

    name: str
    version: str
    changed_ms: int


class Credentials:
    """The credentials of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    def put(self, name: str, credential: SnmpCredential, now_ms: int) -> None:
        """Keeps a credential under a name, instead of what was there. Raises SealBroken, OSError."""
        sealed = self._sealer.seal(json.dumps(asdict(credential)).encode(), _purpose(name))
        values = {"version": credential.version, "sealed": sealed, "changed_ms": now_ms}
        with self._engine.begin() as connection:
            if not connection.execute(update(credentials).where(credentials.c.name == name).values(**values)).rowcount:
                connection.execute(insert(credentials).values(name=name, **values))

    def get(self, name: str) -> SnmpCredential | None:
        """The credential of a name. Raises SealBroken."""
        with reading(self._engine) as connection:
            sealed = connection.scalar(select(credentials.c.sealed).where(credentials.c.name == name))
        if sealed is None:
            return None
        return SnmpCredential(**json.loads(self._sealer.open(sealed, _purpose(name))))

    def all(self) -> list[CredentialRecord]:
        """All credentials, sorted by name."""
        columns = credentials.c.name, credentials.c.version, credentials.c.changed_ms
        with reading(self._engine) as connection:
            found = [CredentialRecord(*row) for row in connection.execute(select(*columns))]
        return sorted(found, key=lambda one: one.name)

    def remove(self, name: str) -> bool:
        """Forgets a credential; False where there is none of that name. Raises InUse."""
        try:
            with self._engine.begin() as connection:
                return connection.execute(delete(credentials).where(credentials.c.name == name)).rowcount > 0
        except IntegrityError:
            raise InUse(f"devices are polled with credential {name!r}") from None


def _purpose(name: str) -> str:
    return f"credential {name}"
