"""The batches of one spool on one stream: out until a receipt comes, then settled, set aside or given back."""

import asyncio
import contextlib
from collections.abc import Callable

from netmon_agent.clock import Clock
from netmon_agent.connection import Connection, StreamEnded
from netmon_agent.spool import Spool, age_ms
from netmon_agent.spool_file import Spooled
from netmon_configs.logs import EventLog
from netmon_proto.model import Acked, Limits, Reason, Receipt, Refused, Retry

log = EventLog("netmon.agent.stream")

RECEIPT_S = 120.0  # batches are out and no receipt comes for so long: the stream is taken for dead
BYTES_IN_FLIGHT = 4 << 20


class Lane:
    """What is out of one spool. `frame` makes the frame for the stream from a batch as it is spooled, and its age."""

    def __init__(
        self, connection: Connection, spool: Spool, clock: Clock, frame: Callable[[bytes, int], bytes]
    ) -> None:
        self.spool = spool
        self._connection = connection
        self._clock = clock
        self._frame = frame
        self._out: dict[tuple[int, int], Spooled] = {}
        self._is_full = False
        self._heard = asyncio.get_running_loop().time()
        self._not_before = 0.0

    @property
    def is_out(self) -> bool:
        """Whether anything waits for a receipt."""
        return bool(self._out)

    async def next(self, limits: Limits, most: int, is_open: bool = True) -> Spooled | None:
        """The next batch to send, of at most `most` samples or events; waits a while and gives None where there is
        none, or where none may be sent now. What is too large is set aside. Raises StreamEnded."""
        loop = asyncio.get_running_loop()
        self.spool.arrived.clear()
        self._is_full = not (is_open and self._may_send(limits, loop.time()))
        batch = None if self._is_full else await self.spool.take()
        if batch is not None:
            return batch if await self._fits(batch, limits, most) else None
        if self._out and loop.time() - self._heard > RECEIPT_S:
            raise StreamEnded(f"no receipt for {RECEIPT_S:.0f} s")
        pause_s = self._not_before - loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s if pause_s > 0 else RECEIPT_S / 4):
                await self.spool.arrived.wait()
        return None

    async def send(self, batch: Spooled) -> None:
        """Sends a batch that `next` gave. Raises StreamEnded."""
        if not self._out:
            self._heard = asyncio.get_running_loop().time()
        self._out[batch.epoch, batch.sequence] = batch
        await self._connection.send(self._frame(batch.frame, age_ms(batch, self._clock)))

    async def file(self, receipt: Receipt) -> None:
        """Does what a receipt says; one that is for another lane says nothing."""
        self._heard = asyncio.get_running_loop().time()
        batch = self._out.pop((receipt.epoch, receipt.sequence), None)
        if batch is None:
            return
        match receipt.outcome:
            case Acked():
                await self.spool.settle([batch])
            case Refused(reason, message):
                await self.spool.quarantine(batch, reason, message)
            case Retry(after_ms, message):
                if asyncio.get_running_loop().time() >= self._not_before:
                    log.warning("collector.busy", why=message, again_in_s=after_ms / 1000)
                self._not_before = asyncio.get_running_loop().time() + after_ms / 1000
                self.spool.give_back(batch)
        self.wake()

    def wake(self) -> None:
        """Has a sender look again that waits because enough was out."""
        if self._is_full:
            self.spool.arrived.set()

    def holds(self, receipt: Receipt) -> bool:
        """Whether a receipt is for a batch of this lane."""
        return (receipt.epoch, receipt.sequence) in self._out

    def largest(self) -> int:
        """Bytes of the largest batch that is out; 0 where none is."""
        return max((len(batch.frame) for batch in self._out.values()), default=0)

    async def quarantine_largest(self) -> None:
        """Sets the largest batch that is out aside."""
        if self._out:
            largest = max(self._out.values(), key=lambda batch: len(batch.frame))
            await self.spool.quarantine(largest, Reason.TOO_LARGE, "a frame of this size ended the stream")

    def _may_send(self, limits: Limits, now_s: float) -> bool:
        bytes_out = sum(len(batch.frame) for batch in self._out.values())
        return now_s >= self._not_before and len(self._out) < limits.batches_in_flight and bytes_out < BYTES_IN_FLIGHT

    async def _fits(self, batch: Spooled, limits: Limits, most: int) -> bool:
        if len(batch.frame) <= limits.batch_bytes and batch.samples <= most:
            return True
        message = (
            f"{len(batch.frame)} bytes and {batch.samples} samples; the collector takes "
            f"{limits.batch_bytes} bytes and {most} samples"
        )
        await self.spool.quarantine(batch, Reason.TOO_LARGE, message)
        return False
