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

    def is_new(self, path: Path, offset: int) -> bool:
        """Whether a place was not found damaged before."""
        return (path.name, offset) not in self._places

    def found(self, path: Path, offset: int, what: str, aside: Path | None = None) -> None:
        """Notes damage in a file; `aside` is where the bytes were put."""
        place = (path.name, offset)
        if place not in self._places:
            self._places.add(place)
            log.error("store.damaged", file=str(path), offset=offset, what=what, set_aside=str(aside or ""))

    def set_aside(self, path: Path, offset: int, data: bytes) -> Path | None:
        """Copies damaged bytes into a file beside theirs; None where there is no room for it."""
        aside = path.with_name(f"{path.name}.{offset}{SUFFIX}")
        try:
            aside.write_bytes(data)
        except OSError as error:
            log.warning("store.not_set_aside", file=str(aside), error=str(error))
            return None
        return aside
