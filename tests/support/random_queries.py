"""Random series, and random queries about them, from a seed.

Samples lie on no whole or half second, windows begin and end on such: so it does not matter whether a server counts
the left edge of a window in. Left out is what Prometheus 2.42 does otherwise than 3.x: rates of what starts near zero
after a gap (extrapolation), predict_linear of a window pinned by @ (it finds one step), the name after atan2 (it
stays), the deviation of one infinity (it is 0), functions that it does not have, subqueries whose left edge is a step,
comparisons of one series with several (an error only where both are true).
"""

import math
import random
from collections.abc import Callable

from netmon_proto.model import STALE, Labels

START_MS = 1_700_000_000_000
MINUTES = 40
_INTERVAL_MS = 10_000


def random_series(seed: int) -> dict[Labels, dict[int, float]]:
    """Counters with resets, gauges with gaps, special values and stale markers, histograms."""
    source = random.Random(seed)
    series: dict[Labels, dict[int, float]] = {}
    for instance in "abcd":
        for mode in ("idle", "user"):
            series[_labels("cpu_total", instance=instance, mode=mode)] = _counter(source)
        series[_labels("load", instance=instance, job="x" if instance < "c" else "y")] = _gauge(source, gaps=0.1)
        series[_labels("temp", instance=instance)] = _gauge(source, gaps=0.3, special=0.1)
        series[_labels("info", instance=instance, version=f"v{ord(instance) % 3}")] = _constant(source)
        for number, bound in enumerate(("0.1", "0.5", "1", "+Inf"), 1):
            labels = _labels("latency_bucket", instance=instance, le=bound)
            series[labels] = _times(source, _line(number), 0.0, phase=137)
    series[_labels("gone", instance="a")] = _times(source, lambda at: STALE if at % 37 == 36 else float(at), 0.2)
    return series


def _labels(name: str, **labels: str) -> Labels:
    return tuple(sorted({"__name__": name, **labels}.items()))


def _times(
    source: random.Random, value: Callable[[int], float], gaps: float, phase: int | None = None
) -> dict[int, float]:
    phase = source.choice([123, 234, 345, 678, 789, 876, 2345, 5678]) if phase is None else phase
    count = MINUTES * 60_000 // _INTERVAL_MS
    return {START_MS + at * _INTERVAL_MS + phase: value(at) for at in range(count) if source.random() >= gaps}


def _line(slope: int) -> Callable[[int], float]:
    return lambda at: float(slope * (1000 + at))


def _counter(source: random.Random) -> dict[int, float]:
    total = source.uniform(1e5, 1e6)

    def next_value(at: int) -> float:
        nonlocal total
        total = source.uniform(0, 50) if source.random() < 0.01 else total + source.uniform(0, 100)
        return round(total, 2)

    return _times(source, next_value, 0.0)


def _gauge(source: random.Random, gaps: float, special: float = 0.0) -> dict[int, float]:
    def next_value(at: int) -> float:
        if source.random() < special:
            return source.choice([math.nan, math.inf, -math.inf, 0.0, STALE, -1e9])
        return round(source.gauss(10, 20), 3)

    return _times(source, next_value, gaps)


def _constant(source: random.Random) -> dict[int, float]:
    return _times(source, lambda _: 1.0, 0.05)


class Queries:
    """Expressions of growing depth."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def _any(self, *choices: str) -> str:
        return self._source.choice(choices)

    def expression(self, depth: int = 3) -> str:
        """An instant vector."""
        if depth <= 0:
            return self._selector()
        kinds: list[Callable[[int], str]] = [self._selector, self._elementwise, self._with_number, self._binary]
        kinds += [self._windowed] * 2 + [self._aggregation] * 2
        kinds += [self._set, self._histogram, self._labels, self._absent]
        return self._source.choice(kinds)(depth)

    def _selector(self, _: int = 0, name: str = "") -> str:
        name = name or self._any("cpu_total", "load", "temp", "info", "gone", "latency_bucket", "none")
        matchers = self._any("", "", '{instance="a"}', '{instance=~"a|b"}', '{instance!="c"}', '{mode!~"u.*"}')
        return name + matchers + self._shift()

    def _shift(self) -> str:
        at = (START_MS + self._source.randrange(MINUTES * 60) * 1000 + 500) / 1000
        return self._any("", "", "", "", "", " offset 3m", " offset -90s", f" @ {at:.3f}", " @ end()", " @ start()")

    def _range(self, depth: int) -> str:
        length = self._any("45s", "2m", "5m", "11m")
        if self._source.random() < 0.25:
            return f"({self.expression(depth - 1)})[{length}250ms:{self._any('7s', '30s', '1m', '')}]{self._shift()}"
        shift = self._shift()
        return self._selector().split(" ")[0] + f"[{length}]{shift}"

    def _windowed(self, depth: int) -> str:
        function = self._any(
            *"rate increase delta irate idelta deriv resets changes sum_over_time avg_over_time min_over_time".split(),
            *"max_over_time count_over_time last_over_time present_over_time stddev_over_time stdvar_over_time".split(),
            "quantile_over_time",
            "predict_linear",
            "absent_over_time",
        )
        if function == "quantile_over_time":
            return f"{function}({self._any('0', '0.3', '0.5', '0.99', '1', '2', 'NaN')}, {self._range(depth)})"
        if function == "predict_linear":
            return f"{function}({self._range(depth).split(' @')[0]}, {self._any('60', '-100', '3600')})"
        if function in ("rate", "increase"):
            counter = self._any("cpu_total", "latency_bucket", "cpu_total{instance=~'a|b'}")
            return f"{function}({counter}[{self._any('45s', '2m', '11m')}]{self._shift()})"
        return f"{function}({self._range(depth)})"

    def _elementwise(self, depth: int) -> str:
        inner = self.expression(depth - 1)
        form = self._any(
            *"abs({0}) ceil({0}) floor({0}) sqrt({0}) exp({0}) ln({0}) log2({0}) sgn({0}) round({0},5) -({0})".split(),
            *"clamp({0},-3,12) clamp_min({0},1) clamp_max({0},9) timestamp({0}) round({0}) hour({0})".split(),
            *"day_of_week({0}) month({0}) year({0}) vector(scalar({0})) sin({0}) atan({0}) deg({0})".split(),
        )
        return form.format(inner)

    def _aggregation(self, depth: int) -> str:
        grouping = self._any("", "by (instance)", "by (job, le)", "without (instance)", "without (mode, le)", "by ()")
        inner = self.expression(depth - 1)
        op = self._any(*"sum avg min max count group stddev stdvar quantile count_values topk".split())
        if op.startswith("std"):
            return f"{op} {grouping} ({self._selector(name=self._any('load', 'cpu_total'))})"
        if op == "quantile":
            return f"quantile {grouping} ({self._any('0.5', '0.9', '0', '-1')}, {inner})"
        if op == "count_values":
            return f'count_values {grouping} ("value", {self._selector(name="info")})'
        if op == "topk":
            return f"{self._any('topk', 'bottomk')} {grouping} ({self._any('1', '3')}, {self._selector(name='load')})"
        return f"{op} {grouping} ({inner})"

    def _with_number(self, depth: int) -> str:
        op = self._any("+", "-", "*", "/", "%", "^", ">", "<", ">= bool", "!= bool")
        number = self._any("2", "7.77", "-3.3", "0", "scalar(load{instance='a'})", "time()")
        exact = op in "%^"  # of two values that are nearly the same these make two that are far apart
        sides = [self._selector() if exact else self.expression(depth - 1), number]
        self._source.shuffle(sides)
        return f"({sides[0]}) {op} ({sides[1]})"

    def _binary(self, depth: int) -> str:
        op = self._any("+", "-", "*", "/", "> bool", ">", "<=")
        matchings = ["", "on (instance) group_left ()", "on (instance) group_left (version)"]
        matchings += ["on (instance) group_right (job)", "ignoring (mode) group_left"]
        if op not in (">", "<="):
            matchings += ["on (instance)", "ignoring (mode, job, version, le)"]
        matching = self._any(*matchings)
        return f"({self._operand(depth)}) {op} {matching} ({self._operand(depth)})"

    def _operand(self, depth: int) -> str:
        """Something whose values are exact, so that comparing them is."""
        counted, greatest = f"count_over_time({self._range(0)})", f"max by (instance) ({self._selector()})"
        return self._any(self._selector(), self._selector(), counted, greatest)

    def _set(self, depth: int) -> str:
        op, matching = self._any("and", "or", "unless"), self._any("", "on (instance)", "ignoring (job)", "on ()")
        return f"({self.expression(depth - 1)}) {op} {matching} ({self.expression(depth - 1)})"

    def _histogram(self, depth: int) -> str:
        inner = self._any(
            "latency_bucket",
            "rate(latency_bucket[5m])",
            "sum by (le) (rate(latency_bucket[2m]))",
            'latency_bucket{le!="0.5"}',
            'latency_bucket{le!="+Inf"}',
            "load",
        )
        return f"histogram_quantile({self._any('0.5', '0.9', '0', '1', '2', '-1', '0.01')}, {inner})"

    def _labels(self, depth: int) -> str:
        inner = self.expression(depth - 1)
        return self._any(
            f'label_replace({inner}, "x", "$1-y", "instance", "(a|b)")',
            f'label_replace({inner}, "instance", "", "instance", ".*")',
            f'label_join({inner}, "x", "/", "instance", "mode", "job")',
        )

    def _absent(self, depth: int) -> str:
        return f"absent({self.expression(depth - 1)})"
