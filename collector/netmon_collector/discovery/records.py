"""Sweeps and what they found, as they are kept."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from netmon_proto.model import Found

RUNS: Final = 1 << 20
"""The id that an agent is told has the sweep's number above this, and below it which of its runs it is."""


class State(Enum):
    """How a sweep stands. WAITING: its agent has not told of it yet. PLANNED: it is done, and comes again."""

    WAITING = "waiting"
    RUNNING = "running"
    PLANNED = "planned"
    DONE = "done"
    STOPPED = "stopped"


class Answer(Enum):
    """What became of a find. KNOWN: it is a device that is known already. SEEN: nothing there can be polled."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    KNOWN = "known"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look at, and how; `every_ms` 0: once. New devices are polled every `interval_ms`; with `accepts_new`, or
    where one of the rules `accept_if` fits (accepting.py), without anybody being asked."""

    agent_id: str
    networks: tuple[str, ...]
    follow: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    credentials: tuple[str, ...] = ()
    packets_per_s: int = 100
    every_ms: int = 0
    accepts_new: bool = False
    interval_ms: int = 60_000
    accept_if: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A sweep and how it goes; times are Unix milliseconds."""

    number: int
    plan: Plan
    state: State
    started_ms: int
    run: int = 1
    done: int = 0
    total: int = 0
    ended_ms: int | None = None
    trouble: str = ""

    @property
    def wire_id(self) -> int:
        return self.number * RUNS + self.run


@dataclass(frozen=True, slots=True)
class Find:
    """What a sweep found at an address. `device` is the handle of the device that it is, or has become; `reasons` say
    why it is taken for that one."""

    number: int
    sweep: int
    found: Found
    seen_ms: int
    answer: Answer
    device: str = ""
    reasons: tuple[str, ...] = field(default=())
