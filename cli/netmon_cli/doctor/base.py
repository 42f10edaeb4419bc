"""What a check is: it looks at one matter and says what it found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Level(StrEnum):
    """A warning lets everything run; with a problem something doesn't."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`command` is what a person types to mend it; empty where there is nothing to mend."""

    level: Level
    text: str
    command: str = ""


class Check(Protocol):
    """A check changes nothing and sends nothing to other machines; what it looks at are its fields.

    What does not exist on this kind of machine gives no finding. What can't be looked at may raise OSError.
    """

    @property
    def matter(self) -> str:
        """One or two words: what the findings are about."""
        ...

    def examine(self) -> Iterable[Finding]: ...


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


def warning(text: str, command: str = "") -> Finding:
    return Finding(Level.WARNING, text, command)


def problem(text: str, command: str = "") -> Finding:
    return Finding(Level.PROBLEM, text, command)
