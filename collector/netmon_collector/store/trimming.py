"""Gives memory that was freed back to the system, where the allocator is glibc's.

That one keeps what lies between things that are still in use, which is much after heads were sealed.
"""

import ctypes
import sys
from collections.abc import Callable


def _find_trim() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none, and keeps less
    return trim


_trim = _find_trim()


def give_back_memory() -> None:
    """Takes a few milliseconds; other threads run meanwhile."""
    if _trim is not None:
        _trim(0)
