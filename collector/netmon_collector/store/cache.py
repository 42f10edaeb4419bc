"""A bounded cache: what was not used for longest goes first."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Final

_PARTS: Final = 2
"""A value takes at most that part of the bytes: it never pushes out most others."""


class Cache:
    """Keeps values up to a number of bytes. Any thread may use it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._largest_bytes = max_bytes // _PARTS
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._size_bytes = 0
        self._lock = Lock()

    @property
    def size_bytes(self) -> int:
        """About how much memory the values take."""
        return self._size_bytes

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._kept.clear()
            self._size_bytes = 0

    def get(self, key: Hashable) -> Any:
        """The value of a key; None where it is not kept."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def drop(self, key: Hashable) -> Any:
        """The value of a key, which is kept no longer; None where it was not."""
        with self._lock:
            value, size_bytes = self._kept.pop(key, (None, 0))
            self._size_bytes -= size_bytes
            return value

    def put(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Keeps a value of about so many bytes until others need its room, in place of one of the same key."""
        with self._lock:
            self._size_bytes -= self._kept.pop(key, (None, 0))[1]
            if size_bytes > self._largest_bytes:
                return
            self._kept[key] = value, size_bytes
            self._size_bytes += size_bytes
            while self._size_bytes > self._max_bytes:
                self._size_bytes -= self._kept.popitem(last=False)[1][1]
