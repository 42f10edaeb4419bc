"""Which values of a label regular expressions were tried on, so that a repeated query tries only what is new."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import islice
from threading import Lock
from typing import Final

from netmon_collector.store.match import Condition

_MOST: Final = 256
"""So many expressions are remembered, those used last."""


class Tried:
    """Any thread may ask. The values of a label are only ever added to, in an order that stays."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, bool], tuple[int, list[str]]] = OrderedDict()
        self._lock = Lock()

    def values(self, condition: Condition, accepted: bool, values: Mapping[str, int], lock: Lock) -> Sequence[str]:
        """The values that a condition accepts, or rejects; `lock` is held while values are added to the label's."""
        key = condition.name, condition.expression, condition.negative != accepted
        with self._lock:
            count, found = self._known.get(key, (0, []))
        with lock:
            new = list(islice(values, count, None))
        if new or not count:
            found = [*found, *(value for value in new if condition.accepts(value) == accepted)]
        with self._lock:
            self._known[key] = (count + len(new), found)
            self._known.move_to_end(key)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found
