"""What inputs have in common that tell of changes to this host: one event of all that was found at a look, also of what
was changed while the agent was down.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from pydantic import PrivateAttr

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.events.base import EventSource
from netmon_agent.inputs.events.last_seen import LastSeen
from netmon_proto.model import Event, Kind, Severity

MOST_NAMED: Final = 5
LONGEST_TEXT: Final = 4096
APART_MS: Final = 300_000
"""Changes that are so far apart are events of their own."""
MOST_EVENTS: Final = 10
"""Of one look; of the oldest changes one is made where there would be more."""


class Change(NamedTuple):
    """When it was noticed, or made if nobody looked then, and what was changed, in words."""

    time_ms: int
    words: str


class ChangeSource(EventSource):
    """Looks at every interval and makes one event of all changes since.

    What was before the first look of all is not told of; a later start goes on from what was seen last, if `remember`
    names where that is kept.

    source, kind: of its events. noun: what is changed. counter: the metric that counts changes.
    """

    source: ClassVar[str]
    kind: ClassVar[str]
    noun: ClassVar[str]
    counter: ClassVar[str]
    _changed: int = PrivateAttr(default=0)
    _last_seen: LastSeen | None = PrivateAttr(default=None)

    def remember(self, folder: Path) -> None:
        """Keeps what was seen last in a file in this folder."""
        self._last_seen = LastSeen(folder / f"{self.source}.seen.json")

    @abstractmethod
    def look(self, now_ms: int) -> Sequence[Change]:
        """The changes since the last look; runs in a thread, never twice at once. Raises OSError."""

    @abstractmethod
    def seen(self) -> dict[str, Any] | None:
        """What the next start is to go on from, as JSON; None while nothing was seen."""

    def go_on(self, take: Callable[[Mapping[str, Any]], None]) -> None:
        """Has what an earlier run saw last taken up, if there is something; `take` raises ValueError."""
        if self._last_seen is not None and (seen := self._last_seen.read()) is not None:
            try:
                take(seen)
            except ValueError as error:
                self._last_seen.is_useless(error)

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        changes = await asyncio.to_thread(self.look, now_ms)
        self._changed += len(changes)
        for ones in apart(changes):
            text = f"{self.noun} {named([one.words for one in ones])}"
            self.desk.accept(Event(ones[0].time_ms, self.source, self.kind, Severity.INFO, text[:LONGEST_TEXT]))
        await asyncio.to_thread(self._keep, now_ms)
        return [Reading(self.counter, {}, self._changed, Kind.COUNTER)]

    async def close(self) -> None:
        await asyncio.to_thread(self._keep, None)

    def _keep(self, now_ms: int | None) -> None:
        """now_ms: None at the end."""
        if self._last_seen is None or not (now_ms is None or self._last_seen.is_due(now_ms)):
            return
        if (seen := self.seen()) is not None:
            self._last_seen.write(seen)


def apart(changes: Sequence[Change]) -> list[list[Change]]:
    """Those of the same minutes together, the oldest first."""
    found: list[list[Change]] = []
    for one in sorted(changes, key=lambda one: one.time_ms):
        if found and one.time_ms - found[-1][-1].time_ms < APART_MS:
            found[-1].append(one)
        else:
            found.append([one])
    oldest = max(1, len(found) - MOST_EVENTS + 1)
    return [list(chain(*found[:oldest])), *found[oldest:]] if found else []


def named(all_words: Sequence[str]) -> str:
    """The first of them, and how many more there are; those alike once."""
    ones = list(dict.fromkeys(all_words))
    more = f", and {len(ones) - MOST_NAMED} more" if len(ones) > MOST_NAMED else ""
    return f"{', '.join(ones[:MOST_NAMED])}{more}"
