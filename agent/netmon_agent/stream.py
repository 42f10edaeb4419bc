"""Keeps a stream open to the collector, through whatever breaks it."""

import asyncio
import random
from dataclasses import dataclass

from netmon_agent.assigned.checker import Checker
from netmon_agent.clock import Clock
from netmon_agent.connection import StreamEnded, Target, connect
from netmon_agent.discovery.sweeper import Sweeper
from netmon_agent.exchange import Exchange
from netmon_agent.polling.poller import Poller
from netmon_agent.spool import Spool
from netmon_agent.surroundings.teller import Teller
from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import Hello, Welcome

log = EventLog("netmon.agent.stream")

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 60.0
CONNECT_S = 20.0


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a hello says that does not change while the agent runs."""

    agent_id: str
    agent_key: bytes
    hostname: str
    version: str
    platform: str
    interval_ms: int


def backoff_s(failures: int, rng: random.Random) -> float:
    """Full jitter: anywhere from 0 to a bound that doubles with each failure, up to BACKOFF_MOST_S.

    As in M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return rng.uniform(0, min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** min(failures, 16)))


class Stream:
    """Keeps a stream open to the collector and empties the spool into it."""

    def __init__(
        self,
        target: Target,
        introduction: Introduction,
        spool: Spool,
        clock: Clock,
        rng: random.Random,
        poller: Poller | None = None,
        events: Spool | None = None,
        sweeper: Sweeper | None = None,
        checker: Checker | None = None,
        teller: Teller | None = None,
    ) -> None:
        self._target = target
        self._introduction = introduction
        self._spool = spool
        self._clock = clock
        self._rng = rng
        self._poller = poller
        self._events = events
        self._sweeper = sweeper
        self._checker = checker
        self._teller = teller
        self._failures = 0
        self.connected = False

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self._session()
            except StreamEnded as end:
                self._tell_lost(str(end))
                await asyncio.sleep(backoff_s(self._failures, self._rng))
                self._failures += 1

    async def _session(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S) as limit, connect(self._target) as connection:
                parts = self._poller, self._events, self._sweeper, self._checker, self._teller
                exchange = Exchange(connection, self._spool, self._clock, *parts)
                first = await self._spool.first_sequence()
                welcome = await exchange.greet(
                    self._hello(first, await self._events.first_sequence() if self._events else 0)
                )
                limit.reschedule(None)
                await self._welcomed(welcome)
                await exchange.work(welcome.limits)
        except TimeoutError:
            raise StreamEnded(f"no answer within {CONNECT_S:.0f} s") from None
        except wire.MalformedFrame as error:
            raise StreamEnded(f"what answers is no collector that this agent understands: {error}") from None
        finally:
            self._spool.rewind()
            if self._events is not None:
                self._events.rewind()

    def _tell_lost(self, why: str) -> None:
        if self.connected or self._failures == 0:
            waiting = self._spool.counts.batches
            log.warning("collector.lost", address=self._target.address, why=why, batches_spooled=waiting)
        self.connected = False

    def _hello(self, first_sequence: int, events_first: int) -> Hello:
        who, events = self._introduction, self._events
        return Hello(
            agent_id=who.agent_id,
            agent_key=who.agent_key,
            hostname=who.hostname,
            version=who.version,
            platform=who.platform,
            clock_ms=self._clock.now_ms(),
            interval_ms=who.interval_ms,
            epoch=self._spool.epoch,
            first_sequence=first_sequence,
            last_sequence=self._spool.last_sequence,
            events_epoch=events.epoch if events else 0,
            events_first_sequence=events_first,
            events_last_sequence=events.last_sequence if events else 0,
        )

    async def _welcomed(self, welcome: Welcome) -> None:
        for spool, acked in ((self._spool, welcome.highest_acked), (self._events, welcome.events_highest_acked)):
            if spool is not None and acked > spool.last_sequence:
                log.warning("spool.behind", acked=acked, here=spool.last_sequence, action="new epoch")
                await spool.start_epoch()
        log.info(
            "collector.connected",
            address=self._target.address,
            instance=welcome.instance,
            batches_spooled=self._spool.counts.batches,
        )
        self.connected = True
        self._failures = 0
