"""One stream from hello to its end: definitions when they are needed, batches, receipts."""

import asyncio
import contextlib

from netmon_agent.clock import Clock
from netmon_agent.connection import Connection, StreamEnded
from netmon_agent.polling.poller import Poller
from netmon_agent.spool import Spool, age_ms
from netmon_agent.spool_file import Spooled
from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import (
    Acked,
    Hello,
    Jobs,
    Limits,
    PollNow,
    Reason,
    Receipt,
    Refused,
    Retry,
    SeriesDefinitions,
    Welcome,
)

log = EventLog("netmon.agent.stream")

RECEIPT_S = 120.0  # batches are out and no receipt comes for so long: the stream is taken for dead
BYTES_IN_FLIGHT = 4 << 20
MOST_LAYOUTS = 10_000  # a stream that has defined so many is followed by a new one, so that nobody keeps what is gone


class Exchange:
    """What is said on one stream."""

    def __init__(self, connection: Connection, spool: Spool, clock: Clock, poller: Poller | None = None) -> None:
        self._connection = connection
        self._spool = spool
        self._clock = clock
        self._poller = poller
        self._layouts: set[int] = set()
        self._series: set[int] = set()
        self._out: dict[tuple[int, int], Spooled] = {}
        self._is_full = False
        self._heard = asyncio.get_running_loop().time()
        self._not_before = 0.0

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
        if self._out:
            largest = max(self._out.values(), key=lambda batch: len(batch.frame))
            await self._spool.quarantine(largest, Reason.TOO_LARGE, "a frame of this size ended the stream")

    async def _send(self, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        while len(self._layouts) < MOST_LAYOUTS or self._out:
            self._spool.arrived.clear()
            self._is_full = not self._may_send(limits, loop.time())
            batch = None if self._is_full else await self._spool.take()
            if batch is not None:
                await self._send_batch(batch, limits)
                continue
            if self._out and loop.time() - self._heard > RECEIPT_S:
                raise StreamEnded(f"no receipt for {RECEIPT_S:.0f} s")
            pause_s = self._not_before - loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s if pause_s > 0 else RECEIPT_S / 4):
                    await self._spool.arrived.wait()

    def _may_send(self, limits: Limits, now_s: float) -> bool:
        bytes_out = sum(len(batch.frame) for batch in self._out.values())
        return (
            now_s >= self._not_before
            and len(self._out) < limits.batches_in_flight
            and bytes_out < BYTES_IN_FLIGHT
            and len(self._layouts) < MOST_LAYOUTS
        )

    async def _send_batch(self, batch: Spooled, limits: Limits) -> None:
        if len(batch.frame) > limits.batch_bytes or batch.samples > limits.batch_samples:
            message = (
                f"{len(batch.frame)} bytes and {batch.samples} samples; the collector takes "
                f"{limits.batch_bytes} bytes and {limits.batch_samples} samples"
            )
            await self._spool.quarantine(batch, Reason.TOO_LARGE, message)
            return
        for layout in sorted(wire.layouts_of(batch.frame) - self._layouts):
            if not await self._define(layout):
                await self._spool.quarantine(batch, Reason.UNKNOWN_SERIES, f"the spool has lost layout {layout}")
                return
        if not self._out:
            self._heard = asyncio.get_running_loop().time()
        self._out[batch.epoch, batch.sequence] = batch
        await self._connection.send(wire.encode_spooled(batch.frame, age_ms(batch, self._clock)))

    async def _define(self, number: int) -> bool:
        layout, series = await self._spool.definitions(number, self._series.__contains__)
        if layout is None or not self._series.union(one.id for one in series).issuperset(layout.series):
            return False
        for start in range(0, len(series), wire.SERIES_PER_DEFINITION):
            part = series[start : start + wire.SERIES_PER_DEFINITION]
            await self._connection.send(wire.encode_agent(SeriesDefinitions(part)))
        self._series.update(one.id for one in series)
        await self._connection.send(wire.encode_agent(layout))
        self._layouts.add(number)
        return True

    async def _receive(self) -> None:
        while True:
            match wire.decode_collector(await self._connection.receive()):
                case Receipt() as receipt:
                    self._heard = asyncio.get_running_loop().time()
                    await self._file(receipt)
                case Jobs(jobs) if self._poller is not None:
                    await self._poller.assign(jobs)
                case PollNow(devices) if self._poller is not None:
                    self._poller.poll_now(devices)
            if self._is_full:
                self._spool.arrived.set()

    async def _report(self, poller: Poller) -> None:
        poller.outbox.tell_all_again()
        while True:
            await self._connection.send(wire.encode_agent(await poller.outbox.next()))

    async def _file(self, receipt: Receipt) -> None:
        batch = self._out.pop((receipt.epoch, receipt.sequence), None)
        if batch is None:
            return
        match receipt.outcome:
            case Acked():
                await self._spool.settle([batch])
            case Refused(reason, message):
                await self._spool.quarantine(batch, reason, message)
            case Retry(after_ms, message):
                if asyncio.get_running_loop().time() >= self._not_before:
                    log.warning("collector.busy", why=message, again_in_s=after_ms / 1000)
                self._not_before = asyncio.get_running_loop().time() + after_ms / 1000
                self._spool.give_back(batch)
