"""Which series matchers find, remembered: dashboards and rules ask with the same matchers again and again."""

from collections.abc import Sequence
from typing import Final

from netmon_collector.store.base import Matcher
from netmon_collector.store.cache import Cache
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.match import Matching

_MOST_BYTES: Final = 16 << 20
_ENTRY_BYTES: Final = 1000
_MOST_LATELY: Final = 1000
_FEW_BYTES: Final = 8 << 10


class Finder:
    """Finds series in an index. Any thread may use it."""

    def __init__(self, index: LabelIndex) -> None:
        self._index = index
        self._found = Cache(_MOST_BYTES)
        self._lately: dict[int, tuple[Sequence[Matcher], int, Numbers]] = {}
        """By the id of a sequence of matchers: expressions are kept, and ask with the very same one again."""

    def find(self, matchers: Sequence[Matcher]) -> Numbers:
        """The series that all matchers accept and of which there is a sample, ascending; not to be changed.

        Raises ValueError, naming the matcher, for a bad regular expression.
        """
        version = self._index.version
        lately = self._lately.get(id(matchers))
        if lately is not None and lately[0] is matchers and lately[1] == version:
            return lately[2]
        series = self._find(tuple(matchers), version)
        if isinstance(matchers, tuple) and series.nbytes <= _FEW_BYTES:  # a tuple nobody can change
            if len(self._lately) >= _MOST_LATELY:
                self._lately = {}
            self._lately[id(matchers)] = matchers, version, series
        return series

    def _find(self, matchers: tuple[Matcher, ...], version: int) -> Numbers:
        known: tuple[int, Numbers] | None = self._found.get(matchers)
        if known is not None and known[0] == version:
            return known[1]
        series = self._index.match(Matching(matchers))
        self._found.replace(matchers, (version, series), series.nbytes + _ENTRY_BYTES)
        return series
