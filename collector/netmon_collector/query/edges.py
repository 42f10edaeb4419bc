"""Range vectors whose ends count as samples, instead of being reached by extrapolation: `anchored` takes the last value
before the window for the one at its start, `smoothed` the values on the straight lines through the samples on either
side of its ends. Source: Prometheus' proposal 52, "Extended range selectors semantics".
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask
from netmon_collector.query.errors import refuse
from netmon_collector.query.sums import reduced
from netmon_collector.query.syntax.nodes import Call, Edges, Selector, bare
from netmon_collector.query.windows import Axes, Indices, Kernel, Windows
from netmon_collector.store.base import Times, Values

_ALLOWED: Final = {
    Edges.ANCHORED: ("changes", "delta", "increase", "rate", "resets"),
    Edges.SMOOTHED: ("delta", "increase", "rate"),
}


def check_edges(call: Call) -> None:
    """Raises QueryError where a function cannot make use of the modifier of one of its arguments."""
    for arg in map(bare, call.args):
        if isinstance(arg, Selector) and arg.range is not None and arg.edges is not Edges.PLAIN:
            allowed: Sequence[str] = _ALLOWED[arg.edges]
            if call.function not in allowed:
                refuse(f"{arg.edges} modifier can only be used with: {', '.join(allowed)} - not with {call.function}")


class _Inner:
    """Of windows that are wider than asked for by the lookback: the samples up to the start, and up to the end, of
    what was asked for; int64 (S, T) each, as places behind the last of them.
    """

    def __init__(self, starts: Times, ends: Times) -> None:
        self._starts, self._ends = starts, ends
        self._axes: Axes | None = None

    def find(self, windows: Windows) -> tuple[Indices, Indices]:
        if self._axes is None:
            self._axes = Axes(windows.axes.times, windows.axes.begins, self._starts, self._ends)
        moved = (windows.begins[:-1] - windows.axes.begins[windows.axis])[:, None]
        return self._axes.lo[windows.axis] + moved, self._axes.hi[windows.axis] + moved


def extended_kernel(function: str, starts: Times, ends: Times, edges: Edges) -> Kernel:
    """Of windows that begin a lookback earlier and, if smoothed, end one later than `starts` and `ends`."""
    inner = _Inner(starts, ends)

    def kernel(windows: Windows) -> tuple[Values, Mask]:
        until_start, until_end = inner.find(windows)
        if function in ("changes", "resets"):
            return _steps(windows, until_start, until_end, resets=function == "resets")
        first, last, there = _reached(windows, until_start, until_end, ends, edges)
        if not there.any():
            return np.zeros(there.shape), there
        counter = function != "delta"
        result = _risen(windows, first, last, starts, ends, edges, counter=counter)
        return (result / ((ends - starts) / 1000) if function == "rate" else result), there

    return kernel


def smoothed_kernel(ends: Times) -> Kernel:
    """The values at `ends` on the lines between samples, which are at most a lookback away; else the last sample's."""
    inner = _Inner(ends, ends)

    def kernel(windows: Windows) -> tuple[Values, Mask]:
        _, behind = inner.find(windows)
        there = behind > windows.lo
        if not there.any():
            return np.zeros(there.shape), there
        before = np.where(there, behind - 1, 0)
        after = np.where(there & (behind < windows.hi), behind, before)
        return _between(windows, before, after, ends, counter=False), there

    return kernel


def _reached(
    windows: Windows, until_start: Indices, until_end: Indices, ends: Times, edges: Edges
) -> tuple[Indices, Indices, Mask]:
    """The first and the last sample that count, and whether there are any."""
    first = np.maximum(until_start - 1, windows.lo)
    if edges is Edges.ANCHORED:
        last, there = until_end - 1, until_end > np.maximum(until_start, windows.lo)
    else:
        at_end = (until_end > windows.lo) & (_times(windows, until_end - 1) == ends)
        last = np.minimum(np.where(at_end, until_end - 1, until_end), windows.hi - 1)
        there = (windows.hi > windows.lo) & (last >= np.maximum(until_start, windows.lo)) & (first < until_end)
    return np.where(there, first, 0), np.where(there, last, 0), there


def _at_edges(
    windows: Windows, first: Indices, last: Indices, starts: Times, ends: Times, edges: Edges, *, counter: bool
) -> tuple[Values, Values]:
    """The values at the start and at the end."""
    values, times = windows.values, windows.times
    early, late = times[first] < starts, times[last] > ends
    left, right = values[first], values[last]
    if edges is Edges.SMOOTHED:
        following, previous = np.minimum(first + 1, len(values) - 1), np.maximum(last - 1, 0)
        left = np.where(early, _between(windows, first, following, starts, counter=counter), left)
        late &= last > windows.lo
        right = np.where(late, _between(windows, previous, last, ends, counter=counter), right)
    return left, right


def _within(windows: Windows, first: Indices, last: Indices, starts: Times, ends: Times) -> tuple[Indices, Indices]:
    """The first sample between the start and the end, and the place behind the last one."""
    return first + (windows.times[first] <= starts), last + 1 - (windows.times[last] >= ends)


def _risen(
    windows: Windows, first: Indices, last: Indices, starts: Times, ends: Times, edges: Edges, *, counter: bool
) -> Values:
    """From the value at the start to the one at the end; of a counter with what resets have taken."""
    left, right = _at_edges(windows, first, last, starts, ends, edges, counter=counter)
    risen = right - left
    if not counter:
        return risen
    begin, end = _within(windows, first, last, starts, ends)
    return risen + _lost(windows.values, begin, end, left, right)


def extended_samples(windows: Windows, start_ms: int, end_ms: int, edges: Edges) -> list[tuple[Times, Values]]:
    """The samples of each series in its one window, which is wider as for `extended_kernel`: with those at its ends."""
    starts, ends = np.array([start_ms]), np.array([end_ms])
    until_start, until_end = _Inner(starts, ends).find(windows)
    first, last, there = _reached(windows, until_start, until_end, ends, edges)
    if not there.any():
        return [(starts[:0], windows.values[:0])] * len(there)
    left, right = _at_edges(windows, first, last, starts, ends, edges, counter=False)
    begin, end = _within(windows, first, last, starts, ends)
    found = []
    for row, is_there in enumerate(there[:, 0].tolist()):
        own = slice(int(begin[row, 0]), int(end[row, 0]))
        times = np.concatenate([starts, windows.times[own], ends])
        values = np.concatenate([left[row], windows.values[own], right[row]])
        found.append((times, values) if is_there else (times[:0], values[:0]))
    return found


def _lost(values: Values, begin: Indices, end: Indices, left: Values, right: Values) -> Values:
    """The sum of the values right before each reset, from `left` by way of values[begin:end] to `right`."""
    some = end > begin
    at, before = np.where(some, begin, 0), np.where(some, end - 1, 0)
    terms = np.append(np.where(values[1:] < values[:-1], values[:-1], 0.0), 0.0)
    within = np.where(before > at, reduced(np.add, terms, at, before), 0.0)
    edges = np.where(values[at] < left, left, 0.0) + np.where(right < values[before], values[before], 0.0)
    return np.where(some, within + edges, np.where(right < left, left, 0.0))


def _between(windows: Windows, before: Indices, after: Indices, at: Times, *, counter: bool) -> Values:
    """The value at a time on the line from one sample to another, which may be the same; a reset began at zero."""
    values, times = windows.values, windows.times
    lower, upper = values[before], values[after]
    if counter:
        lower = np.where(upper < lower, 0.0, lower)
    apart = times[after] - times[before]
    return np.where(apart > 0, lower + (upper - lower) * (at - times[before]) / apart, lower)


def _steps(windows: Windows, until_start: Indices, until_end: Indices, *, resets: bool) -> tuple[Values, Mask]:
    """How often the value changes, or falls, from one sample to the next; the one before the first counts, too."""
    there = until_end > np.maximum(until_start, windows.lo)
    if not there.any():
        return np.zeros(there.shape), there
    before, after = windows.values[:-1], windows.values[1:]
    marked = after < before if resets else (after != before) & ~(np.isnan(after) & np.isnan(before))
    counts = np.zeros(len(windows.values), np.int64)
    np.cumsum(marked, out=counts[1:])
    last = np.where(there, until_end - 1, 0)
    first = np.where(there, np.maximum(until_start - 1, windows.lo), 0)
    return (counts[last] - counts[first]).astype(np.float64), there


def _times(windows: Windows, places: Indices) -> Indices:
    """The times of samples; means nothing for a place that is none."""
    return windows.times[np.clip(places, 0, len(windows.times) - 1)] if len(windows.times) else np.zeros_like(places)
