"""When a limit will be reached: by the increments that were, drawn again and again, with "never" as an answer.

A line through the past says one date and is wrong: what fills a disk comes in bursts and cycles. Here whole weeks of
daily increments are drawn from the past (block bootstrap: Künsch, 1989), with the mean itself as uncertain as it is,
and the share of paths that reach the limit, and when, is the answer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast.ensemble import whole
from netmon_analytics.forecast.trend import last_change, mann_kendall

BLOCK = 7
BLOCKS_FOR_TWO_WEEKS = 8
PATHS = 400
FEWEST = 7
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Exhaustion:
    """Steps (days, when increments are daily) until the limit, inf for never within the horizon."""

    middle: float
    low: float
    high: float
    never: float
    """The share of paths that do not reach the limit within the horizon."""
    changed: int | None
    """The step at which the way of growing changed, counted from the first value; only what came after is used."""


def time_until(
    levels: NDArray[np.float64], limit: float, horizon: int, rng: np.random.Generator, share: float = 0.8
) -> Exhaustion:
    """levels: one value a day, without gaps, at least eight; limit: from above or below, wherever it lies.

    Raises ValueError where there are too few values, or something is not as it must be.
    """
    levels = _checked(levels, limit, horizon, share)
    sign = 1.0 if limit >= levels[-1] else -1.0
    room = sign * (limit - levels[-1])
    if room == 0:
        return Exhaustion(0.0, 0.0, 0.0, 0.0, None)
    increments = sign * np.diff(levels)
    changed = last_change(increments)
    used = increments if changed is None else increments[changed:]
    reached = first_passage(drawn_paths(used, horizon, rng), room)
    tail = (1 - share) / 2
    low, middle, high = (_quantile(reached, at) for at in (tail, 0.5, 1 - tail))
    return Exhaustion(middle, low, high, float(np.isinf(reached).mean()), None if changed is None else changed + 1)


def trend_until(
    levels: NDArray[np.float64], limit: float, horizon: int, rng: np.random.Generator, share: float = 0.8
) -> Exhaustion:
    """As `time_until`, for what does not pile up, such as the load of a link: when its trend reaches the limit.

    Never, where the trend is not significant (Mann and Kendall's test) or leads away. Else lines are laid through the
    trend and blocks of what was around it, drawn again and again; only what came after the last change counts.
    """
    levels = _checked(levels, limit, horizon, share)
    sign = 1.0 if limit >= levels[-1] else -1.0
    begin = _steady_since(levels)
    used, changed = sign * levels[begin:], begin or None
    tau, chance = mann_kendall(used)
    if chance > SIGNIFICANT or tau <= 0:
        return Exhaustion(np.inf, np.inf, np.inf, 1.0, changed)
    lines = drawn_lines(used, rng)
    room = np.maximum(sign * limit - lines.now, 0)
    reached = np.divide(room, lines.slope, out=np.full(PATHS, np.inf), where=lines.slope > 0)
    reached[reached > horizon] = np.inf
    tail = (1 - share) / 2
    low, middle, high = (_quantile(reached, part) for part in (tail, 0.5, 1 - tail))
    return Exhaustion(middle, low, high, float(np.isinf(reached).mean()), changed)


def _checked(levels: NDArray[np.float64], limit: float, horizon: int, share: float) -> NDArray[np.float64]:
    """The levels. Raises ValueError."""
    levels = whole(levels)
    if len(levels) <= FEWEST:
        raise ValueError(f"{len(levels)} values are too few: at least {FEWEST + 1} are needed")
    if np.isnan(limit) or horizon < 1 or not 0 < share < 1:
        raise ValueError(f"limit {limit}, horizon {horizon} or share {share} cannot be")
    return levels


@dataclass(frozen=True)
class Lines:
    """Lines through levels as they might as well be, now and slope (PATHS,), and what was around the best (levels,)."""

    now: NDArray[np.float64]
    slope: NDArray[np.float64]
    around: NDArray[np.float64]


def drawn_lines(levels: NDArray[np.float64], rng: np.random.Generator, *, has_slope: bool = True) -> Lines:
    """Laid through the levels, and through blocks of what was around them, drawn again and again."""
    at, degree = np.arange(len(levels)) - (len(levels) - 1.0), int(has_slope)
    best = np.polyfit(at, levels, degree)
    around = levels - np.polyval(best, at)
    block = min(BLOCK, len(levels) // 2)
    off = np.polyfit(at, _blocks(around, block, len(levels), rng).T, degree) * _stretch(len(levels) / block)
    drawn = best[:, None] + off
    return Lines(drawn[-1], drawn[0] if has_slope else np.zeros(PATHS), around)


def _steady_since(levels: NDArray[np.float64]) -> int:
    """Where the way of growing last changed, or the level jumped; 0 where neither did, or too little came after."""
    grown = last_change(np.diff(levels))
    begin = 0 if grown is None else grown + 1
    return begin if len(levels) - begin > FEWEST else 0


def drawn_paths(increments: NDArray[np.float64], horizon: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(paths, horizon) of sums of increments drawn in blocks, around means that are drawn as well."""
    count = len(increments)
    block = 2 * BLOCK if count >= 2 * BLOCK * BLOCKS_FOR_TWO_WEEKS else min(BLOCK, count // 2)
    drawn = _blocks(increments, block, horizon, rng)
    means = _blocks(increments, block, count, rng).mean(axis=1)
    shift = (means - increments.mean()) * _stretch(count / block)
    paths: NDArray[np.float64] = np.cumsum(drawn + shift[:, None], axis=1)
    return paths


def _stretch(blocks: float) -> float:
    """By how much what is drawn from few blocks spreads less than it should, as far as 80 % intervals go.

    Their deviation is too small, and its own error makes Student's distribution of a normal one: the ratio of both
    90 % quantiles, by Cornish and Fisher's series.
    """
    freedom = max(blocks - 1, 1)
    return float(np.sqrt(blocks / freedom) * (1 + 0.66 / freedom + 0.45 / freedom**2))


def _blocks(values: NDArray[np.float64], block: int, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(PATHS, length): circular blocks, so that no value is drawn more often than another."""
    pieces = -(-length // block)
    starts = rng.integers(0, len(values), (PATHS, pieces, 1))
    at = (starts + np.arange(block)) % len(values)
    drawn: NDArray[np.float64] = values[at.reshape(PATHS, -1)[:, :length]]
    return drawn


def first_passage(paths: NDArray[np.float64], room: float) -> NDArray[np.float64]:
    """Steps until each path has used the room, between steps by a straight line; inf where it has not."""
    over = paths >= room
    at = over.argmax(axis=1)
    reached = over.any(axis=1)
    rows = np.arange(len(paths))
    after = paths[rows, at]
    before = np.where(at > 0, paths[rows, np.maximum(at - 1, 0)], 0.0)
    part = np.divide(room - before, after - before, out=np.ones(len(paths)), where=after > before)
    return np.where(reached, at + np.clip(part, 0, 1), np.inf)


def _quantile(reached: NDArray[np.float64], share: float) -> float:
    """Of values of which some may be infinite."""
    ordered = np.sort(reached)
    return float(ordered[min(int(share * len(ordered)), len(ordered) - 1)])
