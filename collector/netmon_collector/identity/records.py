"""Devices as they are known: by which handles, what was asked about them, and what was decided."""

from dataclasses import dataclass
from enum import Enum

from netmon_collector.identity.witness import Witnesses


class Step(Enum):
    """What became of a sighting."""

    NEW = "new"
    SAME = "same"
    MERGED = "merged"
    PROPOSED = "proposed"


class Kind(Enum):
    """What people are asked."""

    MERGE = "merge"
    SPLIT = "split"
    REPLACED = "replaced"


class State(Enum):
    """How a proposal stands. One that facts have settled is withdrawn."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Source:
    """A handle under which samples come, the record that it is part of, and what it said of itself last."""

    handle: str
    record: str
    site: str
    witnesses: Witnesses
    first_seen_ms: int
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question to people. MERGE: are `subject` and `other` one device? SPLIT: is `subject` part of `other` no more?
    REPLACED: is `subject` new hardware in the place of the old? Then it keeps the history; else it is a new device."""

    number: int
    kind: Kind
    subject: str
    other: str
    sureness: float
    reasons: tuple[str, ...]
    opened_ms: int
    state: State = State.OPEN
    decided_ms: int | None = None
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log: what was done to `handle`, which belongs to `record` since, as do those that `came_with` it.

    A merge can be undone.
    """

    number: int
    time_ms: int
    action: str
    handle: str
    record: str
    reasons: tuple[str, ...]
    by: str = ""
    came_with: tuple[str, ...] = ()
    undone_ms: int | None = None


class NoSuch(LookupError):
    """There is no such handle, proposal or entry; says which."""


class NotPossible(ValueError):
    """What is asked for can't be done now; says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sighting: the record that the handle belongs to now, and why."""

    step: Step
    record: str
    reasons: tuple[str, ...] = ()
    proposals: tuple[int, ...] = ()
