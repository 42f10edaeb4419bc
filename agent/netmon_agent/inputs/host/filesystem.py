"""Space and inodes of mounted file systems: /proc/mounts (fstab(5)) and statvfs(3)."""

import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.detached import Attempt, Stuck
from netmon_agent.inputs.host.family import Family, Keys, gauge, text
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.filters import Filter
from netmon_agent.inputs.host.options import FilesystemOptions

_LOCAL = frozenset(
    b"bcachefs btrfs exfat ext2 ext3 ext4 f2fs hfsplus jfs msdos nilfs2 ntfs3 ramfs reiserfs rootfs tmpfs udf vfat "
    b"xfs zfs".split()
)
"""Types whose statvfs never waits for another machine or a process; all others are asked in a thread."""

_ESCAPED = re.compile(rb"\\([0-7]{3})")
_LONGEST_LINE_BYTES = 4096  # the layers of a container are one line
_METRICS = ("size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly", "device_error")

Statvfs = Callable[[bytes], os.statvfs_result]


class Mount(NamedTuple):
    path: bytes
    local: bool
    is_readonly: float
    size: Key
    free: Key
    avail: Key
    files: Key
    files_free: Key
    readonly: Key
    device_error: Key


class Filesystem(Family):
    """Space and inodes per mounted file system.

    A file server that is gone makes statvfs wait for ever. Such a mount has node_filesystem_device_error 1 and nothing
    else. It is not asked again while the call waits, and delays no gather but the first, for `mount_timeout` at most.
    """

    def __init__(
        self,
        files: Files,
        procfs: str,
        rootfs: str,
        options: FilesystemOptions,
        statvfs: Statvfs = os.statvfs,
    ) -> None:
        self._files = files
        self._sources = [f"{procfs}/1/mounts", f"{procfs}/mounts"]  # of the machine, of a container
        self._rootfs = os.fsencode(rootfs.rstrip("/"))
        self._mount_points = Filter(exclude=options.mount_points_exclude)
        self._types = Filter(exclude=options.fs_types_exclude)
        self._timeout_s = options.mount_timeout_s
        self._statvfs = statvfs
        self._listed = b""
        self._mounts: list[Mount] = []
        self._waiting: dict[bytes, Attempt[os.statvfs_result]] = {}
        self._keys = Keys()

    def gather(self) -> Columns:
        listed = self._list()
        if listed != self._listed:
            self._mounts = list({mount.size: mount for mount in self._wanted(listed)}.values())
            self._listed = listed
        asked = self._ask_remote()
        deadline = time.monotonic() + self._timeout_s
        series: dict[Key, float] = {}
        for mount in self._mounts:
            try:
                found = self._statvfs(mount.path) if mount.local else self._answer(mount.path, asked, deadline)
            except (OSError, Stuck):
                series[mount.device_error] = 1.0
                continue
            unit = found.f_frsize
            series[mount.device_error] = 0.0
            series[mount.readonly] = mount.is_readonly
            series[mount.size] = found.f_blocks * unit
            series[mount.free] = found.f_bfree * unit
            series[mount.avail] = found.f_bavail * unit
            series[mount.files] = found.f_files
            series[mount.files_free] = found.f_ffree
        return self._keys.columns(series)

    def _list(self) -> bytes:
        for path in self._sources[:-1]:
            try:
                return self._files.whole(path, _LONGEST_LINE_BYTES)
            except OSError:  # hidden from us
                continue
        return self._files.whole(self._sources[-1], _LONGEST_LINE_BYTES)

    def _wanted(self, listed: bytes) -> Iterator[Mount]:
        for line in listed.splitlines():
            words = line.split()
            if len(words) < 4:
                raise ValueError("mounts has a line of less than four columns")
            device, mount_point, kind, options = words[:4]
            path = _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8) & 0xFF]), mount_point)
            path = path.removeprefix(self._rootfs) or b"/"
            if self._mount_points.accepts(text(path)) and self._types.accepts(text(kind)):
                labels = {"device": text(device), "fstype": text(kind), "mountpoint": text(path)}
                keys = [gauge(f"node_filesystem_{name}", **labels) for name in _METRICS]
                readonly = float(b"ro" in options.split(b","))
                yield Mount(self._rootfs + path, kind in _LOCAL, readonly, *keys)

    def _ask_remote(self) -> dict[bytes, Attempt[os.statvfs_result]]:
        """Asks all other machines at once, except those that still owe an answer."""
        self._waiting = {path: attempt for path, attempt in self._waiting.items() if attempt.running}
        return {
            mount.path: Attempt(partial(self._statvfs, mount.path), f"statvfs {text(mount.path)}")
            for mount in self._mounts
            if not mount.local and mount.path not in self._waiting
        }

    def _answer(
        self, path: bytes, asked: dict[bytes, Attempt[os.statvfs_result]], deadline: float
    ) -> os.statvfs_result:
        if path not in asked:
            raise Stuck(text(path))
        try:
            return asked[path].answer(deadline - time.monotonic())
        except Stuck:
            self._waiting[path] = asked[path]
            raise
