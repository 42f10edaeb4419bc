"""Real faults on this machine, each bounded: a leak, a hog, lost packets, a disk that fills."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.support.namespaces import Lab

DISK_BYTES = 256 << 20
LEAK_BYTES = 512 << 20

_LEAK = """
import sys, time
kept, bound, seconds = [], int(sys.argv[1]), float(sys.argv[2])
for _ in range(100):
    kept.append(bytearray(b"x" * (bound // 100)))
    time.sleep(seconds / 100)
time.sleep(3600)
"""
_HOG = "while True: pass"


@contextlib.contextmanager
def leak(folder: Path, over_s: float) -> Iterator[None]:
    """A process called leak that takes LEAK_BYTES within `over_s`, and keeps them."""
    with _process(folder / "leak", _LEAK, str(LEAK_BYTES), str(over_s)):
        yield


@contextlib.contextmanager
def hog(folder: Path) -> Iterator[None]:
    """A process called hog that takes all that it gets of one processor, after all others."""
    with _process(folder / "hog", _HOG, nice=10):
        yield


@contextlib.contextmanager
def lost_packets(lab: Lab, host: str, share: float) -> Iterator[None]:
    """Echo requests to a host are lost at random."""
    rule = ["INPUT", "-p", "icmp", "-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP"]
    lab.run(host, "iptables", "-A", *rule)
    try:
        yield
    finally:
        lab.run(host, "iptables", "-D", *rule)


@contextlib.contextmanager
def disk(folder: Path, image: Path) -> Iterator[Path]:
    """An ext4 file system of its own in a file."""
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, timeout=60)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True, timeout=60)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=60)
        image.unlink()


class Filling:
    """Fills a disk in bursts, in about `seconds`; `full_s` is when that was done (Unix)."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.full_s: float | None = None
        self._folder = folder
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def _fill(self) -> None:
        rng = np.random.default_rng(5)
        state = os.statvfs(self._folder)
        a_second = state.f_bavail * state.f_frsize / self._seconds
        with (self._folder / "log").open("wb", buffering=0) as file:
            while not self._stop.wait(2.0):
                try:
                    file.write(os.urandom(round(2 * a_second * rng.gamma(2.0, 0.5))))
                    os.fdatasync(file.fileno())
                except OSError:
                    break
                left = os.statvfs(self._folder)
                if left.f_bavail == 0:
                    break
        self.full_s = None if self._stop.is_set() else time.time()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)


@contextlib.contextmanager
def _process(program: Path, text: str, *words: str, nice: int = 0) -> Iterator[None]:
    """Python under another name, by which the kernel knows the process."""
    program.symlink_to(Path(sys.executable).resolve())
    process = subprocess.Popen(["nice", "-n", str(nice), program, "-I", "-c", text, *words])
    try:
        yield
    finally:
        process.kill()
        process.wait(20)
        program.unlink()
