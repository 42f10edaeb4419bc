"""One stream from hello to its end: definitions when they are needed, batches, receipts."""

import asyncio
from dataclasses import replace

from netmon_agent.assigned.checker import Checker
from netmon_agent.clock import Clock
from netmon_agent.connection import Connection, StreamEnded
from netmon_agent.discovery.sweeper import Sweeper
from netmon_agent.known import KnownNumbers
from netmon_agent.lane import Lane
from netmon_agent.polling.poller import Poller
from netmon_agent.spool import Spool
from netmon_agent.spool_file import Spooled
from netmon_agent.surroundings.teller import Teller
from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import (
    Checks,
    Hello,
    Jobs,
    Limits,
    PollNow,
    Reason,
    Receipt,
    Series,
    SeriesDefinitions,
    Sweep,
    Welcome,
)
from netmon_proto.names import LABEL_WORD, METRIC_WORD, coded

log = EventLog("netmon.agent.stream")

MOST_LAYOUTS = 10_000  # a stream that has defined so many is followed by a new one, so that nobody keeps what is gone


class Exchange:
    """What is said on one stream."""

    def __init__(
        self,
        connection: Connection,
        spool: Spool,
        clock: Clock,
        poller: Poller | None = None,
        events: Spool | None = None,
        sweeper: Sweeper | None = None,
        checker: Checker | None = None,
        teller: Teller | None = None,
    ) -> None:
        self._connection = connection
        self._spool = spool
        self._poller = poller
        self._sweeper = sweeper
        self._checker = checker
        self._teller = teller
        self._samples = Lane(connection, spool, clock, wire.encode_spooled)
        self._events = Lane(connection, events, clock, wire.encode_spooled_events) if events else None
        self._layouts: set[int] = set()
        self._series = KnownNumbers()

    async def greet(self, hello: Hello) -> Welcome:
        """Sends the hello and waits for the welcome."""
        await self._connection.send(wire.encode_agent(hello))
        welcome = wire.decode_collector(await self._connection.receive())
        if not isinstance(welcome, Welcome):
            raise StreamEnded("the answer to the hello was not a welcome")
        return welcome

    async def work(self, limits: Limits) -> None:
        """Sends and receives until the stream ends, or has grown old and is to be followed by a new one."""
        tasks = [asyncio.create_task(self._send(limits)), asyncio.create_task(self._receive())]
        if self._poller is not None:
            tasks.append(asyncio.create_task(self._report(self._poller)))
        if self._sweeper is not None:
            tasks.append(asyncio.create_task(self._tell(self._sweeper)))
        if self._teller is not None:
            tasks.append(asyncio.create_task(self._tell(self._teller)))
        if self._events is not None and limits.batch_events:
            tasks.append(asyncio.create_task(self._send_events(self._events, limits)))
        elif self._events is not None and self._events.spool.counts.batches:
            log.warning("collector.takes_no_events", consequence="they wait in the spool", mend="upgrade the collector")
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except StreamEnded as end:
            if end.frame_too_large:
                await self._quarantine_largest()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _quarantine_largest(self) -> None:
        """A frame that is too large for the way would end every stream: its batch goes out of the way."""
        lanes = [self._samples, self._events] if self._events else [self._samples]
        await max(lanes, key=Lane.largest).quarantine_largest()

    async def _send(self, limits: Limits) -> None:
        lane = self._samples
        while len(self._layouts) < MOST_LAYOUTS or lane.is_out:
            batch = await lane.next(limits, limits.batch_samples, is_open=len(self._layouts) < MOST_LAYOUTS)
            if batch is not None and await self._defined(batch, limits):
                await lane.send(batch)

    async def _send_events(self, lane: Lane, limits: Limits) -> None:
        while True:
            batch = await lane.next(limits, limits.batch_events)
            if batch is not None:
                await lane.send(batch)

    async def _defined(self, batch: Spooled, limits: Limits) -> bool:
        """Whether the collector knows all that a batch stands on; what it does not know yet is told now."""
        for layout in sorted(wire.layouts_of(batch.frame) - self._layouts):
            if not await self._define(layout, limits):
                await self._spool.quarantine(batch, Reason.UNKNOWN_SERIES, f"the spool has lost layout {layout}")
                return False
        return True

    async def _define(self, number: int, limits: Limits) -> bool:
        layout, series = await self._spool.definitions(number, self._series.__contains__)
        told = {one.id for one in series}
        if not limits.any_names:
            series = [in_words(one) for one in series]
        if layout is None or not all(one in told or one in self._series for one in layout.series):
            return False
        for start in range(0, len(series), wire.SERIES_PER_DEFINITION):
            part = series[start : start + wire.SERIES_PER_DEFINITION]
            await self._connection.send(wire.encode_agent(SeriesDefinitions(part)))
        self._series.add(told)
        await self._connection.send(wire.encode_agent(layout))
        self._layouts.add(number)
        return True

    async def _receive(self) -> None:
        while True:
            match wire.decode_collector(await self._connection.receive()):
                case Receipt() as receipt:
                    is_of_events = self._events is not None and self._events.holds(receipt)
                    await (self._events if is_of_events and self._events else self._samples).file(receipt)
                case Jobs(jobs) if self._poller is not None:
                    await self._poller.assign(jobs)
                case PollNow(devices, afresh, ports) if self._poller is not None:
                    self._poller.poll_now(devices, afresh)
                    self._poller.poll_ports(ports)
                case Sweep() as sweep if self._sweeper is not None:
                    await self._sweeper.take(sweep)
                case Checks(checks) if self._checker is not None:
                    await self._checker.assign(checks)

    async def _report(self, poller: Poller) -> None:
        poller.outbox.tell_all_again()
        while True:
            await self._connection.send(wire.encode_agent(await poller.outbox.next()))

    async def _tell(self, teller: Sweeper | Teller) -> None:
        teller.tell_all_again()
        while True:
            await self._connection.send(wire.encode_agent(await teller.next()))


def in_words(series: Series) -> Series:
    """A series for a collector that takes no names but words: one that is not would cost the whole batch."""
    labels = {coded(name, LABEL_WORD): value for name, value in series.labels.items()}
    return replace(series, name=coded(series.name, METRIC_WORD), labels=labels)
