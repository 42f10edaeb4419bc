"""What is wrong with a configuration file: one line per mistake, all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake; `line` counts from 1 and is 0 where no line is to blame, `place` is empty for the whole file."""

    file: str
    line: int
    place: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.place, self.text) if part)


class ConfigError(Exception):
    """A configuration file that can't be used; as text, one line per mistake."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = list(mistakes)
