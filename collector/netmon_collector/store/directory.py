"""Where the chunks of many blocks are, found by a few operations on arrays: recent files are many, and small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from netmon_collector.store.chunkfile import RECENT, ChunkFile, Tier
from netmon_collector.store.framing import NOTHING
from netmon_collector.store.labels import Numbers

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class _Source:
    """Entries of one file or of several, by block: their files, as places among all, and their places in these."""

    blocks: npt.NDArray[np.uint32]
    oldest_ms: npt.NDArray[np.int64]
    newest_ms: npt.NDArray[np.int64]
    files: Places
    places: Places

    @classmethod
    def of(cls, files: Sequence[tuple[int, ChunkFile]]) -> "_Source":
        entries = np.concatenate([file.entries for _, file in files])
        counts = [len(file.entries) for _, file in files]
        order = np.argsort(entries["block"], kind="stable")
        numbers = np.repeat([number for number, _ in files], counts)[order]
        places = np.concatenate([np.arange(count) for count in counts])[order]
        entries = entries[order]
        blocks, oldest_ms, newest_ms = (
            np.ascontiguousarray(entries[name]) for name in ("block", "oldest_ms", "newest_ms")
        )
        return cls(blocks, oldest_ms, newest_ms, numbers, places)

    def find(self, blocks: Numbers, start_ms: int, end_ms: int) -> tuple[Places, Places]:
        """Entries of some blocks that overlap a time: which of the blocks each is of, and which entry it is."""
        first = self.blocks.searchsorted(blocks)
        counts = self.blocks.searchsorted(blocks, "right") - first
        wanted = np.repeat(np.arange(len(blocks)), counts)
        entries = np.arange(len(wanted)) + np.repeat(first - np.cumsum(counts) + counts, counts)
        inside = (self.oldest_ms[entries] <= end_ms) & (self.newest_ms[entries] >= start_ms)
        return wanted[inside], entries[inside]


class Directory:
    """The chunks of some files, which are in the order of writing. Never changed once made."""

    def __init__(self, files: tuple[ChunkFile, ...]) -> None:
        self._files = files
        self.key = object()
        """Stands for this very directory: who keeps it keeps no file open that is deleted meanwhile."""

    @cached_property
    def spans_ms(self) -> Mapping[Tier, tuple[int, int]]:
        """By tier, oldest and newest time of what its files have; NOTHING where there is none."""
        spans = dict.fromkeys(Tier, NOTHING)
        for file in self._files:
            oldest_ms, newest_ms = spans[file.name.tier]
            spans[file.name.tier] = min(oldest_ms, file.oldest_ms), max(newest_ms, file.newest_ms)
        return spans

    def find(self, tier: Tier, blocks: Numbers, start_ms: int, end_ms: int) -> list[list[tuple[ChunkFile, int]]]:
        """For each block, the chunks that overlap a time: their files and places there, in the order of writing."""
        found: list[list[tuple[int, int]]] = [[] for _ in range(len(blocks))]
        sources = 0
        for oldest_ms, newest_ms, source in self._sources[tier]:
            if oldest_ms <= end_ms and newest_ms >= start_ms:
                wanted, entries = source.find(blocks, start_ms, end_ms)
                files, places = source.files[entries].tolist(), source.places[entries].tolist()
                sources += 1
                for block, file, place in zip(wanted.tolist(), files, places, strict=True):
                    found[block].append((file, place))
        if sources > 1:
            for one in found:
                one.sort()
        return [[(self._files[file], place) for file, place in one] for one in found]

    @cached_property
    def _sources(self) -> dict[Tier, list[tuple[int, int, _Source]]]:
        """By tier: oldest and newest time, and the entries; each file apart, but the recent ones together."""
        sources: dict[Tier, list[tuple[int, int, _Source]]] = {tier: [] for tier in Tier}
        recent = []
        for number, file in enumerate(self._files):
            if file.name.span == RECENT:
                recent.append((number, file))
            else:
                sources[file.name.tier].append((file.oldest_ms, file.newest_ms, _Source.of([(number, file)])))
        if recent:
            span = min(file.oldest_ms for _, file in recent), max(file.newest_ms for _, file in recent)
            sources[Tier.RAW].append((*span, _Source.of(recent)))
        return sources
