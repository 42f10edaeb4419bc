"""The cap of a store: who may write at all, and which files go for it."""

from typing import Final

from netmon_collector.store.base import StoreError
from netmon_collector.store.chunkfile import ChunkFile, Tier
from netmon_collector.store.log import Log
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.shelf import Shelf, hides_none_of

_SHARES: Final = 4


class NoRoomError(StoreError):
    """What is to be written would take the store beyond its cap, as long as nothing is dropped."""


class Cap:
    """Counts log and chunk files, also those that are being written."""

    def __init__(self, log: Log, shelf: Shelf, settings: StoreSettings) -> None:
        self._log = log
        self._shelf = shelf
        self._max_bytes = settings.max_bytes
        self._spared_bytes = settings.segment_bytes
        self.share_bytes = settings.max_bytes // _SHARES
        """What of the cap the log and each tier may take, whatever the others would."""

    @property
    def size_bytes(self) -> int:
        """What the log and the files of chunks take on the disk."""
        return self._log.size_bytes + self._shelf.size_bytes

    def check(self, size_bytes: int) -> None:
        """Raises NoRoomError where no more than so much may be written.

        What a segment takes is left for what cannot wait: heads that are sealed, so that the log behind them goes.
        """
        if self.size_bytes + size_bytes > self._max_bytes - self._spared_bytes:
            raise NoRoomError(f"the store is at its cap of {self._max_bytes} bytes; the oldest files are dropped")

    def oldest(self, size_bytes: int) -> list[ChunkFile]:
        """The files that go so that there is room for some bytes, the oldest.

        Raw samples go first, then the rollups of five minutes; of each its share stays while another has more: else old
        rollups would in the end leave no room for what comes. Where none has more than its share, as for a merge that
        takes much, what has most gives.
        """
        excess_bytes = self.size_bytes + size_bytes - self._max_bytes
        left = {tier: sorted(self._shelf.files(tier), key=lambda file: file.newest_ms) for tier in Tier}
        doomed: list[ChunkFile] = []
        while excess_bytes > 0 and (there := [tier for tier in Tier if left[tier]]):
            sizes = {tier: sum(file.size_bytes for file in left[tier]) for tier in there}
            large = [tier for tier in there if sizes[tier] > self.share_bytes]
            files = left[large[0] if large else max(there, key=sizes.__getitem__)]
            doomed.append(next(file for file in files if hides_none_of(file, files)))
            files.remove(doomed[-1])
            excess_bytes -= doomed[-1].size_bytes
        return doomed
