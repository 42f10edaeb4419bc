"""Alerts and silences in the state database. Calls are synchronous, for a thread."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.matching import parse_matchers, written
from netmon_collector.alerts.packing import pack_alert, unpack_alert
from netmon_collector.alerts.silences import Silence
from netmon_collector.state.database import reading
from netmon_collector.state.schema import alerts, silences

PORTION: Final = 500
"""Rows that go into one statement; SQLite takes 32,766 values."""


class AlertBook:
    """What must be known of alerts after a restart."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def alerts(self) -> list[Alert]:
        with reading(self._engine) as connection:
            return [unpack_alert(content) for content in connection.scalars(select(alerts.c.content))]

    def keep_alerts(self, changed: Sequence[Alert]) -> None:
        """Keeps alerts instead of what was known of them."""
        rows = [{"fingerprint": one.fingerprint, "content": pack_alert(one)} for one in changed]
        with self._engine.begin() as connection:
            _drop_alerts(connection, [one.fingerprint for one in changed])
            if rows:
                connection.execute(insert(alerts), rows)

    def drop_alerts(self, fingerprints: Sequence[str]) -> None:
        with self._engine.begin() as connection:
            _drop_alerts(connection, fingerprints)

    def silences(self) -> list[Silence]:
        with reading(self._engine) as connection:
            return [
                Silence(
                    id=row.id,
                    matchers=parse_matchers(row.matchers),
                    starts_at_ms=row.starts_at_ms,
                    ends_at_ms=row.ends_at_ms,
                    updated_at_ms=row.updated_at_ms,
                    created_by=row.created_by,
                    comment=row.comment,
                )
                for row in connection.execute(select(silences))
            ]

    def keep_silences(self, changed: Sequence[Silence]) -> None:
        with self._engine.begin() as connection:
            for one in changed:
                values = {
                    "matchers": written(one.matchers),
                    "starts_at_ms": one.starts_at_ms,
                    "ends_at_ms": one.ends_at_ms,
                    "updated_at_ms": one.updated_at_ms,
                    "created_by": one.created_by,
                    "comment": one.comment,
                }
                known = silences.c.id == one.id
                if not connection.execute(update(silences).where(known).values(values)).rowcount:
                    connection.execute(insert(silences).values(id=one.id, **values))

    def drop_silences(self, ids: Sequence[str]) -> None:
        with self._engine.begin() as connection:
            for silence_id in ids:
                connection.execute(delete(silences).where(silences.c.id == silence_id))


def _drop_alerts(connection: Connection, fingerprints: Sequence[str]) -> None:
    for start in range(0, len(fingerprints), PORTION):
        part = fingerprints[start : start + PORTION]
        connection.execute(delete(alerts).where(alerts.c.fingerprint.in_(part)))
