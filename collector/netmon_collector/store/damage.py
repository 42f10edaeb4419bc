"""What was found damaged: told once in the log, counted, and kept under a name of its own."""

from pathlib import Path
from typing import Final

from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.store")

SUFFIX: Final = ".damaged"


class DamageBook:
    """Counts and reports damage; the same place is told once."""

    def __init__(self) -> None:
        self._places: set[tuple[str, int]] = set()

    @property
    def count(self) -> int:
        """Places found damaged since the store was opened."""
        return len(self._places)

    def found(self, path: Path, offset: int, what: str, aside: Path | None = None) -> None:
        """Notes damage in a file; `aside` is where the bytes were put."""
        place = (path.name, offset)
        if place not in self._places:
            self._places.add(place)
            log.error("store.damaged", file=str(path), offset=offset, what=what, set_aside=str(aside or ""))
