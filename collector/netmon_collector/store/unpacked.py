"""The chunks of a block, each unpacked once, however often it is asked for."""

from collections.abc import Sequence

from netmon_collector.store.chunkfile import ChunkFile
from netmon_collector.store.classes import Classes
from netmon_collector.store.verdicts import Marks
from netmon_collector.store.weaving import Strip, strips


class Unpacked:
    """Of one block, what is of the series of one class."""

    def __init__(self, classes: Classes, kept: str, block: int) -> None:
        self._classes = classes
        self._kept = kept
        self._block = block
        self._known: dict[tuple[object, int], list[Strip]] = {}
        self.marks: list[Marks] = []
        """The verdicts that were beside the samples."""

    def strips(self, files: Sequence[ChunkFile], start_ms: int, end_ms: int) -> list[Strip]:
        """What is in the chunks that overlap a time, in the order of writing. Raises StoreError."""
        found = []
        for file in files:
            for at in file.places_of(self._block):
                entry = file.entries[at]
                if entry["oldest_ms"] <= end_ms and entry["newest_ms"] >= start_ms:
                    found += self._unpack(file, at)
        return found

    def _unpack(self, file: ChunkFile, at: int) -> list[Strip]:
        known = self._known.get((file.key, at))
        if known is None:
            chunk = file.read(at)
            series = None if chunk is None else self._classes.only(self._kept, chunk.series)
            known = [] if chunk is None else list(strips([chunk], series))
            self._known[file.key, at] = known
            if chunk is not None:
                self.marks += chunk.marks()
        return known
