"""Which series of the store other programs mean: each spelling of a series is read once, then known by its bytes."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.foreign.base import BadSeries, Complaint, Indices, Spelling, Written
from netmon_collector.store.base import Points, Store
from netmon_proto.model import Labels

MOST_KNOWN: Final = 1_000_000
"""About so many series are known without reading their labels again."""
MOST_SERIES: Final = 2_000_000
"""Other programs may not make more series than this while the store is open."""
_AT_ONCE: Final = 100
"""So many series are made known before others have their turn on the event loop."""
_UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class Placed:
    """What of a request can be stored, and why the rest cannot."""

    points: Points
    complaints: Sequence[Complaint]


@dataclass(slots=True)
class _Known:
    """The places of series by one format's spelling."""

    recent: dict[bytes, int] = field(default_factory=dict)
    earlier: dict[bytes, int] = field(default_factory=dict)


class Book:
    """The series of outside writers, in the store's pool. Belongs to one event loop.

    `is_own` tells of which instances netmon's own agents write; nobody else may.
    """

    def __init__(
        self,
        store: Store,
        is_own: Callable[[str], bool],
        *,
        most_known: int = MOST_KNOWN,
        most_series: int = MOST_SERIES,
    ) -> None:
        self._store = store
        self._is_own = is_own
        self._most_recent = most_known // 2
        self._most_series = most_series
        self._known: defaultdict[type[Spelling], _Known] = defaultdict(_Known)
        self._instances: list[str] = []
        """All instances that were written about."""
        self._numbers: dict[str, int] = {}
        """Their places in that list."""
        self._abouts: npt.NDArray[np.int32] = np.zeros(1024, np.int32)
        """By place: the number of the instance that the series is about."""

    async def place(self, written: Written) -> Placed:
        """Finds the series of a request in the store, or makes them known to it, some at a time."""
        known = self._known[type(written.spelling)]
        places = np.fromiter(map(known.recent.get, written.series, repeat(_UNKNOWN)), np.int64, len(written.series))
        fresh = np.flatnonzero(places == _UNKNOWN).tolist()
        refused: dict[int, str] = {}
        for first in range(0, len(fresh), _AT_ONCE):
            if first:
                await asyncio.sleep(0)
            refused |= self._learn(written, known, places, fresh[first : first + _AT_ONCE])
        refused |= self._own_ones(places)
        _turn(known, self._most_recent)
        if not refused:
            return Placed(Points(self._store.pool, places[written.rows], written.times, written.values), ())
        places[list(refused)] = _UNKNOWN
        columns = places[written.rows]
        keep = columns != _UNKNOWN
        points = Points(self._store.pool, columns[keep], written.times[keep], written.values[keep])
        return Placed(points, _complaints(written, refused))

    def _learn(self, written: Written, known: _Known, places: Indices, fresh: Iterable[int]) -> dict[int, str]:
        """Gives places to series that have none yet; returns those that are not taken, and why."""
        refused: dict[int, str] = {}
        new: list[tuple[int, Labels]] = []
        for row in fresh:
            raw = written.series[row]
            place = known.earlier.pop(raw, None)
            if place is not None:
                places[row] = known.recent[raw] = place
                continue
            try:
                new.append((row, written.spelling.read(raw)))
            except BadSeries as error:
                refused[row] = str(error)
        if new and len(self._store.pool.labels) + len(new) > self._most_series:
            message = f"netmon has {len(self._store.pool.labels)} series of other programs, and takes no more new ones"
            return refused | dict.fromkeys([row for row, _ in new], message)
        for (row, labels), place in zip(new, self._store.enroll([labels for _, labels in new]).tolist(), strict=True):
            places[row] = known.recent[written.series[row]] = place
            self._note_about(place, labels)
        return refused

    def _note_about(self, place: int, labels: Labels) -> None:
        instance = next((value for name, value in labels if name == "instance"), "")
        if place >= len(self._abouts):
            self._abouts = np.concatenate((self._abouts, np.zeros(place + 1, np.int32)))
        number = self._numbers.setdefault(instance, len(self._instances))
        if number == len(self._instances):
            self._instances.append(instance)
        self._abouts[place] = number

    def _own_ones(self, places: Indices) -> dict[int, str]:
        """The series that only netmon's own agents may write, and what a writer of them is told."""
        known = places != _UNKNOWN
        abouts = np.where(known, self._abouts[places], -1)
        own = [number for number in np.unique(abouts[known]).tolist() if self._is_own(self._instances[number])]
        return {
            row: f"instance {self._instances[number]!r} is a device of netmon's own: only its agent may write about it"
            for number in own
            for row in np.flatnonzero(abouts == number).tolist()
        }


def _turn(known: _Known, most_recent: int) -> None:
    """Forgets the spellings that were not used for long, when there are many."""
    if len(known.recent) > most_recent:
        known.earlier, known.recent = known.recent, {}


def _complaints(written: Written, refused: dict[int, str]) -> list[Complaint]:
    """Each complaint once, with the samples that it is about."""
    samples = np.bincount(written.rows, minlength=len(written.series))
    told: Counter[str] = Counter()
    for row, message in refused.items():
        told[message] += int(samples[row])
    return [Complaint(message, count) for message, count in told.items()]
