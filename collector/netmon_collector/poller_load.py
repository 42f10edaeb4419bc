"""How busy pollers are and will be within the hour, and which devices another one had better poll. Pure.

A poller is one process that asks many devices at a time: it is full when its processor is, or when it asks as many at a
time as it may. What a device costs is estimated from how long its polls take and how many ports it has.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

AT_ONCE: Final = 500
"""Devices that a poller asks at the same time (netmon_agent.polling.poller)."""
UNKNOWN_S: Final = 1.0
"""How long a poll takes where nobody knows."""
FULL, TARGET, ROOM = 0.8, 0.7, 0.6
"""A poller that is to be busier than FULL gives devices away until it is at TARGET; who takes them stays below ROOM."""
MOST_MOVES: Final = 100
"""At a time: a device that changes its poller is read as if for the first time."""


@dataclass(frozen=True, slots=True)
class Task:
    """A device that is polled. duration_s: of its polls lately, None where that is not known. weight: what a poll takes
    of the processor, in any unit that is the same for all. others: pollers that may take it over."""

    device: str
    poller: str
    interval_s: float
    duration_s: float | None
    weight: float
    others: tuple[str, ...] = ()

    @property
    def weight_a_second(self) -> float:
        return self.weight / self.interval_s


@dataclass(frozen=True, slots=True)
class Load:
    """A poller. asking: the part of its AT_ONCE that is in use; processor: the part of one processor, None where nobody
    knows. late: devices whose last poll is overdue. ahead: what the fuller of the two comes to within the hour."""

    poller: str
    devices: int
    asking: float
    processor: float | None
    late: int
    ahead: float

    @property
    def now(self) -> float:
        return max(self.asking, self.processor or 0.0)


@dataclass(frozen=True, slots=True)
class Move:
    """A device that had better be polled by another one. because: what its poller would come to, 0 where it is gone.
    cost: what it adds to how busy the other one is."""

    device: str
    poller: str
    to: str
    because: float
    cost: float


def loads(
    tasks: Iterable[Task],
    pollers: Iterable[str],
    processor: Mapping[str, float],
    weight_before: Mapping[str, float],
    trend: Mapping[str, float],
    late: Mapping[str, int],
) -> dict[str, Load]:
    """How busy each poller is. processor: as it was measured, while the devices' weights came to `weight_before`: what
    was added since is not in it yet. trend: what the load would be in an hour if it went on as it did."""
    by_poller: dict[str, list[Task]] = {poller: [] for poller in pollers}
    for one in tasks:
        by_poller.setdefault(one.poller, []).append(one)
    found = {}
    for poller, own in by_poller.items():
        usual_s = _usual_s(own)
        asking = sum((one.duration_s or usual_s) / one.interval_s for one in own) / AT_ONCE
        measured, before = processor.get(poller), weight_before.get(poller, 0.0)
        grown = sum(one.weight_a_second for one in own) / before if before > 0 else 1.0
        soon = max(asking, (measured or 0.0) * max(grown, 1.0))
        ahead = max(soon, trend.get(poller, 0.0))
        found[poller] = Load(poller, len(own), asking, measured, late.get(poller, 0), ahead)
    return found


def moves(tasks: Sequence[Task], found: Mapping[str, Load]) -> list[Move]:
    """Which devices should change their pollers, the costliest first. found: the pollers that may give or take some."""
    free = dict(found)
    planned: list[Move] = []
    for full in sorted((one for one in free.values() if one.ahead > FULL), key=lambda one: -one.ahead):
        own = [one for one in tasks if one.poller == full.poller]
        costs = _costs(own, full)
        left = full.ahead
        for task in sorted((one for one in own if one.others), key=lambda one: (-costs[one.device], one.device)):
            if left <= TARGET or len(planned) >= MOST_MOVES:
                break
            to = min((free[one] for one in task.others if one in free), key=lambda one: one.ahead, default=None)
            if to is not None and to.ahead + costs[task.device] <= ROOM:
                free[to.poller] = replace(to, ahead=to.ahead + costs[task.device])
                left -= costs[task.device]
                planned.append(Move(task.device, full.poller, to.poller, full.ahead, costs[task.device]))
    return planned


def takeovers(tasks: Sequence[Task], gone: Mapping[str, Load], there: Mapping[str, Load]) -> list[Move]:
    """Who polls what pollers leave that are gone: of each device the least busy that may and stays below FULL with it.

    The costliest come first. Devices that nobody has room for stay.
    """
    free = dict(there)
    planned: list[Move] = []
    for load in gone.values():
        own = [one for one in tasks if one.poller == load.poller]
        costs = _costs(own, load)
        for task in sorted(own, key=lambda one: (-costs[one.device], one.device)):
            to = min((free[one] for one in task.others if one in free), key=lambda one: one.ahead, default=None)
            if to is not None and to.ahead + costs[task.device] <= FULL:
                free[to.poller] = replace(to, ahead=to.ahead + costs[task.device])
                planned.append(Move(task.device, load.poller, to.poller, 0.0, costs[task.device]))
    return planned


def _costs(own: Sequence[Task], load: Load) -> dict[str, float]:
    """The part of a poller's load that each device is, by whatever the poller has least of."""
    usual_s = _usual_s(own)
    if load.asking >= (load.processor or 0.0):
        parts = {one.device: (one.duration_s or usual_s) / one.interval_s for one in own}
    else:
        parts = {one.device: one.weight_a_second for one in own}
    whole = sum(parts.values())
    return {device: load.ahead * part / whole for device, part in parts.items()} if whole > 0 else parts


def _usual_s(tasks: Sequence[Task]) -> float:
    known = [one.duration_s for one in tasks if one.duration_s is not None]
    return median(known) if known else UNKNOWN_S
