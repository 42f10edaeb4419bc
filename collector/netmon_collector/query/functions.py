"""Every function by its name. A function gets the evaluator, its call and the steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from netmon_collector.query import foresight, over_time, rates
from netmon_collector.query.answer import Mask
from netmon_collector.query.elementwise import DATES, ELEMENTWISE, clamped, greater, lesser, rounded
from netmon_collector.query.errors import refuse
from netmon_collector.query.histograms import (
    histogram_fraction,
    histogram_quantile,
    histograms,
    quantile_label,
)
from netmon_collector.query.info import with_info
from netmon_collector.query.label_functions import absent, by_label, label_join, label_replace
from netmon_collector.query.numbers import general
from netmon_collector.query.series import SeriesSet
from netmon_collector.query.syntax.nodes import Call, Selector, bare
from netmon_collector.query.values import Scalar, Steps, Value, Vector
from netmon_collector.query.windows import Kernel, Windows
from netmon_collector.store.base import Values

if TYPE_CHECKING:
    from netmon_collector.query.evaluate import Evaluator

Function = Callable[["Evaluator", Call, Steps], Value]

NATIVE: Final = frozenset("histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum".split())
"""Of native histograms alone, of which there are none; so they find nothing, as in Prometheus."""
_ROUGH: Final = frozenset(
    "delta increase rate idelta irate sum_over_time avg_over_time min_over_time max_over_time count_over_time"
    " last_over_time first_over_time present_over_time absent_over_time changes resets".split()
)


def _elementwise(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    if not call.args:  # dates: of the step itself
        return _vector_of(DATES[call.function](steps.times / 1000))
    vector = evaluator.vector(call.args[0], steps)
    return evaluator.nameless(vector.with_values(ELEMENTWISE[call.function](vector.values)))


def _vector_of(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Vector:
    """One series without labels."""
    return Vector.of(SeriesSet.empty(), values[None, :], np.ones((1, len(values)), np.bool_))


def _clamp(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    vector = evaluator.vector(call.args[0], steps)
    bounds = [evaluator.scalar(arg, steps) for arg in call.args[1:]]
    least, most = np.full(len(steps), -np.inf), np.full(len(steps), np.inf)
    if call.function == "clamp":
        least, most = bounds
    elif call.function == "clamp_min":
        least = bounds[0]
    else:
        most = bounds[0]
    kept = vector.present & ~(most < least)
    return evaluator.nameless(vector.with_values(clamped(vector.values, least, most), kept)).compact()


def _round(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    vector = evaluator.vector(call.args[0], steps)
    to_nearest = evaluator.scalar(call.args[1], steps) if len(call.args) > 1 else 1.0
    return evaluator.nameless(vector.with_values(rounded(vector.values, to_nearest)))


def _over_time(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    kernel = over_time.KERNELS[call.function]
    keeps_name = call.function in over_time.KEEPS_NAME
    return evaluator.windowed(call.args[0], steps, kernel, keeps_name=keeps_name, function=call.function)


def _rate(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    kernel = rates.KERNELS[call.function]
    vector = evaluator.windowed(call.args[0], steps, kernel, keeps_name=True, function=call.function)
    if call.function in ("rate", "increase"):
        evaluator.warn_of_gauges(call.args[0], vector)
    return evaluator.nameless(vector)


def _absent_over_time(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    return absent(evaluator.windowed(call.args[0], steps, over_time.KERNELS["present_over_time"]), call.args[0])


def _quantile_over_time(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    quantile = evaluator.scalar(call.args[0], steps)
    vector = evaluator.windowed(call.args[1], steps, over_time.quantile_kernel(quantile))
    evaluator.check_quantile(call.args[0], quantile[vector.present.any(axis=0)])
    return vector


def _predict_linear(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    seconds = evaluator.scalar(call.args[1], steps)
    return evaluator.windowed(call.args[0], steps, rates.predict_kernel(steps.times, seconds))


def _baseline(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    return evaluator.windowed(call.args[0], steps, foresight.baseline_kernel(call.function, steps.times))


def _anomaly_rate(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    if not isinstance(bare(call.args[0]), Selector):
        refuse("anomaly_rate() needs the samples themselves, such as node_load1[1h], not a subquery")
    return evaluator.windowed(call.args[0], steps, over_time.KERNELS["avg_over_time"])


def _forecast(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    given = evaluator.scalar(call.args[1], steps)
    kernel = foresight.forecast_kernel if call.function in foresight.FORECASTS else foresight.limit_kernel
    return evaluator.windowed(call.args[0], steps, kernel(call.function, steps.times, given))


def _smoothed(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    smoothing, trend = (evaluator.scalar(arg, steps) for arg in call.args[1:])
    smooth = rates.smoothing_kernel(smoothing, trend)

    def kernel(windows: Windows) -> tuple[Values, Mask]:
        has_samples = (windows.counts > 0).any(axis=0)
        for what, factor in (("smoothing", smoothing), ("trend", trend)):
            bad = factor[has_samples & ((factor <= 0) | (factor >= 1))]
            if len(bad):
                told = f"{bad[0]:f}" if np.isfinite(bad[0]) else general(bad[0])
                refuse(f"invalid {what} factor. Expected: 0 < {what[0]}f < 1, got: {told}")
        return smooth(windows)

    return evaluator.windowed(call.args[0], steps, kernel)


def _histogram_quantile(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    quantile = evaluator.scalar(call.args[0], steps)
    evaluator.check_quantile(call.args[0], quantile)
    source = histograms(evaluator.vector(call.args[1], steps), call.args[1], evaluator.notes)
    return evaluator.nameless(histogram_quantile(source, quantile, steps.times, call.args[1], evaluator.notes))


def _histogram_quantiles(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    source = histograms(evaluator.vector(call.args[0], steps), call.args[0], evaluator.notes)
    label = evaluator.text(call.args[1])
    parts = []
    for arg in call.args[2:]:
        quantile = evaluator.scalar(arg, steps)
        evaluator.check_quantile(arg, quantile)
        result = histogram_quantile(source, quantile, steps.times, call.args[0], evaluator.notes)
        for value in np.unique(quantile).tolist():
            steps_of_it = (quantile == value) | (np.isnan(quantile) & np.isnan(value))
            series = result.series.with_values(label, [quantile_label(value)] * len(result.series))
            parts.append(replace(result, series=series, present=result.present & steps_of_it))
    joined = Vector(
        SeriesSet.joined([part.series for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        np.concatenate([part.unnamed for part in parts]),
    )
    return evaluator.nameless(joined.compact())


def _histogram_fraction(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    lower, upper = (evaluator.scalar(arg, steps) for arg in call.args[:2])
    source = histograms(evaluator.vector(call.args[2], steps), call.args[2], evaluator.notes)
    return evaluator.nameless(histogram_fraction(source, lower, upper))


def _native(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    """What is about something that is not stored."""
    evaluator.vector(call.args[0], steps)
    return Vector.none(steps)


def _label_replace(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    target, template, source, expression = (evaluator.text(arg) for arg in call.args[1:])
    return label_replace(evaluator.vector(call.args[0], steps), target, template, source, expression)


def _label_join(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    target, separator, *sources = (evaluator.text(arg) for arg in call.args[1:])
    return label_join(evaluator.vector(call.args[0], steps), target, separator, *sources)


def _info(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    selector = call.args[1]
    assert isinstance(selector, Selector)
    base = evaluator.vector(call.args[0], steps)
    info = evaluator.latest(selector, steps, lambda windows, last: windows.times[last] / 1000)
    return with_info(base, info, info.values, selector)


def _sort(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    vector = evaluator.vector(call.args[0], steps)
    if evaluator.query.step_ms:
        evaluator.notes.warn(call, "sort is ineffective for range queries since results are always ordered by labels")
    if len(steps) > 1:
        return vector
    if call.function.startswith("sort_by_label"):
        names = tuple(evaluator.text(arg) for arg in call.args[1:])
        return by_label(vector, names, descending=call.function.endswith("_desc"))
    key = vector.values[:, 0] if call.function == "sort" else -vector.values[:, 0]
    return replace(vector.take(np.argsort(key, kind="stable")), ordered=True)  # NaN comes last


def _timestamp(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    selector = bare(call.args[0])
    if isinstance(selector, Selector):
        vector = evaluator.latest(selector, steps, lambda windows, last: windows.times[last] / 1000)
    else:
        vector = evaluator.vector(selector, steps)
        vector = vector.with_values(np.broadcast_to(steps.times / 1000, vector.values.shape))
    return evaluator.nameless(vector)


def _scalar(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    vector = evaluator.vector(call.args[0], steps)
    if not len(vector.series):
        return Scalar(np.full(len(steps), np.nan))
    found = np.take_along_axis(vector.values, vector.present.argmax(axis=0)[None], axis=0)[0]
    return Scalar(np.where(vector.present.sum(axis=0) == 1, found, np.nan))


def _constant(of: Callable[["Evaluator"], float]) -> Function:
    return lambda evaluator, _, steps: Scalar(np.full(len(steps), of(evaluator)))


def _extreme_of(evaluator: "Evaluator", call: Call, steps: Steps) -> Value:
    left, right = (evaluator.scalar(arg, steps) for arg in call.args)
    return Scalar(lesser(left, right) if call.function == "min_of" else greater(left, right))


def _kernels(kernels: dict[str, Kernel], function: Function) -> dict[str, Function]:
    return dict.fromkeys(kernels, function)


FUNCTIONS: Final[dict[str, Function]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(NATIVE, _native),
    **_kernels(over_time.KERNELS, _over_time),
    **_kernels(rates.KERNELS, _rate),
    **dict.fromkeys(("clamp", "clamp_max", "clamp_min"), _clamp),
    **dict.fromkeys(("min_of", "max_of"), _extreme_of),
    foresight.ANOMALY_RATE: _anomaly_rate,
    **dict.fromkeys(foresight.BASELINES, _baseline),
    **dict.fromkeys((*foresight.FORECASTS, *foresight.LIMITS), _forecast),
    **dict.fromkeys(("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"), _sort),
    "absent": lambda evaluator, call, steps: absent(evaluator.vector(call.args[0], steps), call.args[0]),
    "absent_over_time": _absent_over_time,
    "double_exponential_smoothing": _smoothed,
    "end": _constant(lambda evaluator: evaluator.query.end_ms / 1000),
    "histogram_fraction": _histogram_fraction,
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "info": _info,
    "label_join": _label_join,
    "label_replace": _label_replace,
    "pi": _constant(lambda _: np.pi),
    "predict_linear": _predict_linear,
    "quantile_over_time": _quantile_over_time,
    "range": _constant(lambda evaluator: (evaluator.query.end_ms - evaluator.query.start_ms) / 1000),
    "round": _round,
    "scalar": _scalar,
    "start": _constant(lambda evaluator: evaluator.query.start_ms / 1000),
    "step": _constant(lambda evaluator: evaluator.query.step_ms / 1000),
    "time": lambda _, __, steps: Scalar(steps.times / 1000),
    "timestamp": _timestamp,
    "vector": lambda evaluator, call, steps: _vector_of(evaluator.scalar(call.args[0], steps)),
}
THOROUGH: Final = FUNCTIONS.keys() - _ROUGH
"""What looks at every sample of every window, or may."""
