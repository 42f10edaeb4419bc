"""How wrong an agent's clock is, and what is done about it."""

from collections import deque

TOLERATED_MS = 10_000
"""Times of a clock that is off by no more are kept as they are."""

_STEP_MS = 60_000
_MEMORY = 10


class Skew:
    """The offset of one agent's clock, seen from the collector's.

    A batch says what its agent's clock showed when it was closed, and how long ago that was; the collector knows when
    it came. The difference is the skew, less the time that the batch was on its way. The way varies and can only make
    a clock look slow, so the largest of the last few counts, as long as the clock has not stepped.
    """

    def __init__(self) -> None:
        self._seen: deque[int] = deque(maxlen=_MEMORY)
        self._correction_ms = 0

    @property
    def skew_ms(self) -> int | None:
        """By how much the agent's clock is ahead; None before the first batch."""
        return max(self._seen) if self._seen else None

    def observe(self, clock_ms: int, age_ms: int, received_ms: int) -> int:
        """Learns from one batch; how many milliseconds are to be taken off its times.

        The correction stays the same while the skew stays within a second of it, so that intervals stay regular.
        """
        skew_ms = clock_ms + age_ms - received_ms
        if self._seen and abs(skew_ms - max(self._seen)) > _STEP_MS:
            self._seen.clear()
        self._seen.append(skew_ms)
        skew_ms = max(self._seen)
        if abs(skew_ms) <= TOLERATED_MS:
            return 0
        if abs(skew_ms - self._correction_ms) > 1000:
            self._correction_ms = skew_ms
        return self._correction_ms
