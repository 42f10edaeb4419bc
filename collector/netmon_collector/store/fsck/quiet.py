"""Damage that is found while only looking: it is neither told in the log nor copied."""

from pathlib import Path

from netmon_collector.store.damage import DamageBook


class QuietBook(DamageBook):
    """Writes nothing anywhere."""

    def found(self, path: Path, offset: int, what: str, aside: Path | None = None) -> None:
        self._places.add((path.name, offset))

    def set_aside(self, path: Path, offset: int, data: bytes) -> Path | None:
        return None
