"""The log that an earlier process left: taken back into memory on a thread of its own, while ingest goes on.

What is in it came before anything that this process stores, and is kept apart until all of it is there.
"""

import asyncio
import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.acks import Acks
from netmon_collector.store.base import StoreError
from netmon_collector.store.chunkfile import RECENT, Name, Packed, Tier
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.framing import HEADER_BYTES, Record
from netmon_collector.store.head import Head, Rows
from netmon_collector.store.health import Health
from netmon_collector.store.labels import Numbers
from netmon_collector.store.log import Log, set_aside
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.record import Gathers, Notes, Part, Singles, decode_batches, decode_groups, decode_parts
from netmon_collector.store.recovery import recover
from netmon_collector.store.sealing import seal
from netmon_collector.store.segment import Segment
from netmon_collector.store.shelf import Shelf
from netmon_collector.store.window import Leases, Window

_UNKNOWN: Final = -1
_WINDOWS: Final = 5
"""So many windows, and one that is being filled, are what may be in memory."""
_UNDECODABLE: Final = (ValueError, KeyError, IndexError, TypeError, struct.error, zlib.error)


def recall_acks(log: Log, acks: Acks, damages: DamageBook) -> None:
    """Learns which batches are stored. The first record of a file says it of all before, so the last file will do,
    unless that record is damaged. Only `inherit` was called before.
    """
    later: list[list[Notes]] = []
    for segment in reversed(log.inherited):
        try:
            records = [(record.offset, decode_batches(record.payload)) for record in recover(segment.path, damages)]
        except OSError as error:
            set_aside(segment.path, error, damages)
            log.drop([segment])
            continue
        later.append([notes for _, notes in records])
        if records and records[0][0] == HEADER_BYTES:
            break
    for notes in (notes for file in reversed(later) for notes in file):
        acks.load(notes.acks)
        for origin in notes.origins:
            acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)


class Backlog:
    """Reads the inherited files of a log. Until `taken`, nothing else may change the chunk files of the store.

    `homes` has the block of every series that the catalog knows, and less than 0 for others. Where the whole does not
    fit into memory, what was read first is sealed, and its files of the log go: so a process that is killed again and
    again gets on.
    """

    def __init__(
        self,
        log: Log,
        shelf: Shelf,
        homes: npt.NDArray[np.int32],
        make_room: Callable[[int], None],
        damages: DamageBook,
        settings: StoreSettings,
    ) -> None:
        self._log = log
        self._shelf = shelf
        self._make_room = make_room
        self._damages = damages
        self._settings = settings
        self._leases = Leases(homes)
        self._window = Window(self._leases, settings.replay_bytes // _WINDOWS)
        self.heads: list[tuple[int, Head]] = []
        """What was read, by block, oldest first; whole once it is `taken`."""
        self._seen = np.zeros(len(homes), np.bool_)
        """By the number of a series, whether there was a sample of it."""
        self._size_bytes = self._read_bytes = 0
        self._total_bytes = log.size_bytes
        self._stopped = Event()
        self._health = Health("store.replay_failing", "store.replay_recovered")
        self._trouble = ""
        self._thread = ThreadPoolExecutor(1, "netmon-replay")
        self._future: Future[None] = self._thread.submit(self._run)

    @property
    def series(self) -> Numbers:
        """The series of which there was a sample in the log."""
        return np.flatnonzero(self._seen)

    @property
    def is_taken(self) -> bool:
        """Whether all is in `heads`, or in chunk files."""
        return self._future.done() and not self._trouble

    async def taken(self) -> None:
        """Waits until all is there. Raises StoreError if that takes too long."""
        if not self._future.done():
            await asyncio.wait([asyncio.wrap_future(self._future)], timeout=self._settings.replay_wait_s)
        if not self.is_taken:
            trouble = self._trouble or "this takes a while after a crash, ask again"
            raise StoreError(
                f"the store reads its log: {self._read_bytes >> 20} of {self._total_bytes >> 20} MiB: {trouble}"
            )

    def stop(self) -> None:
        """Gives up what is under way, and waits until it has ended; the log stays."""
        self._stopped.set()
        self._thread.shutdown()

    def _run(self) -> None:
        try:
            for segment in list(self._log.inherited):
                self._read(segment)
            self._flush(None)
        except _Stopped:
            self._trouble = "the store was closed"
        except Exception as error:
            self._trouble = str(error) or type(error).__name__
            self._health.tell(error)
            raise

    def _read(self, segment: Segment) -> None:
        numbered = np.full(64, _UNKNOWN)
        try:
            for record in recover(segment.path, self._damages):
                segment.add(record.oldest_ms, record.newest_ms)
                numbered = self._take(segment, record, numbered)
                self._read_bytes += len(record.payload)
                if self._stopped.is_set():
                    raise _Stopped
        except OSError as error:
            self._flush(segment)
            self._seal()  # before the file has another name, under which nobody will find it
            set_aside(segment.path, error, self._damages)
            self._log.drop([segment])

    def _take(self, segment: Segment, record: Record, numbered: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Puts a record into the window; returns which group has which number in this file."""
        try:
            for number, _, series in decode_groups(record.payload):
                if number >= len(numbered):
                    numbered = np.append(numbered, np.full(2 * number, _UNKNOWN))
                if numbered[number] == _UNKNOWN:
                    group = numbered[number] = self._leases.group(series)
                    if group in self._leases.incomplete:
                        self._tell(segment, record, "samples of series whose entries in the catalog are damaged")
            parts = [self._known(part, numbered, segment, record) for part in decode_parts(record.payload)]
        except _UNDECODABLE as error:
            aside = self._damages.set_aside(segment.path, record.offset, record.payload)
            self._damages.found(segment.path, record.offset, f"a record that says nothing: {error!r}", aside)
            return numbered
        if not self._window.has_room(parts):
            self._flush(segment)
        self._window.add(parts, numbered)
        return numbered

    def _known(self, part: Part, numbered: npt.NDArray[np.int64], segment: Segment, record: Record) -> Part:
        """Those samples of a part of which it is known what they are."""
        if isinstance(part, Singles):
            known = self._leases.homes_of(part.series) >= 0
            if known.all():
                return part
            self._tell(segment, record, "samples of series whose entries in the catalog are damaged")
            return Singles(part.series[known], part.times[known], part.values[known])
        known = (part.groups < len(numbered)) & (numbered[np.minimum(part.groups, len(numbered) - 1)] >= 0)
        if known.all():
            return part
        for number in np.unique(part.groups[~known]).tolist():
            self._tell(segment, record, f"gathers of group {number}, whose description is damaged")
        return Gathers(
            part.groups[known], part.widths[known], part.times[known], part.values[np.repeat(known, part.widths)]
        )

    def _tell(self, segment: Segment, record: Record, what: str) -> None:
        self._damages.found(segment.path, record.offset, what)

    def _flush(self, reading: Segment | None) -> None:
        """Sorts the window into heads; if they become too large, seals them, and lets go of the files read before."""
        sealed = False
        oldest = self._log.inherited[0].number if self._log.inherited else 0
        for block, rows in self._window.by_block():
            self._check_stopped()
            head = Head.of(rows, oldest)
            self.heads.append((block, head))
            self._seen[head.in_use()] = True
            self._size_bytes += rows.bits.nbytes
            if self._size_bytes > self._settings.replay_bytes:
                self._seal()
                sealed = True
        self._window.clear()
        if sealed and reading is not None:
            self._seal()
            self._let_go(reading)

    def _seal(self) -> None:
        """Writes the heads to a chunk file; as often as it takes."""
        parts: dict[int, list[Rows]] = {}
        for block, head in self.heads:
            parts.setdefault(block, []).extend(head.rows())
        chunks = list(seal(parts, self._settings.chunk_ms))
        if chunks:
            while not self._write(chunks):
                self._stopped.wait(self._settings.seal_every_s)
                self._check_stopped()
        self.heads, self._size_bytes = [], 0

    def _write(self, chunks: Sequence[Packed]) -> bool:
        name = Name(Tier.RAW, RECENT, self._shelf.next_order())
        try:
            self._make_room(sum(len(chunk.payload) for chunk in chunks))
            self._shelf.put([self._shelf.write(name, chunks, self._log.inherited[-1].number)])
        except StoreError as error:
            self._trouble = str(error)
            self._health.tell(error)
            return False
        self._trouble = ""
        self._health.tell(None)
        return True

    def _let_go(self, reading: Segment) -> None:
        self._log.drop([segment for segment in self._log.inherited if segment.number < reading.number])
        with suppress(StoreError):  # what is left goes with those that follow, or is read once more
            self._log.remove()

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise _Stopped


class _Stopped(Exception):
    """The store is being closed."""
