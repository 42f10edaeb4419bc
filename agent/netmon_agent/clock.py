"""The clocks of an agent: the wall's, which may step, and one that never does."""

import time
from pathlib import Path
from typing import Protocol

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: goes on while the host sleeps
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Where the parts of an agent get the time from."""

    def now_ms(self) -> int:
        """The wall clock, Unix time in milliseconds."""
        ...

    def boot_ms(self) -> int:
        """Milliseconds since some point of this boot; never steps."""
        ...

    @property
    def boot_id(self) -> str:
        """Tells this boot from others; empty where the system does not say."""
        ...


class SystemClock:
    """The host's clocks."""

    def __init__(self) -> None:
        self.boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def boot_ms(self) -> int:
        if _BOOT_CLOCK is None:
            return time.monotonic_ns() // 1_000_000
        return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000
