"""How fast counters and gauges change, extrapolated as Prometheus does it."""

from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.query.answer import Mask
from netmon_collector.query.masks import everywhere, is_anywhere
from netmon_collector.query.over_time import Padded, per_window
from netmon_collector.query.record import record
from netmon_collector.query.sums import reduced
from netmon_collector.query.windows import Indices, Kernel, Number, Windows, carried
from netmon_collector.store.base import Times, Values


def _extrapolated(windows: Windows, *, counter: bool, per_second: bool) -> tuple[Values, Mask]:
    reach, axis = windows.axes.reach, windows.axis
    there: Mask
    if reach.is_whole:
        there = everywhere(len(axis), len(windows.ends))
        first_value = windows.at(windows.axes.lo)
        rise = windows.at(windows.axes.last) - first_value
    else:
        there = reach.there[axis]
        if not there.any():
            return np.empty(there.shape), there
        first_value = windows.values[np.where(there, windows.lo, 0)]
        rise = windows.values[np.where(there, windows.hi - 1, 0)] - first_value
    factor = reach.factor_per_s if per_second else reach.factor
    if len(factor) > 1:
        factor = factor[axis]
    if not counter:
        return rise * factor, there
    lost = _lost_by_resets(windows, there)
    rise = rise if lost is None else rise + lost
    near = _near_zero(first_value, rise)
    if near is None:
        return rise * factor, there
    factor = _from_zero(windows, reach.factor[axis], near, first_value, rise)
    return rise * (factor / ((windows.ends - windows.starts) / 1000) if per_second else factor), there


def _near_zero(first_value: Values, rise: Values) -> Mask | None:
    """Where a counter that rose as it did may have been at zero in the time that its rise is carried back."""
    near: Mask = first_value < 1.2 * rise
    if not is_anywhere(near):
        return None
    near &= first_value >= 0
    return near if is_anywhere(near) else None


def _from_zero(windows: Windows, factor: Values, near: Mask, first_value: Values, rise: Values) -> Values:
    """The factor, which is smaller where a counter would have been below zero."""
    rows, steps = near.nonzero()
    own = windows.axis[rows], steps
    reach = windows.axes.reach
    sampled, to_start = reach.sampled[own], reach.to_start[own]
    to_zero = sampled * (first_value[near] / rise[near])
    to_start = np.where(to_zero < to_start, to_zero, to_start)
    factor[near] = (sampled + to_start + reach.to_end[own]) / sampled
    return factor


def stretched(
    sampled: Values, gaps: Values | Indices, to_start: Values, to_end: Values, first_value: Values | None, rise: Values
) -> Values:
    """By how much a window's rise is stretched to what lies before its first sample and behind its last; in seconds.

    gaps: between samples, how many. first_value: of a counter.
    """
    between = sampled / gaps
    to_start = carried(to_start, between)
    if first_value is not None:  # a counter was not below zero before
        to_zero = np.where((rise > 0) & (first_value >= 0), sampled * (first_value / rise), to_start)
        to_start = np.where(to_zero < to_start, to_zero, to_start)
    return np.asarray((sampled + to_start + carried(to_end, between)) / sampled)


def _lost_by_resets(windows: Windows, there: Mask) -> Values | None:
    """The sum of the values right before each reset, for every window that is there; None where there is none."""
    values, falls = windows.values, windows.tracks.falls
    if falls is None:
        return None
    before = np.zeros(len(values), np.int64)
    np.cumsum(falls, out=before[1:])
    first, last = np.where(there, windows.lo, 0), np.where(there, windows.hi - 1, 0)
    has_reset = before[last] > before[first]
    if not has_reset.any():
        return None
    lost = np.zeros(first.shape)
    terms = np.where(np.append(falls, False), values, 0.0)  # by the index of the sample before
    lost[has_reset] = reduced(np.add, terms, first[has_reset], last[has_reset])
    return lost


def _instant(windows: Windows, *, counter: bool) -> tuple[Values, Mask]:
    """By the last two samples; of a counter per second."""
    there = windows.counts >= 2
    if not there.any():
        return np.empty(there.shape), there
    last = np.where(there, windows.hi - 1, 1)
    now, before = windows.values[last], windows.values[last - 1]
    if not counter:
        return now - before, there
    elapsed = (windows.times[last] - windows.times[last - 1]) / 1000
    return np.where(now < before, now, now - before) / elapsed, there


KERNELS: Final[dict[str, Kernel]] = {
    "delta": partial(_extrapolated, counter=False, per_second=False),
    "increase": partial(_extrapolated, counter=True, per_second=False),
    "rate": partial(_extrapolated, counter=True, per_second=True),
    "idelta": partial(_instant, counter=False),
    "irate": partial(_instant, counter=True),
    "deriv": lambda windows: _derivative(windows),
}
_derivatives = per_window(2, lambda part: _line(part)[0])


def _derivative(windows: Windows) -> tuple[Values, Mask]:
    if windows.lo.shape[1] > 1:
        return _derivatives(windows)
    lines = _lines(windows)
    return lines.slope[:, None], lines.there[:, None]


@record
class _Lines:
    """The straight lines nearest to the samples of one window of each series, (S,) each: slopes, and a point of each as
    time in ms and value; whether there are two samples.
    """

    slope: Values
    time: Values
    value: Values
    there: Mask


def _lines(windows: Windows) -> _Lines:
    """Of the windows of one step, which do not overlap, so that nothing has to be copied out of them."""
    axes, axis = windows.axes, windows.axis
    lo, hi, lengths = axes.lo[:, 0], axes.hi[:, 0], np.diff(axes.begins)
    counts = hi - lo
    first = _at(axes.times, lo)
    apart = (axes.times - np.repeat(first, lengths)) / 1000
    middle = reduced(np.add, apart, lo, hi) / counts
    apart -= np.repeat(middle, lengths)
    spread = reduced(np.add, apart * apart, lo, hi)
    lo, hi = windows.lo[:, 0], windows.hi[:, 0]
    origin = _at(windows.values, lo)
    rise = windows.values - np.repeat(origin, np.diff(windows.begins))
    mean = reduced(np.add, rise, lo, hi) / counts[axis]
    rise *= windows.spread(apart)
    slope = reduced(np.add, rise, lo, hi) / spread[axis]
    slope[~np.isfinite(mean)] = np.nan
    return _Lines(slope, (first + middle * 1000)[axis], origin + mean, (counts > 1)[axis])


def _at(samples: npt.NDArray[Number], places: Indices) -> npt.NDArray[Number]:
    """The samples at some places; anything behind the last."""
    if not len(samples):
        return np.zeros(len(places), samples.dtype)
    return samples[np.minimum(places, len(samples) - 1)]


def _line(part: Padded) -> tuple[Values, Values, Values]:
    """The straight line nearest to the samples of each window: slope, and a point of it as seconds (since the window's
    first sample) and value.
    """
    counts = part.counts
    x = np.where(part.there, (part.times - part.times[:, :1]) / 1000, 0.0)
    origin = part.values[:, 0]
    y = np.where(part.there, part.values - origin[:, None], 0.0)
    x_mean, y_mean = x.sum(axis=1) / counts, y.sum(axis=1) / counts
    x_apart = np.where(part.there, x - x_mean[:, None], 0.0)
    y_apart = np.where(part.there, y - y_mean[:, None], 0.0)
    slope = (x_apart * y_apart).sum(axis=1) / (x_apart**2).sum(axis=1)
    level = (part.values == origin[:, None]) | ~part.there
    flat = level.all(axis=1) & np.isfinite(origin)
    return np.where(flat, 0.0, slope), x_mean, np.where(flat, origin, origin + y_mean)


def predict_kernel(times: Times, seconds: Values) -> Kernel:
    """predict_linear: where the line is so many seconds after each step."""
    if len(times) == 1:
        return lambda windows: _predicted(windows, times[0] + 1000 * seconds[0])

    def compute(part: Padded) -> Values:
        slope, x, y = _line(part)
        step = part.rows % len(times)
        now = (times[step] - part.times[:, 0]) / 1000
        return slope * seconds[step] + (y + slope * (now - x))

    return per_window(2, compute)


def _predicted(windows: Windows, at_ms: float) -> tuple[Values, Mask]:
    lines = _lines(windows)
    values = lines.value + lines.slope * ((at_ms - lines.time) / 1000)
    return values[:, None], lines.there[:, None]


def smoothing_kernel(smoothing: Values, trend: Values) -> Kernel:
    """double_exponential_smoothing: sample by sample, all windows at once."""

    def compute(part: Padded) -> Values:
        step = part.rows % len(smoothing)
        factor, trend_factor = smoothing[step], trend[step]
        before, level = np.zeros(len(step)), part.values[:, 0]
        slope = part.values[:, 1] - part.values[:, 0]
        for number in range(1, part.values.shape[1]):
            if number > 1:
                slope = trend_factor * (level - before) + (1 - trend_factor) * slope
            new = factor * part.values[:, number] + (1 - factor) * (level + slope)
            there = part.there[:, number]
            before, level = np.where(there, level, before), np.where(there, new, level)
        return level

    return per_window(2, compute)
