"""The chunk files of a store, oldest first: which there are, and what they hold of a block."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from netmon_collector.store.base import StoreError
from netmon_collector.store.cache import Cache
from netmon_collector.store.chunkfile import RECENT, ChunkFile, Name, Packed, Tier, open_file, write_files
from netmon_collector.store.damage import SUFFIX, DamageBook
from netmon_collector.store.directory import Directory
from netmon_collector.store.durable import clear_unfinished, sync_folder
from netmon_collector.store.labels import Numbers
from netmon_collector.store.merge import Piece
from netmon_collector.store.reading import ChunkReader


class Shelf:
    """Files are put and taken in one step, so that a reader on any thread sees each sample once or twice, never not."""

    def __init__(self, folder: Path, damages: DamageBook, cache: Cache | None = None) -> None:
        self.folder = folder
        self._damages = damages
        self._files: tuple[ChunkFile, ...] = ()
        self.directory = Directory(())
        """Where the chunks are; another one, once files came or went."""
        self._files_bytes = 0
        self._doubtful: dict[Name, int] = {}
        """Files that may be there otherwise than on the shelf: written and not put there, or not deleted yet; and how
        many bytes these have."""
        self.reader = ChunkReader(Cache(0) if cache is None else cache)

    def open(self) -> None:
        """Finds the files. Raises OSError, StoreUnavailable."""
        clear_unfinished(self.folder)
        names = [(path, Name.parse(path.name)) for path in self.folder.iterdir()]
        self.put([open_file(path, name, self._damages) for path, name in names if name is not None])

    @property
    def size_bytes(self) -> int:
        """What all files take on the disk, also those that are being written, or to be deleted."""
        return self._files_bytes + sum(list(self._doubtful.values()))

    def all(self) -> Sequence[ChunkFile]:
        """All files, in the order of writing."""
        return self._files

    def files(self, tier: Tier) -> list[ChunkFile]:
        """The files of a tier, in the order of writing."""
        return [file for file in self._files if file.name.tier is tier]

    def paths(self) -> list[Path]:
        return [file.path for file in self._files]

    def set_aside(self) -> int:
        """How many files there are of what was found damaged."""
        return sum(1 for _ in self.folder.glob(f"*{SUFFIX}"))

    def next_order(self) -> int:
        """The order of the next file: higher than all."""
        return max((file.name.order for file in self._files), default=0) + 1

    def write(self, name: Name, chunks: Iterable[Packed], segment: int) -> ChunkFile:
        """Writes a file, which is not on the shelf before it is put there. Raises StoreError."""
        (file,) = self.write_all([name], ((name.tier, chunk) for chunk in chunks), segment)
        return file

    def write_all(self, names: Sequence[Name], chunks: Iterable[tuple[Tier, Packed]], segment: int) -> list[ChunkFile]:
        """Writes files of different tiers at once; as `write`. The first has its name before the others."""
        self._doubtful |= dict.fromkeys(names, 0)
        files = write_files(self.folder, names, self._counted(names, chunks), segment, self._damages)
        self._doubtful |= {file.name: file.size_bytes for file in files}
        return files

    def _counted(self, names: Sequence[Name], chunks: Iterable[tuple[Tier, Packed]]) -> Iterator[tuple[Tier, Packed]]:
        by_tier = {name.tier: name for name in names}
        sizes = dict.fromkeys(by_tier, 0)
        for tier, chunk in chunks:
            sizes[tier] += len(chunk.payload)
            self._doubtful[by_tier[tier]] = sizes[tier]
            yield tier, chunk

    def put(self, files: Sequence[ChunkFile], instead: Collection[ChunkFile] = ()) -> None:
        """Puts files on the shelf in place of others, whose files are then to be removed."""
        left = [file for file in self._files if file not in instead]
        self._files = tuple(sorted((*left, *files), key=_age))
        self.directory = Directory(self._files)
        for file in files:
            self._doubtful.pop(file.name, None)
        self._doubt(instead)
        self._files_bytes = sum(file.size_bytes for file in self._files)

    def remove(self, files: Iterable[ChunkFile]) -> None:
        """Deletes files that are not on the shelf any more, unless another has the name now. As `clear`.

        Who is reading them may finish.
        """
        self._doubt(files)
        self.clear()

    def _doubt(self, files: Iterable[ChunkFile]) -> None:
        """Notes files that are not on the shelf any more, unless another has the name now."""
        names = {file.name for file in self._files}
        self._doubtful |= {file.name: file.size_bytes for file in files if file.name not in names}

    def clear(self) -> None:
        """Sees to it that the folder has what is on the shelf. Raises StoreError; then it may be repeated.

        What goes goes newest first, and that for sure: what a merge writes has its name from the newest, so after a
        crash the files that are left never merge into one of the same name, which would hold less.
        """
        if not self._doubtful:
            return
        try:
            self._put_again()
            doomed = sorted(self._doubtful, key=_name_age, reverse=True)
            for name in doomed[:1]:
                (self.folder / str(name)).unlink(missing_ok=True)
            sync_folder(self.folder)
            for name in doomed:
                (self.folder / str(name)).unlink(missing_ok=True)
                self._doubtful.pop(name, None)
        except OSError as error:
            raise StoreError(f"cannot delete in {self.folder}: {error.strerror}") from error

    def _put_again(self) -> None:
        """Those of which another was written under the same name, and not put there: it has the same and more."""
        old = [file for file in self._files if file.name in self._doubtful]
        if old:
            self.put([open_file(file.path, file.name, self._damages) for file in old], instead=old)

    def pieces(self, tier: Tier, block: int, series: Numbers, start_ms: int, end_ms: int) -> list[Piece]:
        """What the files hold of a block's series (ascending) in a time, oldest first. Raises StoreError."""
        (found,) = self.find(tier, np.array([block]), start_ms, end_ms)
        pieces = [self.reader.piece(file, at, series, start_ms, end_ms) for file, at in found]
        return [piece for piece in pieces if piece is not None]

    def find(self, tier: Tier, blocks: Numbers, start_ms: int, end_ms: int) -> list[list[tuple[ChunkFile, int]]]:
        """For each block, the chunks that overlap a time: their files and places there, in the order of writing."""
        return self.directory.find(tier, blocks, start_ms, end_ms)


def hides_none_of(file: ChunkFile, others: Iterable[ChunkFile]) -> bool:
    """Whether none of some files has samples that would come back to light if a file went that has later ones."""
    return not any(
        other.name.tier is file.name.tier
        and _age(other) < _age(file)
        and other.oldest_ms <= file.newest_ms
        and other.newest_ms >= file.oldest_ms
        and other.series.intersect(file.series)
        for other in others
    )


def _age(file: ChunkFile) -> tuple[int, bool]:
    return _name_age(file.name)


def _name_age(name: Name) -> tuple[int, bool]:
    return name.order, name.span == RECENT
