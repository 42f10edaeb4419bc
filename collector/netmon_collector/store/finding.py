"""Which series matchers find, remembered: dashboards and rules ask with the same matchers again and again."""

from collections.abc import Sequence
from typing import Final

from netmon_collector.store.base import Matcher
from netmon_collector.store.cache import Cache
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.match import Matching

_MOST_BYTES: Final = 16 << 20
_ENTRY_BYTES: Final = 1000


class Finder:
    """Finds series in an index. Any thread may use it."""

    def __init__(self, index: LabelIndex) -> None:
        self._index = index
        self._found = Cache(_MOST_BYTES)

    def find(self, matchers: Sequence[Matcher]) -> Numbers:
        """The series that all matchers accept and of which there is a sample, ascending; not to be changed.

        Raises ValueError, naming the matcher, for a bad regular expression.
        """
        key, version = tuple(matchers), self._index.version
        known: tuple[int, Numbers] | None = self._found.get(key)
        if known is not None and known[0] == version:
            return known[1]
        series = self._index.match(Matching(key))
        self._found.replace(key, (version, series), series.nbytes + _ENTRY_BYTES)
        return series
