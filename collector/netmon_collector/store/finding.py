"""Which series matchers find, and which labels these have, remembered until there is another series: dashboards and
rules ask with the same matchers again and again.
"""

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
_FEW_VALUES: Final = 2000
"""So many values of labels are tried, one by one, in three milliseconds."""
_TEXT_BYTES: Final = 8
"""What a name or a value in a list takes: the index has its text."""


class Finder:
    """Finds series in an index. Any thread may use it."""

    def __init__(self, index: LabelIndex) -> None:
        self._index = index
        self._found = Cache(_MOST_BYTES)
        self._lately: dict[int, tuple[Sequence[Matcher], int, Numbers]] = {}
        """By the id of a sequence of matchers: expressions are kept, and ask with the very same one again."""

    @property
    def size_bytes(self) -> int:
        """What is remembered."""
        return self._found.size_bytes

    def find(self, matchers: Sequence[Matcher]) -> Numbers:
        """The series that all matchers accept and of which there is a sample, ascending; not to be changed.

        Raises ValueError, naming the matcher, for a bad regular expression.
        """
        known = self._known(matchers)
        return self._find(matchers) if known is None else known

    def find_at_hand(self, matchers: Sequence[Matcher], most: int) -> Numbers | None:
        """As `find`; None for more than so many series, and where it is not known and may take long."""
        series = self._known(matchers)
        if series is None and self._index.effort(matchers) <= _FEW_VALUES:
            series = self._find(matchers)
        return None if series is None or len(series) > most else series

    def _known(self, matchers: Sequence[Matcher]) -> Numbers | None:
        version = self._index.version
        lately = self._lately.get(id(matchers))
        if lately is not None and lately[0] is matchers and lately[1] == version:
            return lately[2]
        found: tuple[int, Numbers] | None = self._found.get(tuple(matchers))
        if found is None or found[0] != version:
            return None
        self._note(matchers, version, found[1])
        return found[1]

    def _find(self, matchers: Sequence[Matcher]) -> Numbers:
        version = self._index.version
        series = self._index.match(Matching(matchers))
        self._found.put(tuple(matchers), (version, series), series.nbytes + _ENTRY_BYTES)
        self._note(matchers, version, series)
        return series

    def _note(self, matchers: Sequence[Matcher], version: int, series: Numbers) -> None:
        if isinstance(matchers, tuple) and series.nbytes <= _FEW_BYTES:  # a tuple nobody can change
            if len(self._lately) >= _MOST_LATELY:
                self._lately = {}
            self._lately[id(matchers)] = matchers, version, series

    def texts_at_hand(self, label: str | None, matchers: Sequence[Matcher]) -> list[str] | None:
        """As `texts`; None where these are not known."""
        known: tuple[int, list[str]] | None = self._found.get((label, *matchers))
        return known[1] if known is not None and known[0] == self._index.version else None

    def texts(self, label: str | None, matchers: Sequence[Matcher]) -> list[str]:
        """The values that a label has in the series that all matchers accept, or without a label the names of their
        labels; sorted, not to be changed. Raises ValueError, naming the matcher, for a bad regular expression.
        """
        version, matching = self._index.version, Matching(matchers)
        found = self._index.label_names(matching) if label is None else self._index.label_values(label, matching)
        self._found.put((label, *matchers), (version, found), len(found) * _TEXT_BYTES + _ENTRY_BYTES)
        return found
