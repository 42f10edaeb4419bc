"""How far back samples have come or gone since some moment: what was read before is right up to there."""

import bisect
import math
from typing import Final, Protocol, runtime_checkable

_GRAIN_MS: Final = 10_000
_MOST: Final = 10_000


class Changes:
    """Changes are numbered. Of those after a number, the oldest time that they touched is found.

    Times are rounded down to ten seconds: so samples that come as time goes by take one entry in that time, of which
    the newest 10,000 are kept; about what was before, the worst is said.
    """

    def __init__(self) -> None:
        self.number = 0
        self._numbers: list[int] = []
        self._oldest: list[float] = []
        """Rising: a change hides the earlier ones that reach less far back."""
        self._forgotten = 0

    def note(self, oldest_ms: int) -> None:
        """Something changed that is as old as this, and maybe younger; to be called when it can be seen."""
        self.number += 1
        grain_ms = oldest_ms // _GRAIN_MS * _GRAIN_MS
        while self._oldest and self._oldest[-1] >= grain_ms:
            self._oldest.pop()
            self._numbers.pop()
        self._oldest.append(grain_ms)
        self._numbers.append(self.number)
        if len(self._numbers) > _MOST:
            self._forgotten = self._numbers.pop(0)
            self._oldest.pop(0)

    def oldest_since(self, number: int) -> float:
        """Samples of before this time, Unix milliseconds, are as they were at a change; infinity where all are."""
        if number < self._forgotten:
            return -math.inf
        at = bisect.bisect_right(self._numbers, number)
        return self._oldest[at] if at < len(self._oldest) else math.inf


@runtime_checkable
class Watched(Protocol):
    """A store that tells of its changes."""

    @property
    def changes(self) -> Changes: ...
