"""A bounded cache: what was not used for long goes first, by and large."""

from collections.abc import Hashable
from threading import Lock
from typing import Any


class Cache:
    """Keeps values up to a number of bytes. Any thread may use it.

    In two generations: what is put or used is in the young one; when that has half of the bytes it becomes the old
    one, and the old one before it is forgotten. `parts`: a value takes at most that part of a generation.
    """

    def __init__(self, max_bytes: int, parts: int = 4) -> None:
        self._half_bytes = max_bytes // 2
        self._largest_bytes = self._half_bytes // parts
        self._young: dict[Hashable, tuple[Any, int]] = {}
        self._old: dict[Hashable, tuple[Any, int]] = {}
        self._young_bytes = self._old_bytes = 0
        self._lock = Lock()

    @property
    def size_bytes(self) -> int:
        """About how much memory the values take."""
        return self._young_bytes + self._old_bytes

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._young, self._old = {}, {}
            self._young_bytes = self._old_bytes = 0

    def get(self, key: Hashable) -> Any:
        """The value of a key; None where it is not kept."""
        kept = self._young.get(key)
        if kept is None:
            kept = self._old.get(key)
            if kept is None:
                return None
            self.put(key, *kept)
        return kept[0]

    def replace(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Keeps a value in place of one that was kept."""
        with self._lock:
            before = self._young.pop(key, None)
            if before is not None:
                self._young_bytes -= before[1]
            self._old_bytes -= self._old.pop(key, (None, 0))[1]
        self.put(key, value, size_bytes)

    def put(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Keeps a value of about so many bytes for a while; never one that would push out most others."""
        if size_bytes > self._largest_bytes:
            return
        with self._lock:
            if key in self._young:
                return
            if self._young_bytes + size_bytes > self._half_bytes:
                self._old, self._old_bytes = self._young, self._young_bytes
                self._young, self._young_bytes = {}, 0
            self._young[key] = value, size_bytes
            self._young_bytes += size_bytes
