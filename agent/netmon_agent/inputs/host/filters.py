"""Which devices, units or mount points an operator wants to see."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filter:
    """A name passes if `include` matches, where given, and `exclude`, where given, does not; both match anywhere."""

    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None

    def accepts(self, name: str) -> bool:
        if self.exclude is not None and self.exclude.search(name):
            return False
        return self.include is None or self.include.search(name) is not None
