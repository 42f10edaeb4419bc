"""Which oddities belong together: those at one place or at neighbouring ones, at about the same time."""

from typing import Final

import numpy as np

from netmon_analytics.cause.network import Floats, Ints

WINDOW_S: Final = 120.0


def grouped(nodes: Ints, times_s: Floats, ends: Ints, window_s: float = WINDOW_S) -> Ints:
    """The number of each one's group; groups are numbered by their first members.

    Two are joined where their nodes are the same or share a link, and they are no more than `window_s` apart; so are
    those that are joined through others (single linkage). A node of -1 is next to nothing. ends: links, (links, 2).
    """
    leaders = list(range(len(nodes)))

    def leader(one: int) -> int:
        while leaders[one] != one:
            leaders[one] = leaders[leaders[one]]
            one = leaders[one]
        return one

    at: dict[int, list[int]] = {}
    for one in np.argsort(times_s, kind="stable").tolist():
        if nodes[one] >= 0:
            at.setdefault(int(nodes[one]), []).append(one)
    pairs = [(node, node) for node in at]
    pairs += [(a, b) for a, b in ends.tolist() if a in at and b in at and a != b]
    for a, b in pairs:
        for one, other in _near(at[a], at[b], times_s, window_s):
            first, second = sorted((leader(one), leader(other)))
            leaders[second] = first
    roots = [leader(one) for one in range(len(nodes))]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[root] for root in roots], np.intp)


def _near(ones: list[int], others: list[int], times_s: Floats, window_s: float) -> list[tuple[int, int]]:
    """For each of some the next before and after it among others, where it is near enough; both are sorted by time."""
    times = times_s[others]
    places = np.searchsorted(times, times_s[ones])
    pairs = [(one, place + step) for one, place in zip(ones, places.tolist(), strict=True) for step in (-1, 0, 1)]
    return [
        (one, others[near])
        for one, near in pairs
        if 0 <= near < len(others) and abs(times[near] - times_s[one]) <= window_s and others[near] != one
    ]
