"""From who raises an alert to who is told of it, across failures and restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from netmon_collector.alerts import delivery as stage
from netmon_collector.alerts.base import Alert, AlertsNotTaken
from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.decision import Decisions, Endpoint
from netmon_collector.alerts.delivery import Delivery, Way
from netmon_collector.alerts.groups import Groups
from netmon_collector.alerts.inhibition import Inhibitor
from netmon_collector.alerts.maintenance import Maintenance
from netmon_collector.alerts.notifier import Notifier
from netmon_collector.alerts.routing_options import RouteOptions, make_tree
from netmon_collector.alerts.silences import Silences
from netmon_collector.state.alerts import AlertBook
from netmon_collector.state.database import open_state
from netmon_collector.state.outbox import Outbox
from tests.collector.alerts.test_decision import alert

MINUTE_MS = 60_000
OPS, BACKUP = Endpoint("ops", "webhook/0"), Endpoint("backup", "webhook/0")
ROUTE = make_tree(RouteOptions.model_validate({"receiver": "ops", "group_by": ["alertname"]}))

Heard = tuple[str, tuple[str, ...], tuple[str, ...]]


class Listener:
    """A channel that writes down what it was told, and fails as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.heard: list[Heard] = []
        self.keys: list[str] = []
        self.references: list[str] = []
        self.failures = list(failures)
        self.always: Exception | None = None
        self.closed = False

    async def send(self, message: Message) -> str:
        self.keys.append(message.notification.key)
        if self.always or self.failures:
            raise self.always or self.failures.pop(0)
        news = message.notification
        self.heard.append((news.group_key.partition(":")[2], hosts(news.firing), hosts(news.resolved)))
        self.references.append(message.reference)
        return f"thread-{len(self.heard)}"

    async def close(self) -> None:
        self.closed = True


def hosts(alerts: Sequence[Alert]) -> tuple[str, ...]:
    return tuple(dict(one.labels)["host"] for one in alerts)


class Clock:
    def __init__(self) -> None:
        self.at_ms = 0

    def now_ms(self) -> int:
        return self.at_ms


class Desk:
    """Notifier and delivery on one database, on a clock that is set by hand."""

    def __init__(self, state: Engine, clock: Clock, ways: dict[Endpoint, Way]) -> None:
        self.clock = clock
        self.outbox = Outbox(state)
        self.registry = CollectorRegistry()
        self.delivery = Delivery(
            self.outbox, ways, url="", now_ms=clock.now_ms, random=Random(1), registry=self.registry
        )
        decisions = Decisions(Silences(), Inhibitor(()), {}, {"ops": [OPS]}, Maintenance())
        self.notifier = Notifier(
            Groups(ROUTE), decisions, AlertBook(state), self.outbox, self.delivery.post, clock.now_ms
        )
        self.notifier.load()
        self.delivery.load()

    async def take(self, *alerts: Alert) -> None:
        await self.notifier.take(alerts, self.clock.at_ms)

    async def at(self, at_ms: int) -> None:
        """Sets the clock and has everything done that is due."""
        self.clock.at_ms = at_ms
        await self.notifier.look()

    def metrics(self) -> tuple[float | None, float | None]:
        """How long the oldest for ops waits, and how much of what fires was given up."""
        of = {"receiver": "ops"}
        value = self.registry.get_sample_value
        return (
            value("netmon_notification_oldest_waiting_seconds", of),
            value("netmon_notifications_dead_total", of),
        )

    async def settled(self) -> dict[str, int]:
        """How much was delivered and how much is dead, once nothing is pending."""
        await until(lambda: "pending" not in self.outbox.counts())
        return self.outbox.counts()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def working(state: Engine, clock: Clock, ways: dict[Endpoint, Way]) -> AsyncIterator[Desk]:
    desk = Desk(state, clock, ways)
    task = asyncio.create_task(desk.delivery.run())
    await asyncio.sleep(0)
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def state(tmp_path: Path) -> Engine:
    return open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "FIRST_WAIT_S", 0.001)


async def test_what_is_decided_is_delivered_and_has_a_receipt(state: Engine) -> None:
    listener = Listener()
    async with working(state, Clock(), {OPS: Way(listener)}) as desk:
        await desk.take(alert(0, alertname="Down", host="a"), alert(0, alertname="Down", host="b"))
        await desk.at(30_000)
        assert await desk.settled() == {"delivered": 1}
        await desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"))
        await desk.at(331_000)
        assert await desk.settled() == {"delivered": 2}
        receipts = desk.outbox.receipts(10)
    group = '{alertname="Down"}'
    assert listener.heard == [(group, ("a", "b"), ()), (group, ("b",), ("a",))]
    assert listener.references == ["", "thread-1"]
    assert [(one.state, one.attempts, one.settled_ms) for one in receipts] == [
        ("delivered", 1, 331_000),
        ("delivered", 1, 30_000),
    ]
    assert listener.closed


async def test_what_is_over_is_forgotten_though_it_is_said_again(state: Engine) -> None:
    book, listener = AlertBook(state), Listener()
    async with working(state, Clock(), {OPS: Way(listener)}) as desk:
        down, over = (
            alert(0, alertname="Down", host="a"),
            alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"),
        )
        await desk.take(down)
        await desk.at(30_000)
        await desk.settled()
        await desk.take(over)
        await desk.at(331_000)
        await desk.settled()
        await desk.take(over)
        await desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Other", host="b"))
        assert (desk.notifier.alerts(), book.alerts()) == ([], [])
        assert [firing for _, firing, _ in listener.heard] == [("a",), ()]
        await desk.take(
            alert(400_000, alertname="Short", host="c"), alert(0, resolved_at_ms=1, alertname="Short", host="c")
        )
        assert [(one.name, one.resolved_at_ms) for one in book.alerts()] == [("Short", 1)]
    book.keep_alerts([over])  # as versions before kept them
    Desk(state, Clock(), {})
    assert book.alerts() == []


async def test_nothing_is_over_because_time_has_passed_unseen(state: Engine) -> None:
    listener, clock = Listener(), Clock()
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        running = asyncio.create_task(desk.notifier.run())
        first, second = (replace(alert(0, alertname="Down", host=host), valid_until_ms=240_000) for host in "ab")
        await desk.take(first)
        clock.at_ms = 30_000
        await desk.take(first)
        await until(lambda: len(listener.heard) == 1)
        clock.at_ms = 3_600_000
        await desk.take(replace(second, valid_until_ms=3_840_000))
        await until(lambda: len(listener.heard) == 2)
        running.cancel()
    told = [(firing, over) for _, firing, over in listener.heard]
    assert told == [(("a",), ()), (("a", "b"), ())]


async def test_a_receiver_that_is_away_gets_all_of_it_in_order_once_it_is_back(state: Engine) -> None:
    listener = Listener()
    listener.always = NotDelivered("connection refused")
    async with working(state, Clock(), {OPS: Way(listener)}) as desk:
        for minute in range(0, 10, 2):
            await desk.take(alert(minute * MINUTE_MS, alertname="Down", host=f"h{minute}"))
            await desk.at((minute + 1) * MINUTE_MS)
        await desk.at(16 * MINUTE_MS)
        await until(lambda: len(listener.keys) > 5)
        assert not listener.heard
        posted = desk.outbox.counts()["pending"]
        assert posted == 3
        listener.always = None
        assert await desk.settled() == {"delivered": posted}
    assert [len(firing) for _, firing, _ in listener.heard] == [1, 4, 5]
    assert len(set(listener.keys)) == posted


async def test_an_end_follows_only_a_start_that_arrived(state: Engine) -> None:
    listener = Listener(NotDelivered("no such room", permanent=True))
    async with working(state, Clock(), {OPS: Way(listener)}) as desk:
        await desk.take(alert(0, alertname="Down", host="a"))
        await desk.at(30_000)
        await desk.settled()
        await desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"))
        await desk.at(331_000)
        assert await desk.settled() == {"dead": 2}
        errors = [one.error for one in desk.outbox.receipts(10)]
    assert listener.heard == []
    assert errors == [stage.NOBODY_KNOWS, "no such room"]


async def test_who_stands_in_is_told_of_the_start_and_of_the_end(state: Engine) -> None:
    broken, backup = Listener(), Listener()
    broken.always = NotDelivered("gone", permanent=True)
    ways = {OPS: Way(broken, failover=(BACKUP,)), BACKUP: Way(backup)}
    async with working(state, Clock(), ways) as desk:
        await desk.take(alert(0, alertname="Down", host="a"))
        await desk.at(30_000)
        assert await desk.settled() == {"dead": 1, "delivered": 1}
        await desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"))
        await desk.at(331_000)
        assert await desk.settled() == {"dead": 2, "delivered": 2}
    assert [(firing, over) for _, firing, over in backup.heard] == [(("a",), ()), ((), ("a",))]


async def test_a_slow_receiver_delays_no_other(state: Engine) -> None:
    slow, quick = Listener(), Listener()
    slow.always = NotDelivered("busy", retry_after_s=60.0)
    ways = {OPS: Way(slow, failover=(BACKUP,), failover_after_ms=0), BACKUP: Way(quick)}
    async with working(state, Clock(), ways) as desk:
        await desk.take(alert(0, alertname="Down", host="a"))
        await desk.at(30_000)
        await until(lambda: desk.outbox.counts() == {"pending": 1, "delivered": 1})
        assert len(quick.heard) == 1


async def test_a_restart_tells_nothing_twice_and_forgets_nothing(state: Engine) -> None:
    listener, clock = Listener(), Clock()
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        await desk.take(alert(0, valid_until_ms=4 * MINUTE_MS, alertname="Down", host="a"))
        await desk.at(30_000)
        await desk.settled()
        await desk.take(alert(0, alertname="Late", host="b"))
    clock.at_ms = 10 * MINUTE_MS
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        await desk.at(10 * MINUTE_MS)
        await desk.settled()
        assert [(group, firing) for group, firing, _ in listener.heard] == [
            ('{alertname="Down"}', ("a",)),
            ('{alertname="Late"}', ("b",)),
        ]
        await desk.take(alert(0, resolved_at_ms=11 * MINUTE_MS, alertname="Down", host="a"))
    clock.at_ms = 12 * MINUTE_MS
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        await desk.at(13 * MINUTE_MS)
        await desk.settled()
        assert listener.heard[-1] == ('{alertname="Down"}', (), ("a",))
        assert hosts(desk.notifier.alerts()) == ("b",)


async def test_what_was_not_delivered_before_a_restart_is_delivered_after_it(state: Engine) -> None:
    listener, clock = Listener(), Clock()
    listener.always = NotDelivered("away", retry_after_s=60.0)
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        await desk.take(alert(0, alertname="Down", host="a"))
        await desk.at(30_000)
        await until(lambda: len(listener.keys) == 1)
    listener.always = None
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        assert await desk.settled() == {"delivered": 1}
    assert listener.heard == [('{alertname="Down"}', ("a",), ())]
    assert listener.keys[0] == listener.keys[1]


async def test_an_end_is_told_however_long_ago_the_start_was_and_the_rest_is_forgotten(state: Engine) -> None:
    listener, clock = Listener(), Clock()
    week_ms = 7 * 86_400_000
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        await desk.take(alert(0, alertname="Down", host="a"), alert(0, alertname="Disk", host="b"))
        await desk.at(30_000)
        await desk.settled()
        await desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Disk", host="b"))
        await desk.at(331_000)
        assert await desk.settled() == {"delivered": 3}
        desk.outbox.forget_before(week_ms, {'{}:{alertname="Down"}'})
        assert [one.group_key for one in desk.outbox.receipts(10)] == ['{}:{alertname="Down"}']
        assert [group for _, group in desk.outbox.told()] == ['{}:{alertname="Down"}']
    clock.at_ms = week_ms
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        await desk.take(alert(0, resolved_at_ms=week_ms, alertname="Down", host="a"))
        await desk.at(week_ms + 301_000)
        assert await desk.settled() == {"delivered": 2}
        desk.outbox.forget_before(2 * week_ms)
        assert desk.outbox.receipts(10) == []
    assert listener.heard[-1] == ('{alertname="Down"}', (), ("a",))


async def test_how_long_somebody_is_not_told_can_be_seen_and_what_never_arrived(state: Engine) -> None:
    listener, clock = Listener(), Clock()
    listener.always = NotDelivered("away", retry_after_s=0.01)
    async with working(state, clock, {OPS: Way(listener)}) as desk:
        assert desk.metrics() == (0, 0)
        await desk.take(alert(0, alertname="Down", host="a"))
        await desk.at(30_000)
        clock.at_ms = 90_000
        assert desk.metrics() == (60, 0)
        listener.always = NotDelivered("no such room", permanent=True)
        assert await desk.settled() == {"dead": 1}
        await until(lambda: desk.metrics() == (0, 1))
        await desk.take(alert(0, resolved_at_ms=100_000, alertname="Down", host="a"))
        await desk.at(900_000)
        assert await desk.settled() == {"dead": 2}
        assert desk.metrics() == (0, 1)  # the end of what nobody was told of is no loss


async def test_five_thousand_alerts_in_one_second_are_one_message(state: Engine) -> None:
    listener = Listener()
    async with working(state, Clock(), {OPS: Way(listener)}) as desk:
        await desk.take(*(alert(0, alertname="Down", host=f"h{number:04}") for number in range(5000)))
        await desk.at(30_000)
        assert await desk.settled() == {"delivered": 1}
    assert len(listener.heard[0][1]) == 5000


async def test_alerts_that_cannot_be_kept_are_asked_for_again(state: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    async with working(state, Clock(), {OPS: Way(listener)}) as desk:
        keep = AlertBook.keep_alerts

        def fail(_book: AlertBook, _changed: Sequence[Alert]) -> None:
            raise OperationalError("insert", {}, Exception("database or disk is full"))

        monkeypatch.setattr(AlertBook, "keep_alerts", fail)
        with pytest.raises(AlertsNotTaken, match="database or disk is full"):
            await desk.take(alert(0, alertname="Down", host="a"))
        monkeypatch.setattr(AlertBook, "keep_alerts", keep)
        await desk.take(alert(0, alertname="Down", host="a"))
        await desk.at(30_000)
        assert await desk.settled() == {"delivered": 1}
