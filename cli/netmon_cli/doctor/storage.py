"""Whether the state folder can be written, and whether the disk below it has room."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from netmon_cli.doctor.base import Finding, ok, problem, warning
from netmon_cli.output import count, size

LITTLE_BYTES = 2 << 30
NO_BYTES = 256 << 20
LITTLE_INODES = 10_000
NO_INODES = 1_000


@dataclass(frozen=True, slots=True)
class Room:
    """What is left on a disk for this user; `inodes` is None where the file system has no fixed number of them."""

    free_bytes: int
    inodes: int | None


def measure_room(folder: Path) -> Room:
    inodes = None
    if sys.platform != "win32":
        found = os.statvfs(folder)
        inodes = found.f_favail if found.f_files else None
    return Room(shutil.disk_usage(folder).free, inodes)


@dataclass(frozen=True, slots=True)
class StateCheck:
    """`user` is the id of the user that runs this."""

    folder: Path
    user: int
    writable: Callable[[Path], bool] = lambda path: os.access(path, os.W_OK | os.X_OK)
    matter: str = "state"

    def examine(self) -> Iterable[Finding]:
        folder = quote(str(self.folder))
        if not self.folder.exists():
            parent = existing(self.folder)
            if self.writable(parent):
                yield ok(f"{self.folder} is not there yet, and can be made")
            else:
                yield problem(
                    f"{self.folder} is not there, and {parent} can't be written by this user",
                    f"sudo install -d -m 0700 -o {self.user} {folder}",
                )
        elif not self.folder.is_dir():
            yield problem(f"{self.folder} is no folder", f"mv {folder} {folder}.old")
        elif (owner := self.folder.stat().st_uid) != self.user and self.user != 0:
            yield warning(
                f"{self.folder} belongs to user {owner}, who alone can look into it",
                f"sudo -u '#{owner}' netmon doctor --state {folder}",
            )
        elif not self.writable(self.folder):
            yield problem(f"{self.folder} can't be written", f"chmod u+rwx {folder}")
        else:
            yield self._inside(owner)

    def _inside(self, owner: int) -> Finding:
        """A daemon that ran as root once leaves files that it can't write as another user."""
        foreign = [path for path in self.folder.rglob("*") if path.lstat().st_uid != owner]
        if foreign:
            command = f"sudo chown -R {owner} {quote(str(self.folder))}"
            return problem(f"{foreign[0]} belongs to another user than its folder", command)
        return ok(f"{self.folder} can be written")


@dataclass(frozen=True, slots=True)
class RoomCheck:
    folder: Path
    measure: Callable[[Path], Room] = measure_room
    matter: str = "disk"

    def examine(self) -> Iterable[Finding]:
        below = existing(self.folder)
        room = self.measure(below)
        text = f"{size(room.free_bytes)} free below {below}"
        look = f"sudo du -xh --max-depth=2 {quote(str(below))} | sort -h | tail"
        if room.free_bytes < NO_BYTES:
            yield problem(f"only {text}", look)
        elif room.free_bytes < LITTLE_BYTES:
            yield warning(f"only {text}", look)
        else:
            yield ok(text)
        if room.inodes is not None and room.inodes < LITTLE_INODES:
            rate = problem if room.inodes < NO_INODES else warning
            yield rate(f"room for only {count(room.inodes)} more files below {below}", f"df -i {quote(str(below))}")


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    absolute = path.absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.exists())
