"""What writers tell of their metrics beside samples: type, help and unit, for whoever asks what a name means."""

from collections.abc import Mapping
from typing import Final

from netmon_collector.foreign.base import Family

_MOST_FAMILIES: Final = 20_000
_MOST_CHARACTERS: Final = 1_000


class Metadata:
    """Families of metrics by name. What was told last counts; beyond the bound, what was told longest ago goes."""

    def __init__(self, most_families: int = _MOST_FAMILIES) -> None:
        self._most_families = most_families
        self._families: dict[str, Family] = {}

    def note(self, families: Mapping[str, Family]) -> None:
        """Takes what a writer tells."""
        for name, family in families.items():
            self._families.pop(name, None)
            self._families[name] = Family(family.type, family.help[:_MOST_CHARACTERS], family.unit[:_MOST_CHARACTERS])
        while len(self._families) > self._most_families:
            del self._families[next(iter(self._families))]

    def all(self) -> Mapping[str, Family]:
        """Every family that is known, by name; not to be changed."""
        return self._families

    def get(self, name: str) -> Family | None:
        """One family."""
        return self._families.get(name)
