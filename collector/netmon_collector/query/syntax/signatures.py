"""What each function takes and gives."""

import math
from dataclasses import dataclass
from typing import Final

from netmon_collector.query.syntax.nodes import ValueType

_S, _T, _V, _M = ValueType.SCALAR, ValueType.STRING, ValueType.VECTOR, ValueType.MATRIX
_TYPES: Final = {"s": _S, "t": _T, "v": _V, "m": _M}


@dataclass(frozen=True, slots=True)
class Signature:
    """args: types of all arguments. variadic: 0 where all must be there; else the last may be left out, or come up to
    so many times; -1 is any number of times.
    """

    args: tuple[ValueType, ...]
    returns: ValueType
    variadic: int = 0
    experimental: bool = False

    @property
    def least(self) -> int:
        return len(self.args) - (self.variadic != 0)

    @property
    def most(self) -> float:
        return math.inf if self.variadic < 0 else self.least + self.variadic


def _all(names: str, args: str, returns: str, variadic: int = 0, *, experimental: bool = False) -> dict[str, Signature]:
    signature = Signature(tuple(_TYPES[one] for one in args), _TYPES[returns], variadic, experimental)
    return dict.fromkeys(names.split(), signature)


SIGNATURES: Final[dict[str, Signature]] = {
    **_all("abs absent ceil exp floor ln log10 log2 sgn sort sort_desc sqrt timestamp", "v", "v"),
    **_all("acos acosh asin asinh atan atanh cos cosh deg rad sin sinh tan tanh", "v", "v"),
    **_all("histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum", "v", "v"),
    **_all("absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate", "m", "v"),
    **_all("last_over_time max_over_time min_over_time present_over_time rate resets", "m", "v"),
    **_all("stddev_over_time stdvar_over_time sum_over_time", "m", "v"),
    **_all("first_over_time mad_over_time ts_of_first_over_time ts_of_last_over_time", "m", "v", experimental=True),
    **_all("ts_of_max_over_time ts_of_min_over_time", "m", "v", experimental=True),
    **_all("day_of_month day_of_week day_of_year days_in_month hour minute month year", "v", "v", 1),
    **_all("clamp", "vss", "v"),
    **_all("clamp_max clamp_min", "vs", "v"),
    **_all("round", "vs", "v", 1),
    **_all("double_exponential_smoothing", "mss", "v", experimental=True),
    **_all("histogram_fraction", "ssv", "v"),
    **_all("histogram_quantile", "sv", "v"),
    **_all("histogram_quantiles", "vtss", "v", 9, experimental=True),
    **_all("info", "vv", "v", 1, experimental=True),
    **_all("label_join", "vttt", "v", -1),
    **_all("label_replace", "vtttt", "v"),
    **_all("predict_linear", "ms", "v"),
    **_all("quantile_over_time", "sm", "v"),
    **_all("scalar", "v", "s"),
    **_all("vector", "s", "v"),
    **_all("sort_by_label sort_by_label_desc", "vt", "v", -1, experimental=True),
    **_all("pi time", "", "s"),
    **_all("start end step range", "", "s", experimental=True),
    **_all("anomaly_rate anomaly_score baseline_high baseline_low", "m", "v"),
    **_all("forecast forecast_high forecast_low time_until time_until_high time_until_low", "ms", "v"),
    **_all("min_of max_of", "ss", "s", experimental=True),
}
EXPERIMENTAL_AGGREGATIONS: Final = frozenset({"limitk", "limit_ratio"})
