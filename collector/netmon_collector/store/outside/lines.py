"""From a record of the queue to lines of the line protocol, without Python's hand on each sample."""

from collections.abc import Callable, Iterator, Mapping
from itertools import compress, repeat
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import is_absent
from netmon_collector.store.record import GatherGroup, Gathers
from netmon_proto.model import Labels

REQUEST_LINES: Final = 50_000
"""About as many lines go into one request: some 5 MB, where InfluxDB takes no more than 25 MB."""

_MOST_GROUPS: Final = 20_000
"""The beginnings of the lines of so many groups are kept; they are made anew where more come and go."""
_INFINITE: Final = {True: b"+Inf", False: b"-Inf"}


class LineWriter:
    """Turns gathers into lines; keeps the beginnings of the lines of each group. Belongs to one thread."""

    def __init__(self, prefix: Callable[[Labels], bytes]) -> None:
        self._prefix = prefix
        self._prefixes: dict[int, tuple[GatherGroup, list[bytes]]] = {}

    def lines(self, gathers: Gathers, groups: Mapping[int, GatherGroup]) -> Iterator[list[bytes]]:
        """The lines of a record in portions; `groups` by the numbers that they have in its file."""
        portion: list[bytes] = []
        for number, width, time_ms, start in zip(
            gathers.groups.tolist(), gathers.widths.tolist(), gathers.times.tolist(), gathers.starts, strict=True
        ):
            if number not in groups:  # its description is damaged, which was told when the file was opened
                continue
            values = gathers.values[start : start + width].view(np.float64)
            portion += self._gather(self._prefixes_of(groups[number]), values, time_ms)
            if len(portion) >= REQUEST_LINES:
                yield portion
                portion = []
        if portion:
            yield portion

    def _gather(self, prefixes: list[bytes], values: npt.NDArray[np.float64], time_ms: int) -> list[bytes]:
        present = ~is_absent(values)
        if not present.all():
            prefixes, values = list(compress(prefixes, present)), values[present]
        texts = _texts(values)
        ending = b" %d\n" % time_ms
        return list(map(b"".join, zip(prefixes, texts, repeat(ending), strict=False)))

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
