"""Random queries at the edges of what operators and functions take, for which Prometheus 2.42 does as 3.x: numbers that
are none or too large, parameters out of range or other at each step, buckets that make no sense, labels that clash.

Left out is what `random_queries` leaves out, and comparisons of one series with several (an error only where both are
true), which parameters of `topk` are an error, buckets whose counts are NaN, denormal numbers, averages in which huge
numbers cancel, the order of what is equal, and what there does not change over a range query where @ pins its vector:
the parameter of `quantile`, the offset in `timestamp`.
"""

import math
import random
from collections.abc import Callable

from netmon_proto.model import STALE, Labels
from tests.support.random_queries import MINUTES, START_MS

_INTERVAL_MS = 15_000
_FALLING = (0.0, 5.0, 5.0, 9.0, 20.0)
_ODD = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-300, 1e300, -1.0, 0.5, 2.0, 1e18, 9.3e18)


def odd_series(seed: int) -> dict[Labels, dict[int, float]]:
    """Gauges of odd numbers, counters that fall at any time, a series with one sample, histograms of all kinds."""
    source = random.Random(seed)
    series: dict[Labels, dict[int, float]] = {}
    for instance in "abc":
        for mode in ("x", "y"):
            labels = {"instance": instance, "mode": mode}
            series[_labels("odd", **labels)] = _times(source, lambda _: source.choice(_ODD), 0.2)
            series[_labels("falling_total", **labels)] = _times(source, lambda _: source.choice(_FALLING), 0.3)
            series[_labels("near", **labels)] = _times(source, lambda at: float(source.choice([1, 2, at % 5])), 0.1)
        series[_labels("k", instance=instance)] = _times(
            source, lambda _: source.choice([0.0, 1.0, 1.9, 3.0, -2.0, 0.3, 100.0]), 0.0
        )
        series[_labels("when", instance=instance)] = _times(source, lambda _: source.uniform(-1e11, 2e11), 0.1)
    series[_labels("once", instance="a")] = {START_MS + 20 * 60_000 + 77: 3.0}
    series[_labels("nothing", instance="a")] = _times(source, lambda _: math.nan, 0.0)
    series[_labels("ended", instance="b")] = _times(source, lambda at: STALE if at > 80 else float(at), 0.0)
    for kind, bounds in _BOUNDS.items():
        for bound in bounds:
            count = bounds.index(bound)
            series[_labels("odd_bucket", kind=kind, le=bound)] = _times(source, _count_of(source, kind, count), 0.02)
    return series


_BOUNDS = {
    "plain": ("0.5", "1", "2.5", "+Inf"),
    "negative": ("-2", "-1", "0", "1", "+Inf"),
    "open": ("1", "2", "3"),
    "one": ("+Inf",),
    "twice": ("1", "1.0", "1e0", "2", "Inf", "+Inf"),
    "falling": ("1", "2", "3", "4", "+Inf"),
    "empty": ("1", "2", "+Inf"),
    "malformed": ("1", "2", "x", "+Inf"),
    "odd": ("1", "2", "+Inf"),
    "infinite": ("-Inf", "0", "+Inf"),
}


def _count_of(source: random.Random, kind: str, number: int) -> Callable[[int], float]:
    match kind:
        case "falling":
            return lambda at: float(at * 3 + source.choice([number, 5 - number]))
        case "empty":
            return lambda _: 0.0
        case "odd":
            return lambda _: source.choice([math.inf, 4.0, 0.0])
        case _:
            return lambda at: float((at + 7) * (number + 1))


def _labels(name: str, **labels: str) -> Labels:
    return tuple(sorted({"__name__": name, **labels}.items()))


def _times(source: random.Random, value: Callable[[int], float], gaps: float) -> dict[int, float]:
    phase = source.choice([123, 234, 678, 1789, 4876, 9345])
    count = MINUTES * 60_000 // _INTERVAL_MS
    return {START_MS + at * _INTERVAL_MS + phase: value(at) for at in range(count) if source.random() >= gaps}


class OddQueries:
    """Expressions of growing depth."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def _any(self, *choices: str) -> str:
        return self._source.choice(choices)

    def expression(self, depth: int = 2) -> str:
        """An instant vector."""
        if depth <= 0:
            return self._selector()
        kinds: list[Callable[[int], str]] = [self._selector, self._elementwise, self._windowed, self._windowed]
        kinds += [self._with_number, self._binary, self._set, self._aggregation, self._aggregation, self._chosen]
        kinds += [self._histogram, self._labels, self._absent, self._pinned]
        return self._source.choice(kinds)(depth)

    def _number(self) -> str:
        return self._any(
            *"0 -0 1 -1 0.5 2 1e308 -1e308 5e-324 NaN Inf -Inf 1e19 time() pi()".split(),
            "scalar(k{instance='a'})",
            "scalar(odd{instance='a',mode='x'})",
            "scalar(none)",
            "scalar(near)",
            "-scalar(k{instance='b'})",
            "(2 > bool scalar(k{instance='a'}))",
        )

    def _selector(self, _: int = 0) -> str:
        name = self._any(*"odd odd falling_total near near k when once nothing ended none odd_bucket".split())
        matchers = self._any("", "", '{instance="a"}', '{mode=""}', '{instance=~"a|b",mode!="x"}', '{kind=~"o.*|"}')
        return name + matchers + self._shift()

    def _shift(self) -> str:
        at = (START_MS + self._source.randrange(MINUTES * 60) * 1000 + 500) / 1000
        moved = self._any("", "", "", "", " offset 4m", " offset -2m", " offset 1h", " offset -1h")
        pinned = self._any("", "", "", "", f" @ {at:.3f}", " @ end()", " @ start()")
        return self._any(moved + pinned, pinned + moved)

    def _range(self, depth: int) -> str:
        length = self._any("16s", "45s", "3m", "11m", "2h")
        if self._source.random() < 0.35:
            step = self._any("7s", "50s", "3m", "1h", "")
            return f"({self.expression(depth - 1)})[{length}250ms:{step}]{self._shift()}"
        selector = self._selector()
        name, _, rest = selector.partition(" ")
        return f"{name}[{length}]" + (f" {rest}" if rest else "")

    def _windowed(self, depth: int) -> str:
        function = self._any(
            *"delta idelta irate deriv resets changes sum_over_time avg_over_time min_over_time max_over_time".split(),
            *"count_over_time last_over_time present_over_time absent_over_time quantile_over_time".split(),
            *"predict_linear double_exponential_smoothing stddev_over_time stdvar_over_time".split(),
        )
        if function == "quantile_over_time":
            return f"{function}({self._number()}, {self._selector().split(' ')[0]}[{self._any('16s', '3m', '2h')}])"
        if function.startswith("std"):
            return f"{function}({self._any('near', 'k', 'falling_total')}[{self._any('16s', '3m', '11m')}])"
        if function == "predict_linear":
            name = self._any("near", "falling_total", "once", "k", "ended")
            return f"{function}({name}[{self._any('16s', '3m', '11m')}], {self._any('60', '-100', '0', '1e6')})"
        if function == "deriv":
            return f"{function}({self._any('near', 'falling_total', 'once', 'k', 'ended')}[{self._any('16s', '5m')}])"
        if function == "double_exponential_smoothing":
            return f"{function}({self._any('near', 'k', 'odd', 'once')}[{self._any('16s', '5m')}], {self._factors()})"
        return f"{function}({self._range(depth)})"

    def _factors(self) -> str:
        return self._any("0.5, 0.5", "0.1, 0.9", "0.999, 0.001", "0.3, scalar(k{instance='a'}) / 1000 + 0.1")

    def _elementwise(self, depth: int) -> str:
        inner = self.expression(depth - 1)
        function = self._any(
            *"abs ceil floor sgn sqrt exp ln log2 log10 deg rad sin cos tan asin acos atan sinh cosh tanh".split(),
            *"asinh acosh atanh round -".split(),
            *"clamp clamp_min clamp_max round2 dates dates scalar".split(),
        )
        match function:
            case "clamp":
                return f"clamp({inner}, {self._number()}, {self._number()})"
            case "clamp_min" | "clamp_max":
                return f"{function}({inner}, {self._number()})"
            case "round2":
                return f"round({inner}, {self._any('5', '0.1', '-2', '1e-9', '0.25', 'NaN', 'Inf', '0')})"
            case "dates":
                date = self._any(*"year month day_of_month day_of_week day_of_year days_in_month hour minute".split())
                return f"{date}({self._any('when', 'near * 1e9', 'when offset 3m', 'vector(time())', '')})"
            case "scalar":
                return f"vector(scalar({inner}))"
        return f"{function}({inner})"

    def _grouping(self) -> str:
        return self._any("", "by (instance)", "by (mode, le)", "without (instance)", "without ()", "by ()", "by (none)")

    def _aggregation(self, depth: int) -> str:
        op = self._any(*"sum avg min max count group stddev quantile count_values".split())
        inner = self.expression(depth - 1)
        match op:
            case "stddev":
                return f"{self._any('stddev', 'stdvar')} {self._grouping()} ({self._any('near', 'k', 'falling_total')})"
            case "quantile":
                number = "0.3" if " @" in inner else self._number()
                return f"quantile {self._grouping()} ({number}, {inner})"
            case "count_values":
                label = self._any("value", "instance", "mode", "le", "__name__")
                return f'count_values {self._grouping()} ("{label}", {self._any("odd", "near", "k", "near > 1")})'
        return f"{op} {self._grouping()} ({inner})"

    def _counts(self) -> list[str]:
        return [f"scalar(k{{instance='{one}'}} or on () vector(2))" for one in "ab"]

    def _chosen(self, depth: int) -> str:
        number = self._any("0", "1", "2.9", "-3", "1000", "0.9", *self._counts())
        inner = self._any("when", "when > 0", "-when", "k + when", "sum by (instance) (when)")
        return f"{self._any('topk', 'bottomk')} {self._grouping()} ({number}, {inner})"

    def _with_number(self, depth: int) -> str:
        op = self._any(*"+ - * / % ^ == != < <= > >=".split(), "== bool", "> bool", "<= bool")
        sides = [self.expression(depth - 1) if op not in "%^" else self._selector(), self._number()]
        self._source.shuffle(sides)
        return f"({sides[0]}) {op} ({sides[1]})"

    def _binary(self, depth: int) -> str:
        op = self._any("+", "*", "/", "> bool", "!= bool")
        matching = self._any(
            "",
            "on (instance)",
            "on ()",
            "on (instance, mode)",
            "ignoring (mode)",
            "ignoring (instance)",
            "on (instance) group_left (mode)",
            "on (instance) group_right ()",
            "on (instance) group_right (mode, none)",
            "ignoring (mode) group_left (le)",
            "ignoring (mode) group_right ()",
            "on () group_left (instance)",
        )
        return f"({self._selector()}) {op} {matching} ({self._selector()})"

    def _set(self, depth: int) -> str:
        op = self._any("and", "or", "unless")
        matching = self._any("", "on (instance)", "ignoring (mode)", "on ()", "ignoring (instance, mode)")
        return f"({self.expression(depth - 1)}) {op} {matching} ({self.expression(depth - 1)})"

    def _histogram(self, depth: int) -> str:
        inner = self._any(
            "odd_bucket",
            "sum by (le) (odd_bucket{kind!='odd'})",
            "sum by (le, kind) (odd_bucket)",
            "odd_bucket{kind='falling'}",
            "odd_bucket{le!='+Inf'}",
            "delta(odd_bucket{kind!='odd'}[3m])",
            "odd_bucket * -1",
            "odd_bucket > 300",
            "near",
        )
        return f"histogram_quantile({self._number()}, {inner})"

    def _labels(self, depth: int) -> str:
        inner = self.expression(depth - 1)
        return self._any(
            f'label_replace({inner}, "x", "$2-${{1}}-$9", "instance", "((a|b)|c)")',
            f'label_replace({inner}, "instance", "same", "mode", "x")',
            f'label_replace({inner}, "instance", "$1", "none", "(.*)")',
            f'label_replace({inner}, "__name__", "new", "instance", "a")',
            f'label_replace({inner}, "mode", "$mode$$", "mode", "(?P<mode>.)")',
            f'label_join({inner}, "mode", "", "none")',
            f'label_join({inner}, "x", "", "instance", "instance")',
            f'label_join({inner}, "__name__", "_", "instance", "mode")',
        )

    def _absent(self, depth: int) -> str:
        return self._any(
            f"absent({self.expression(depth - 1)})",
            f"absent_over_time({self._range(depth)})",
            'absent(none{instance="a",mode=~"x",le="",kind="k"})',
            'absent_over_time(odd{instance="q",instance="r",kind="k"}[1m])',
            'absent((none{instance="a"}))',
        )

    def _pinned(self, depth: int) -> str:
        selector = self._selector().split(" @")[0]
        return self._any(f"timestamp({selector})", f"timestamp(({selector}))", f"timestamp({selector} > 0)")
