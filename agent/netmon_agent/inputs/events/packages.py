"""Tells which packages of this host were installed, upgraded or removed, by the log of dpkg (dpkg(1), --log)."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import PrivateAttr

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.events.base import EventSource
from netmon_agent.inputs.events.followed import Followed
from netmon_proto.model import Event, Kind, Severity

MOST_NAMED: Final = 5
_LINE: Final = re.compile(r"\S+ \S+ (install|upgrade|remove|purge) ([^\s:]+)\S* (\S+) (\S+)$")
_DONE: Final = {"install": "installed", "upgrade": "upgraded", "remove": "removed", "purge": "purged"}


class Change(NamedTuple):
    """A package, what was done to it, and its versions; "<none>" where there is none."""

    done: str
    package: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.done == "upgraded":
            return f"{self.package} upgraded from {self.before} to {self.after}"
        return f"{self.package} {self.after} {self.done}" if self.done == "installed" else f"{self.package} {self.done}"


class PackagesInput(EventSource):
    """Makes one event of all that was done to packages since the last look. What was done before the first look is not
    told of."""

    type: Literal["packages"]
    log: Path = Path("/var/log/dpkg.log")
    _followed: Followed | None = PrivateAttr(default=None)
    _changed: int = PrivateAttr(default=0)

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        if changes := await asyncio.to_thread(self._changes):
            self._changed += len(changes)
            self.desk.accept(Event(now_ms, "packages", "package.changed", Severity.INFO, in_words(changes)))
        return [Reading("netmon_packages_changed_total", {}, self._changed, Kind.COUNTER)]

    async def close(self) -> None:
        if self._followed is not None:
            self._followed.close()

    def _changes(self) -> list[Change]:
        if self._followed is None:
            self._followed = Followed(self.log)
        lines = (line.decode("utf-8", "replace") for line in self._followed.lines())
        found = (match for line in lines if (match := _LINE.match(line)))
        return [Change(_DONE[one[1]], one[2], one[3], one[4]) for one in found]


def in_words(changes: Sequence[Change]) -> str:
    """The first of them by name, and how many more there are."""
    ones = list(dict.fromkeys(changes))
    more = f", and {len(ones) - MOST_NAMED} more" if len(ones) > MOST_NAMED else ""
    return f"package {', '.join(map(str, ones[:MOST_NAMED]))}{more}"
