"""From a record of the queue to lines of the line protocol, without Python's hand on each sample."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress, repeat
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Times, is_absent
from netmon_collector.store.record import GatherGroup, Gathers, Part, Singles
from netmon_proto.model import Labels

REQUEST_LINES: Final = 50_000
"""About as many lines go into one request: some 5 MB, where InfluxDB takes no more than 25 MB."""

_MOST_GROUPS: Final = 20_000
"""The beginnings of the lines of so many groups are kept; they are made anew where more come and go."""
_MOST_SERIES: Final = 1_000_000
"""The same of series that come one by one."""
_INFINITE: Final = {True: b"+Inf", False: b"-Inf"}


Compose = Callable[[Sequence[bytes], npt.NDArray[np.float64], Times], list[bytes]]
"""Makes lines of their beginnings and values, all of them at the times, or at the only one."""


def compose_lines(prefixes: Sequence[bytes], values: npt.NDArray[np.float64], times: Times) -> list[bytes]:
    """Lines of the line protocol."""
    endings = repeat(b" %d\n" % times[0]) if len(times) == 1 else map(b" %d\n".__mod__, times.tolist())
    return list(map(b"".join, zip(prefixes, _texts(values), endings, strict=False)))


class LineWriter:
    """Turns samples into lines; keeps the beginnings of the lines of each group and series. Belongs to one thread."""

    def __init__(
        self,
        prefix: Callable[[Labels], bytes],
        labels: Callable[[int], Labels],
        compose: Compose = compose_lines,
        most_lines: int = REQUEST_LINES,
    ) -> None:
        self._prefix = prefix
        self._labels = labels
        self._compose = compose
        self._most_lines = most_lines
        self._prefixes: dict[int, tuple[GatherGroup, list[bytes]]] = {}
        self._singles: dict[int, bytes] = {}

    def lines(self, part: Part, groups: Mapping[int, GatherGroup]) -> Iterator[list[bytes]]:
        """The lines of some samples in portions; `groups` by the numbers that they have in the file."""
        if isinstance(part, Gathers):
            yield from self._of_gathers(part, groups)
        else:
            for first in range(0, len(part.series), self._most_lines):
                end = first + self._most_lines
                yield self._of_singles(Singles(part.series[first:end], part.times[first:end], part.values[first:end]))

    def _of_singles(self, singles: Singles) -> list[bytes]:
        prefixes = [self._single(number) for number in singles.series.tolist()]
        return self._compose(prefixes, singles.values.view(np.float64), singles.times)

    def _single(self, number: int) -> bytes:
        known = self._singles.get(number)
        if known is None:
            if len(self._singles) >= _MOST_SERIES:
                self._singles.clear()
            known = self._singles[number] = self._prefix(self._labels(number))
        return known

    def _of_gathers(self, gathers: Gathers, groups: Mapping[int, GatherGroup]) -> Iterator[list[bytes]]:
        portion: list[bytes] = []
        for number, width, time_ms, start in zip(
            gathers.groups.tolist(), gathers.widths.tolist(), gathers.times.tolist(), gathers.starts, strict=True
        ):
            if number not in groups:  # its description is damaged, which was told when the file was opened
                continue
            values = gathers.values[start : start + width].view(np.float64)
            portion += self._gather(self._prefixes_of(groups[number]), values, time_ms)
            if len(portion) >= self._most_lines:
                yield portion
                portion = []
        if portion:
            yield portion

    def _gather(self, prefixes: list[bytes], values: npt.NDArray[np.float64], time_ms: int) -> list[bytes]:
        present = ~is_absent(values)
        if not present.all():
            prefixes, values = list(compress(prefixes, present)), values[present]
        return self._compose(prefixes, values, np.array([time_ms]))

    def _prefixes_of(self, group: GatherGroup) -> list[bytes]:
        known = self._prefixes.get(group.number)
        if known is None or known[0] is not group:
            if len(self._prefixes) >= _MOST_GROUPS:
                self._prefixes.clear()
            known = self._prefixes[group.number] = (group, [self._prefix(labels) for labels in group.labels])
        return known[1]


def _texts(values: npt.NDArray[np.float64]) -> list[bytes]:
    """The shortest text that reads back as the same value, for each."""
    texts = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    for at in np.flatnonzero(~np.isfinite(values)).tolist():
        texts[at] = _INFINITE[bool(values[at] > 0)]
    return texts
