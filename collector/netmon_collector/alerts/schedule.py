"""Who is on call when: people that take turns by the clocks of a place, and exceptions from that."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

MOST_HANDOVERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Layer:
    """Receivers that take turns from a time on, as clocks there show it; each turn lasts so many days."""

    receivers: tuple[str, ...]
    starts: datetime
    days: int


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in from a time until another, Unix milliseconds."""

    receiver: str
    starts_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule in a time zone, with the name that it has in the configuration. Of layers and overrides that hold at a
    time the last one counts, overrides first.

    A time that the clocks show twice is the first of the two, one that they skip comes as much later as they skip: so
    nobody's turn begins twice, and none is left out.
    """

    name: str
    zone: tzinfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    def who(self, at_ms: int) -> str:
        """The receiver on call, "" where nobody is."""
        for override in reversed(self.overrides):
            if override.starts_ms <= at_ms < override.ends_ms:
                return override.receiver
        for layer in reversed(self.layers):
            turn = self._turn(layer, at_ms)
            if turn >= 0:
                return layer.receivers[turn % len(layer.receivers)]
        return ""

    def next(self, at_ms: int) -> tuple[int, str] | None:
        """When somebody else is on call, and who; None where that stays as it is."""
        now = self.who(at_ms)
        time_ms = at_ms
        for _ in range(MOST_HANDOVERS):
            changes = [one for one in self._changes(time_ms) if one > time_ms]
            if not changes:
                return None
            time_ms = min(changes)
            if (then := self.who(time_ms)) != now:
                return time_ms, then
        return None

    def people(self) -> list[str]:
        """All receivers that it names."""
        named = [name for layer in self.layers for name in layer.receivers]
        return list(dict.fromkeys((*named, *(one.receiver for one in self.overrides))))

    def _changes(self, at_ms: int) -> Iterator[int]:
        """Times after which each layer and override may say something else."""
        for layer in self.layers:
            yield self._begin_ms(layer, max(self._turn(layer, at_ms) + 1, 0))
        for override in self.overrides:
            yield override.starts_ms
            yield override.ends_ms

    def _turn(self, layer: Layer, at_ms: int) -> int:
        """The number of the turn that goes on, negative before the first."""
        local = datetime.fromtimestamp(at_ms / 1000, self.zone).replace(tzinfo=None)
        turn = (local - layer.starts) // timedelta(days=layer.days)
        if at_ms < self._begin_ms(layer, turn):
            return turn - 1
        return turn + 1 if at_ms >= self._begin_ms(layer, turn + 1) else turn

    def _begin_ms(self, layer: Layer, turn: int) -> int:
        return local_ms(layer.starts + timedelta(days=layer.days * turn), self.zone)


def local_ms(local: datetime, zone: tzinfo) -> int:
    """The time at which clocks there show this, Unix milliseconds."""
    return round(local.replace(tzinfo=zone).timestamp() * 1000)
