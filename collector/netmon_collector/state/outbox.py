"""The outbox: what endpoints are told, what they were told last, and what became of it. Calls are synchronous, for a
thread."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from netmon_collector.alerts.decision import Endpoint, Notification, Outcome
from netmon_collector.alerts.groups import Told
from netmon_collector.alerts.incident import Incident
from netmon_collector.alerts.packing import pack_news, unpack_news
from netmon_collector.state.database import reading
from netmon_collector.state.incidents import keep_incidents
from netmon_collector.state.schema import notifications, told

MOST_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Posted:
    """A notification of the outbox. `number` is its place in the order of all; `attempts` were made so far."""

    number: int
    notification: Notification
    attempts: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a notification: `state` is pending, delivered or dead. `settled_ms` is None while pending."""

    key: str
    receiver: str
    endpoint: str
    group_key: str
    at_ms: int
    state: str
    attempts: int
    settled_ms: int | None
    error: str


class Outbox:
    """Notifications in the state database, in the order in which they were decided."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def told(self) -> dict[tuple[Endpoint, str], Told]:
        """Who was last told what; whether an endpoint tells of ends is not known here."""
        with reading(self._engine) as connection:
            return {
                (Endpoint(row.receiver, row.endpoint), row.group_key): Told(
                    row.at_ms, frozenset(orjson.loads(row.firing)), frozenset(orjson.loads(row.resolved))
                )
                for row in connection.execute(select(told))
            }

    def keep_outcomes(self, outcomes: Sequence[Outcome], incidents: Sequence[Incident] = ()) -> list[Posted]:
        """Takes note of what endpoints are told, puts it into the outbox, and keeps what becomes of incidents by that:
        all of it or nothing."""
        posted: list[Posted] = []
        with self._engine.begin() as connection:
            for one in outcomes:
                values = _told_row(one)
                known = told.c.key == values["key"]
                if not connection.execute(update(told).where(known).values(values)).rowcount:
                    connection.execute(insert(told).values(values))
                if one.notification is not None:
                    posted.append(_post(connection, one.notification))
            keep_incidents(connection, incidents)
        return posted

    def post(self, notification: Notification) -> Posted | None:
        """Puts a notification into the outbox that no group asked for; None where it has been there before."""
        try:
            with self._engine.begin() as connection:
                return _post(connection, notification)
        except IntegrityError:
            return None

    def pending(self) -> list[Posted]:
        """The outbox, in its order."""
        chosen = select(notifications).where(notifications.c.state == "pending").order_by(notifications.c.number)
        with reading(self._engine) as connection:
            return [_posted(row) for row in connection.execute(chosen)]

    def attempted(self, key: str, error: str) -> None:
        """Writes down that a notification could not be delivered yet."""
        chosen = update(notifications).where(notifications.c.key == key)
        with self._engine.begin() as connection:
            connection.execute(chosen.values(attempts=notifications.c.attempts + 1, error=error))

    def settle(self, key: str, state: str, now_ms: int, error: str = "", reference: str = "") -> None:
        """Writes down that a notification is delivered or dead; only then does it leave the outbox."""
        chosen = update(notifications).where(notifications.c.key == key)
        values = {"state": state, "settled_ms": now_ms, "error": error, "reference": reference}
        with self._engine.begin() as connection:
            connection.execute(chosen.values(attempts=notifications.c.attempts + 1, **values))

    def last_of(self, posted: Posted) -> tuple[bool, str]:
        """Whether what an endpoint was told of a group before a notification has reached it, with something that fires;
        and the newest reference that it gave for it."""
        one = posted.notification
        lane = (
            (notifications.c.receiver == one.endpoint.receiver)
            & (notifications.c.endpoint == one.endpoint.name)
            & (notifications.c.group_key == one.group_key)
            & (notifications.c.number < posted.number)
            & (notifications.c.state == "delivered")
        )
        chosen = select(notifications).where(lane).order_by(notifications.c.number.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(chosen).first()
        if row is None:
            return False, ""
        return any(alert.resolved_at_ms is None for alert in unpack_news(row.content)[1]), row.reference

    def counts(self) -> dict[str, int]:
        """How many notifications are in which state."""
        chosen = select(notifications.c.state, func.count().label("number")).group_by(notifications.c.state)
        with reading(self._engine) as connection:
            return {row.state: row.number for row in connection.execute(chosen)}

    def receipts(self, limit: int) -> list[Receipt]:
        """The newest notifications and what became of them, newest first."""
        columns = [notifications.c[name] for name in Receipt.__slots__]
        chosen = select(*columns).order_by(notifications.c.number.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [Receipt(*row) for row in connection.execute(chosen)]

    def receipt_of(self, key: str) -> Receipt:
        """What became of a notification that was posted."""
        columns = [notifications.c[name] for name in Receipt.__slots__]
        with reading(self._engine) as connection:
            return Receipt(*connection.execute(select(*columns).where(notifications.c.key == key)).one())

    def forget_before(self, at_ms: int, unfinished: Set[str] = frozenset()) -> None:
        """Drops what was delivered, or given up, before a time, and what groups were told before it. Of groups that are
        unfinished it keeps what endpoints were told last: they are to hear of the end, however late it comes."""
        lane = (notifications.c.receiver, notifications.c.endpoint, notifications.c.group_key)
        last = select(func.max(notifications.c.number).label("number"), notifications.c.group_key)
        last = last.where(notifications.c.state == "delivered").group_by(*lane)
        old = select(notifications.c.number).where(notifications.c.settled_ms < at_ms)
        old_told = select(told.c.key, told.c.group_key).where(told.c.at_ms < at_ms)
        with self._engine.begin() as connection:
            kept = {row.number for row in connection.execute(last) if row.group_key in unfinished}
            gone = [number for number in connection.scalars(old) if number not in kept]
            gone_told = [row.key for row in connection.execute(old_told) if row.group_key not in unfinished]
            for at in range(0, len(gone), MOST_AT_ONCE):
                some = gone[at : at + MOST_AT_ONCE]
                connection.execute(delete(notifications).where(notifications.c.number.in_(some)))
            for at in range(0, len(gone_told), MOST_AT_ONCE):
                connection.execute(delete(told).where(told.c.key.in_(gone_told[at : at + MOST_AT_ONCE])))


def _told_row(outcome: Outcome) -> dict[str, Any]:
    place = (outcome.endpoint.receiver, outcome.endpoint.name, outcome.group_key)
    return {
        "key": sha256("\0".join(place).encode(errors="surrogateescape")).hexdigest(),
        "receiver": outcome.endpoint.receiver,
        "endpoint": outcome.endpoint.name,
        "group_key": outcome.group_key,
        "at_ms": outcome.told.at_ms,
        "firing": orjson.dumps(sorted(outcome.told.firing)).decode(),
        "resolved": orjson.dumps(sorted(outcome.told.resolved)).decode(),
    }


def _post(connection: Connection, notification: Notification) -> Posted:
    row = {
        "key": notification.key,
        "receiver": notification.endpoint.receiver,
        "endpoint": notification.endpoint.name,
        "group_key": notification.group_key,
        "at_ms": notification.at_ms,
        "state": "pending",
        "attempts": 0,
        "error": "",
        "reference": "",
        "content": pack_news(notification.group_labels, notification.alerts),
    }
    number = connection.execute(insert(notifications).values(row).returning(notifications.c.number)).scalar_one()
    return Posted(number, notification, 0)


def _posted(row: Row[Any]) -> Posted:
    group_labels, alerts = unpack_news(row.content)
    endpoint = Endpoint(row.receiver, row.endpoint)
    news = Notification(row.key, endpoint, row.group_key, group_labels, row.at_ms, alerts)
    return Posted(row.number, news, row.attempts)
