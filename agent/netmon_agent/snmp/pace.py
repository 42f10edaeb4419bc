"""How fast a device may be asked, learned from its answers and remembered between polls."""

from dataclasses import dataclass

MOST_REPETITIONS = 50
_FIRST_REPETITIONS = 25
_MOST_TIMEOUT_S = 10.0
_CLEAN_ANSWERS = 40
"""So many answers in time before more is asked at once."""


@dataclass(slots=True)
class Pace:
    """One device's round-trip time and the size of answer that it manages. Plain numbers, fit to be kept on disk."""

    repetitions: int = _FIRST_REPETITIONS
    ceiling: int = MOST_REPETITIONS
    rtt_s: float | None = None
    deviation_s: float = 0.0
    clean: int = 0
    least_timeout_s: float = 0.5

    @property
    def timeout_s(self) -> float:
        """As TCP does it (RFC 6298): the mean round trip and four times its deviation; more while it is unknown."""
        if self.rtt_s is None:
            return 1.5
        return min(_MOST_TIMEOUT_S, max(self.least_timeout_s, 2 * self.rtt_s + 4 * self.deviation_s))

    def answered(self, took_s: float) -> None:
        """An answer to a request's first sending came after `took_s`."""
        if self.rtt_s is None:
            self.rtt_s, self.deviation_s = took_s, took_s / 2
        else:
            self.deviation_s += (abs(took_s - self.rtt_s) - self.deviation_s) / 4
            self.rtt_s += (took_s - self.rtt_s) / 8
        self.clean += 1
        if self.clean >= _CLEAN_ANSWERS and self.repetitions < self.ceiling:
            self.repetitions, self.clean = min(self.ceiling, self.repetitions * 2), 0

    def too_much(self) -> bool:
        """A large answer did not come; whether a smaller one can be asked for. What failed is not tried again soon."""
        self.clean = 0
        if self.repetitions <= 1:
            return False
        self.ceiling = max(1, self.repetitions // 2)
        self.repetitions = self.ceiling
        return True
