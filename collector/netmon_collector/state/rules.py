"""Rules in the state database: files that people saved, and alerts that outlive a restart."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.alerts.base import AlertState
from netmon_collector.rules.life import Active
from netmon_collector.state.database import reading
from netmon_collector.state.schema import kept_alerts, rule_files, rules_seen
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.state.rules")


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A rule file that was saved through the API."""

    name: str
    text: str
    changed_ms: int


class SavedFiles:
    """The saved rule files of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: list[SavedFile] = []

    def texts(self) -> list[tuple[str, str]]:
        """Names and texts of all files; while the database is away, of those that were there last."""
        with suppress(SQLAlchemyError):
            self._known = self.all()
        return [(one.name, one.text) for one in self._known]

    def all(self) -> list[SavedFile]:
        """All files, sorted by name."""
        statement = select(rule_files.c.name, rule_files.c.text, rule_files.c.changed_ms).order_by(rule_files.c.name)
        with reading(self._engine) as connection:
            return [SavedFile(*row) for row in connection.execute(statement)]

    def put(self, name: str, text: str, now_ms: int) -> None:
        """Keeps a file, instead of what was there under its name."""
        values = {"text": text, "changed_ms": now_ms}
        with self._engine.begin() as connection:
            if not connection.execute(update(rule_files).where(rule_files.c.name == name).values(**values)).rowcount:
                connection.execute(insert(rule_files).values(name=name, **values))

    def remove(self, name: str) -> bool:
        """Forgets a file; False where there is none of that name."""
        with self._engine.begin() as connection:
            return connection.execute(delete(rule_files).where(rule_files.c.name == name)).rowcount > 0


class KeptAlerts:
    """The alerts of a state database, by the keys of their rules. Coroutines wait for the database in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fails = False

    def all(self) -> dict[str, list[Active]]:
        """All alerts that were kept; one that cannot be read any more is left out."""
        found: dict[str, list[Active]] = {}
        with reading(self._engine) as connection:
            for rule, content in connection.execute(select(kept_alerts.c.rule, kept_alerts.c.content)):
                found.setdefault(rule, []).append(_read(content))
        return found

    def last_ms(self) -> int | None:
        """Until when rules were evaluated; None where they never were."""
        with reading(self._engine) as connection:
            last: int | None = connection.scalar(select(rules_seen.c.evaluated_ms))
            return last

    async def mark(self, now_ms: int) -> None:
        """Notes that rules were evaluated until now."""
        await self._unless_it_fails(self._mark, now_ms)

    async def _unless_it_fails(self, work: Callable[..., None], *arguments: object) -> None:
        """A full disk must not end alerting: what is not kept is missed at the next start alone, and told of once."""
        try:
            await asyncio.to_thread(work, *arguments)
        except SQLAlchemyError as error:
            if not self._fails:
                log.error("alerts.not_kept", error=str(getattr(error, "orig", None) or error))
            self._fails = True
        else:
            if self._fails:
                log.info("alerts.kept_again")
            self._fails = False

    def _mark(self, now_ms: int) -> None:
        with self._engine.begin() as connection:
            if not connection.execute(update(rules_seen).values(evaluated_ms=now_ms)).rowcount:
                connection.execute(insert(rules_seen).values(id=1, evaluated_ms=now_ms))

    async def keep(self, changed: Sequence[tuple[str, Active]], gone: Sequence[tuple[str, Active]]) -> None:
        await self._unless_it_fails(self._keep, changed, gone)

    def _keep(self, changed: Sequence[tuple[str, Active]], gone: Sequence[tuple[str, Active]]) -> None:
        old = [{"a": rule, "b": _place(alert.labels)} for rule, alert in (*changed, *gone)]
        new = [
            {"rule": rule, "fingerprint": _place(alert.labels), "content": _written(alert)} for rule, alert in changed
        ]
        same = (kept_alerts.c.rule == bindparam("a")) & (kept_alerts.c.fingerprint == bindparam("b"))
        with self._engine.begin() as connection:
            connection.execute(delete(kept_alerts).where(same), old)
            if new:
                connection.execute(insert(kept_alerts), new)


def _place(labels: Labels) -> str:
    return hashlib.blake2b(repr(labels).encode(errors="surrogateescape"), digest_size=16).hexdigest()


_TIMES = ("active_at_ms", "fired_at_ms", "resolved_at_ms", "kept_since_ms")


def _written(alert: Active) -> str:
    content: dict[str, Any] = {name: getattr(alert, name) for name in _TIMES}
    content |= {"labels": alert.labels, "annotations": alert.annotations, "state": alert.state, "value": alert.value}
    return json.dumps(content)


def _read(content: str) -> Active:
    told = json.loads(content)
    labels, annotations = (tuple((name, value) for name, value in told[one]) for one in ("labels", "annotations"))
    times = {name: told[name] for name in _TIMES}
    return Active(labels, annotations, AlertState(told["state"]), value=told["value"], **times)
