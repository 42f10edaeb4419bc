"""Files that somebody may edit: which of them were added, changed or removed since the last look.

A look asks the file system for each file's size and times, and reads what has other ones than before: what was written
anew and is the same is no change. Of what is read a digest alone is kept.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

DIGEST_BYTES: Final = 16
PIECE_BYTES: Final = 1 << 16
_PASSING: Final = (
    *("~", ".swp", ".tmp", ".bak", ".orig", ".rej", ".lock", ".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-tmp"),
    *(".rpmnew", ".rpmsave", ".rpmorig", ".pacnew", ".pacsave", ".pacorig", ".apk-new", ".ucf-dist", ".ucf-old"),
)
"""How names end of what editors and package managers leave beside a file."""


class FileChange(NamedTuple):
    """noticed_ms: when it was seen first, or made if nobody looked then. size_bytes, modified_s: of the file now, or
    before it was removed.
    """

    noticed_ms: int
    done: str
    path: str
    size_bytes: int
    modified_s: int


class Mark(NamedTuple):
    """What tells a file from what was at its path before, and its content from an earlier one."""

    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


class _Known(NamedTuple):
    """digest: None where the file is too large or may not be read; then size and time decide."""

    mark: Mark
    digest: bytes | None


class _Moving(NamedTuple):
    """A file that is not as it is known: since when, and how it was at the last look; None where it was gone."""

    noticed_ms: int
    mark: Mark | None


class Watched:
    """What is there at the first look is known from then on, unless `go_on` says what an earlier run knew.

    A change is told at the look after the one that noticed it, if the file was left alone in between: then it is
    whole, and what an editor moves away, writes and moves back is one change.
    """

    def __init__(self, paths: Iterable[Path], most_files: int, most_bytes: int) -> None:
        self._paths = [str(path) for path in paths]
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._known: dict[str, _Known] = {}
        self._moving: dict[str, _Moving] = {}
        self._is_first = True
        self._goes_on = False
        self.is_full = False
        """Whether there are more files than are watched."""

    def go_on(self, seen: Mapping[str, Any]) -> None:
        """From what `seen` gave; other paths than then are looked at as if for the first time. Raises ValueError."""
        if seen.get("paths") != self._paths:
            return
        try:
            files = {
                str(path): _Known(Mark(*map(int, mark)), bytes.fromhex(digest) if digest else None)
                for path, (*mark, digest) in islice(seen["files"].items(), self._most_files)
            }
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"it is not what is written there: {error!r}") from error
        self._known, self._is_first, self._goes_on = files, False, True

    def seen(self) -> dict[str, Any] | None:
        """What is known, as JSON; None before the first look."""
        if self._is_first:
            return None
        files = {path: [*one.mark, one.digest.hex() if one.digest else None] for path, one in self._known.items()}
        return {"paths": self._paths, "files": files}

    def __len__(self) -> int:
        return len(self._known)

    def look(self, now_ms: int) -> Sequence[FileChange]:
        """What was changed, sorted by path."""
        marks = self._marks()
        if self._is_first:
            self._known = {path: _Known(mark, self._digest(path, mark)) for path, mark in marks.items()}
            self._is_first = False
            return []
        moving, self._moving = self._moving, {}
        found: list[FileChange] = []
        for path, mark in sorted(self._differing(marks).items()):
            before = moving.get(path)
            if before is not None and before.mark == mark:
                found += self._settle(before.noticed_ms, path, mark)
            else:
                self._moving[path] = _Moving(before.noticed_ms if before else self._begun_ms(mark, now_ms), mark)
        self._goes_on = False
        return found

    def _begun_ms(self, mark: Mark | None, now_ms: int) -> int:
        """When a change was made that is noticed now: if nobody looked then, the kernel knows it."""
        if mark is None or not self._goes_on:
            return now_ms
        return min(now_ms, mark.changed_ns // 1_000_000)

    def _differing(self, marks: dict[str, Mark]) -> dict[str, Mark | None]:
        """Files that are not as they are known; None for those that are gone."""
        found: dict[str, Mark | None] = {path: mark for path, mark in marks.items() if self._is_news(path, mark)}
        for path in self._known.keys() - marks.keys():
            with suppress(OSError):  # that nobody may look any more does not mean that it is gone
                mark = mark_of(path)
                if mark is None or self._is_news(path, mark):
                    found[path] = mark
        return found

    def _is_news(self, path: str, mark: Mark) -> bool:
        known = self._known.get(path)
        if known is None:
            return len(self._known) < self._most_files
        return known.mark != mark

    def _settle(self, noticed_ms: int, path: str, mark: Mark | None) -> Iterator[FileChange]:
        """Takes a file as it is now for known, and says what that changes."""
        before = self._known.pop(path, None)
        if mark is not None:
            self._known[path] = now = _Known(mark, self._digest(path, mark))
            if before is None or not _alike(before, now):
                yield _change(noticed_ms, "changed" if before else "added", path, mark)
        elif before is not None:
            yield _change(noticed_ms, "removed", path, before.mark)

    def _marks(self) -> dict[str, Mark]:
        """Of the files that are there."""
        found = list(islice(_files(self._paths), self._most_files + 1))
        self.is_full = len(found) > self._most_files
        return dict(found[: self._most_files])

    def _digest(self, path: str, mark: Mark) -> bytes | None:
        if mark.size_bytes > self._most_bytes:
            return None
        digest = blake2b(digest_size=DIGEST_BYTES)
        left = self._most_bytes
        try:
            # a pipe that has taken the file's place must not keep us waiting
            with open(path, "rb", buffering=0, opener=_without_waiting) as file:
                while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
                    digest.update(piece)
                    left -= len(piece)
        except OSError:
            return None
        return digest.digest()


def mark_of(path: str) -> Mark | None:
    """Of a file, also one that a link leads to; None where there is none. Raises OSError."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of what Path costs, for each file at every look
    except (FileNotFoundError, NotADirectoryError):
        return None
    mark = Mark(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return mark if stat.S_ISREG(found.st_mode) else None


def _files(paths: Iterable[str]) -> Iterator[tuple[str, Mark]]:
    """Files, and those in folders in the order of their names. Links within folders lead to files alone."""
    for path in paths:
        with suppress(OSError):  # nobody may look there: that is not to keep us from the others
            if mark := mark_of(path):
                yield path, mark
                continue
        yield from _files_in(path)


def _files_in(folder: str) -> Iterator[tuple[str, Mark]]:
    try:
        with os.scandir(folder) as entries:
            ones = sorted((one for one in entries if not _is_passing(one.name)), key=lambda one: one.name)
    except OSError:  # it is not there, it is no folder, or nobody may look
        return
    for one in ones:
        if one.is_dir(follow_symlinks=False):
            yield from _files_in(one.path)
            continue
        with suppress(OSError):
            if mark := mark_of(one.path):
                yield one.path, mark


def _is_passing(name: str) -> bool:
    return name.startswith(".") or name.endswith(_PASSING)


def _alike(before: _Known, now: _Known) -> bool:
    if before.digest is None or now.digest is None:
        return before.mark[1:3] == now.mark[1:3]
    return before.digest == now.digest


def _change(noticed_ms: int, done: str, path: str, mark: Mark) -> FileChange:
    return FileChange(noticed_ms, done, path, mark.size_bytes, mark.modified_ns // 1_000_000_000)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
