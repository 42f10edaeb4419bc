"""Reads files that are tables of words, most of whose words stay the same from one reading to the next.

Splitting, comparing and picking happen in single calls of C; Python code runs per file and not per value. Only when
the names in a file change is its meaning worked out anew, by the family's own plan.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import truediv
from typing import NamedTuple

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import picker


class Cell(NamedTuple):
    """A series and the position of its value among all words of the file.

    `per_unit` is how many of the file's units make one of the series': 100 for ticks to seconds, 1/1024 for KiB to
    bytes. Values are divided by it: 9 / 1000 is 0.009, where 9 * 0.001 is 0.009000000000000001.
    """

    key: Key
    position: int
    per_unit: float = 1.0


class Plan(NamedTuple):
    """What a file means: its series, and the positions of the words that must not change for that to stay true."""

    cells: Sequence[Cell]
    names: Sequence[int]


class Row(NamedTuple):
    """A line: its words, and the position of the first of them among all words of the file."""

    start: int
    words: list[bytes]


def rows(data: bytes) -> Iterator[Row]:
    """The lines of a file that hold words."""
    start = 0
    for line in data.splitlines():
        words = line.split()
        if words:
            yield Row(start, words)
            start += len(words)


class Table:
    """A file whose plan is kept while its names stay the same."""

    def __init__(self, plan: Callable[[list[Row]], Plan]) -> None:
        self._plan = plan
        self._length = -1
        self._names: Sequence[bytes] = ()
        self._pick_names = picker(())
        self._pick_values = picker(())
        self._per_unit: list[float] = []
        self._keys: tuple[Key, ...] = ()

    def columns(self, data: bytes) -> Columns:
        """The series in `data`, which is the whole file. Raises ValueError for a value that is no number."""
        words = data.split()
        if len(words) != self._length or self._pick_names(words) != self._names:
            self._learn(data, words)
        return Columns(self._keys, list(map(truediv, map(float, self._pick_values(words)), self._per_unit)))

    def _learn(self, data: bytes, words: list[bytes]) -> None:
        plan = self._plan(list(rows(data)))
        cells = sorted({cell.key: cell for cell in plan.cells}.values())
        self._length = len(words)
        self._pick_names = picker(plan.names)
        self._names = self._pick_names(words)
        self._pick_values = picker([cell.position for cell in cells])
        self._per_unit = [cell.per_unit for cell in cells]
        self._keys = tuple(cell.key for cell in cells)
