"""Keeps one source that sends without end from drowning the others, and remembers what was left out, to tell it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netmon_proto.model import Event, Severity

MOST_SOURCES: Final = 20_000
MOST_TOLD: Final = 1_000
"""Sources whose losses are told one by one; of what others lost, the sum."""

STORM: Final = "storm"
MALFORMED: Final = "malformed"
STRANGER: Final = "stranger"
FULL: Final = "full"
_SAID = {
    STORM: "more came than is taken from one source",
    MALFORMED: "what came could not be read",
    STRANGER: "the sender is none of those that may",
    FULL: "too much waited already",
}
_SEVERITIES = {STORM: Severity.WARNING, FULL: Severity.WARNING}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Storms:
    """A token bucket for each source: so many messages a second for long, and a burst at once. Sources beyond
    MOST_SOURCES push out those that came first.
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._buckets: dict[str, _Bucket] = {}

    def admits(self, source: str, now_s: float) -> bool:
        """Whether a message of a source may come in, by a monotonic clock; cheap."""
        bucket = self._buckets.get(source)
        if bucket is None:
            if len(self._buckets) >= MOST_SOURCES:
                del self._buckets[next(iter(self._buckets))]
            self._buckets[source] = _Bucket(self._burst - 1, now_s)
            return True
        tokens = bucket.tokens + (now_s - bucket.at_s) * self._rate_per_s
        bucket.at_s = now_s
        if tokens > self._burst:
            tokens = self._burst
        if tokens < 1:
            bucket.tokens = tokens
            return False
        bucket.tokens = tokens - 1
        return True


class Losses:
    """What did not become an event, by reason and source, until it is told."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = dict.fromkeys(_SAID, 0)
        self._untold: dict[tuple[str, str], tuple[int, str]] = {}

    def note(self, reason: str, source: str, why: str = "") -> None:
        """Counts a message of a source that was left out; `why` says more of the last one."""
        self.totals[reason] += 1
        key = (reason, source)
        if key not in self._untold and len(self._untold) >= MOST_TOLD:
            key = (reason, "")
        self._untold[key] = (self._untold.get(key, (0, ""))[0] + 1, why)

    def tell(self, now_ms: int) -> Iterator[Event]:
        """An event for each source and reason since the last call."""
        untold, self._untold = self._untold, {}
        for (reason, source), (count, why) in untold.items():
            whose = f" of {source}" if source else " of other sources"
            because = f" ({why})" if why else ""
            many = f"{count:,} messages{whose} were" if count > 1 else f"a message{whose} was"
            text = f"{many} left out: {_SAID[reason]}{because}"
            severity = _SEVERITIES.get(reason, Severity.NOTICE)
            yield Event(now_ms, "netmon", f"receiver.{reason}", severity, text, 1, "", source, {"messages": str(count)})
