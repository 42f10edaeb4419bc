"""The one stage that delivers: in order, again where it failed, elsewhere where it keeps failing."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from random import Random
from typing import Final, TypeVar

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.alerts.channel import Channel, Message, NotDelivered
from netmon_collector.alerts.decision import Endpoint
from netmon_collector.state.outbox import Outbox, Posted
from netmon_configs.logs import EventLog

SEND_S: Final = 30.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0
GIVE_UP_MS: Final = 86_400_000
AT_ONCE: Final = 4
"""Groups of which one endpoint is told at the same time."""
SLOW_DISK_S: Final = 5.0

NOBODY_KNOWS: Final = "not sent: nobody was told that it fired"
NO_CHANNEL: Final = "the configuration has this endpoint no more"

Result = TypeVar("Result")

log = EventLog("netmon.delivery")


@dataclass(frozen=True, slots=True)
class Way:
    """How an endpoint is reached. What could not be delivered within `failover_after_ms`, or never will be, is told to
    the endpoints `failover` as well, once."""

    channel: Channel
    failover: tuple[Endpoint, ...] = ()
    failover_after_ms: int = 300_000


@dataclass(slots=True)
class _Line:
    """An endpoint, and what waits for it: for each group a queue, and groups in the order of their oldest."""

    endpoint: Endpoint
    queues: dict[str, deque[Posted]] = field(default_factory=dict)
    busy: set[asyncio.Task[None]] = field(default_factory=set)
    waiting: deque[str] = field(default_factory=deque)
    broken: bool = False


class Delivery:
    """Tells endpoints what is in the outbox.

    Each group's news arrive in order and at least once at each endpoint; doubles have the same key. One endpoint that
    is slow or away delays no other. Of everything that was posted there is a receipt: pending, delivered or dead.
    """

    def __init__(
        self,
        outbox: Outbox,
        ways: Mapping[Endpoint, Way],
        *,
        url: str,
        now_ms: Callable[[], int],
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        cause_of: Callable[[str], str] = lambda _: "",
        registry: CollectorRegistry | None = None,
    ) -> None:
        """cause_of: what has probably caused the incident of a group, by its key."""
        self._sleep = sleep
        self._outbox = outbox
        self._ways = ways
        self._url = url
        self._now_ms = now_ms
        self._random = random
        self._cause_of = cause_of
        self._lines: dict[Endpoint, _Line] = {}
        self._closing: asyncio.Task[None] | None = None
        registry = registry or CollectorRegistry()
        self._dead = Counter("netmon_notifications_dead", "Of what fires, given up.", ["receiver"], registry=registry)
        self._oldest_s = Gauge(
            "netmon_notification_oldest_waiting_seconds",
            "Age of the oldest that waits.",
            ["receiver"],
            registry=registry,
        )
        self._note_receivers()

    @property
    def under_way(self) -> int:
        """How many groups of messages are being delivered, or wait for another try."""
        return sum(len(line.busy) for line in self._lines.values())

    def load(self) -> None:
        """Goes on with what the last run left in the outbox."""
        self.post(self._outbox.pending())

    def use(self, ways: Mapping[Endpoint, Way]) -> None:
        """Goes on with other channels. Those before are closed once they have no message left."""
        old, self._ways = self._ways, ways
        self._note_receivers()
        self._closing = asyncio.create_task(_close_later(old))

    def post(self, posted: Sequence[Posted]) -> None:
        """Takes what is in the outbox now and was not before; for the event loop that runs this."""
        for one in posted:
            endpoint = one.notification.endpoint
            line = self._lines.setdefault(endpoint, _Line(endpoint))
            key = one.notification.group_key
            if key not in line.queues:
                line.queues[key] = deque()
                line.waiting.append(key)
            line.queues[key].append(one)
            self._start(line)

    async def run(self) -> None:
        """Until cancelled; what is under way then is sent again after the next start."""
        try:
            await asyncio.Event().wait()
        finally:
            tasks = [task for line in self._lines.values() for task in line.busy]
            tasks += [self._closing] if self._closing else []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for way in self._ways.values():
                await way.channel.close()

    def _note_receivers(self) -> None:
        """Has series for all receivers, so that a first failure is an increase."""
        for receiver in {endpoint.receiver for endpoint in self._ways}:
            self._dead.labels(receiver)
            self._oldest_s.labels(receiver).set_function(partial(self._oldest_waiting_s, receiver))

    def _oldest_waiting_s(self, receiver: str) -> float:
        lines = [line for endpoint, line in self._lines.items() if endpoint.receiver == receiver]
        waiting = [queue[0] for line in lines for queue in line.queues.values() if queue]
        return max((self._age_ms(one) for one in waiting), default=0) / 1000

    def _start(self, line: _Line) -> None:
        while line.waiting and len(line.busy) < AT_ONCE:
            task = asyncio.create_task(self._serve(line, line.waiting.popleft()))
            line.busy.add(task)
            task.add_done_callback(line.busy.discard)

    async def _serve(self, line: _Line, group_key: str) -> None:
        """Tells an endpoint all that there is of a group, then goes on with the next."""
        while True:
            queue = line.queues[group_key]
            while queue:
                await self._deliver(line, queue[0])
                queue.popleft()
            del line.queues[group_key]
            if not line.waiting:
                return
            group_key = line.waiting.popleft()

    async def _deliver(self, line: _Line, posted: Posted) -> None:
        """Tries until it is delivered or dead."""
        attempt = posted.attempts + 1
        told_others = False
        while True:
            try:
                reference = await self._send(posted, attempt)
            except NotDelivered as error:
                failure = error
            else:
                self._recovered(line)
                await self._settle(posted, "delivered", "", reference)
                return
            is_over = failure.permanent or self._age_ms(posted) > GIVE_UP_MS
            if not told_others and (is_over or self._is_late(posted)):
                told_others = True
                await self._fail_over(posted)
            if is_over:
                if posted.notification.firing:
                    self._dead.labels(line.endpoint.receiver).inc()
                log.warning("notification.dead", receiver=line.endpoint.receiver, to=line.endpoint.name, error=failure)
                await self._settle(posted, "dead", str(failure), "")
                return
            self._failed(line, failure)
            await self._write(self._outbox.attempted, posted.notification.key, str(failure))
            await self._sleep(self._wait_s(attempt, failure))
            attempt += 1

    async def _send(self, posted: Posted, attempt: int) -> str:
        """One attempt. Raises NotDelivered."""
        news = posted.notification
        way = self._ways.get(news.endpoint)
        if way is None:
            raise NotDelivered(NO_CHANNEL, permanent=True)
        knows, reference = await asyncio.to_thread(self._outbox.last_of, posted)
        if not news.firing and not knows:
            raise NotDelivered(NOBODY_KNOWS, permanent=True)
        cause = self._cause_of(news.group_key)
        message = Message(news, self._url, reference if knows else "", attempt, cause)  # what is over has no sequel
        try:
            async with asyncio.timeout(SEND_S):
                return await way.channel.send(message)
        except NotDelivered:
            raise
        except TimeoutError:
            raise NotDelivered(f"no answer within {SEND_S:.0f} s") from None
        except (UnicodeError, orjson.JSONEncodeError) as error:
            raise NotDelivered(f"cannot be written: {type(error).__name__}: {error}", permanent=True) from error
        except Exception as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from error

    async def _fail_over(self, posted: Posted) -> None:
        """Tells those who stand in for an endpoint. The end of an alert reaches those who were told of its start."""
        way = self._ways.get(posted.notification.endpoint)
        for endpoint in way.failover if way else ():
            text = f"{posted.notification.key}\0{endpoint.receiver}\0{endpoint.name}"
            key = sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]
            news = replace(posted.notification, key=key, endpoint=endpoint)
            stand_in = await self._write(self._outbox.post, news)
            if stand_in is not None:
                self.post([stand_in])

    async def _settle(self, posted: Posted, state: str, error: str, reference: str) -> None:
        await self._write(self._outbox.settle, posted.notification.key, state, self._now_ms(), error, reference)

    async def _write(self, write: Callable[..., Result], *values: object) -> Result:
        """Writes to the database, until it can: what is written down late is only sent twice after a crash."""
        while True:
            try:
                return await asyncio.to_thread(write, *values)
            except SQLAlchemyError as error:
                log.warning("outbox.not_written", error=str(getattr(error, "orig", None) or error))
                await asyncio.sleep(SLOW_DISK_S)

    def _wait_s(self, attempt: int, failure: NotDelivered) -> float:
        if failure.retry_after_s is not None:
            return min(failure.retry_after_s, LONGEST_WAIT_S)
        longest_s: float = min(FIRST_WAIT_S * 2 ** min(attempt - 1, 20), LONGEST_WAIT_S)
        return longest_s * (0.5 + self._random.random() / 2)

    def _age_ms(self, posted: Posted) -> int:
        return self._now_ms() - posted.notification.at_ms

    def _is_late(self, posted: Posted) -> bool:
        way = self._ways[posted.notification.endpoint]
        return bool(way.failover) and self._age_ms(posted) >= way.failover_after_ms

    def _failed(self, line: _Line, failure: NotDelivered) -> None:
        if not line.broken:
            log.warning("channel.broken", receiver=line.endpoint.receiver, to=line.endpoint.name, error=failure)
        line.broken = True

    def _recovered(self, line: _Line) -> None:
        if line.broken:
            log.info("channel.recovered", receiver=line.endpoint.receiver, to=line.endpoint.name)
        line.broken = False


async def _close_later(ways: Mapping[Endpoint, Way]) -> None:
    await asyncio.sleep(SEND_S)
    for way in ways.values():
        await way.channel.close()
