"""Functions that make one value of one value."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Values

Integers = npt.NDArray[np.int64]
_DAY_S: Final = 86_400
_LATEST_S: Final = (1 << 63) - 1


def _sign(values: Values) -> Values:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def rounded(values: Values, to_nearest: Values | float = 1.0) -> Values:
    """To the nearest multiple, of two the greater one."""
    inverse = 1.0 / np.asarray(to_nearest)
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)


def lesser(one: Values, other: Values) -> Values:
    """NaN where one is; but nothing is less than -Inf, as in Go."""
    return np.where(np.fmin(one, other) == -np.inf, -np.inf, np.minimum(one, other))


def greater(one: Values, other: Values) -> Values:
    """NaN where one is; but nothing is greater than +Inf, as in Go."""
    return np.where(np.fmax(one, other) == np.inf, np.inf, np.maximum(one, other))


def clamped(values: Values, least: Values, most: Values) -> Values:
    return greater(least, lesser(most, values))


def _of_date(compute: Callable[[Integers], Any]) -> Callable[[Values], Values]:
    """A part of the date and time that is so many seconds after 1970, in UTC. What is no number, or too far away,
    counts as the last moment there is, as in Prometheus.
    """

    def part(values: Values) -> Values:
        valid = np.abs(values) < _LATEST_S
        seconds = np.where(valid, np.where(valid, values, 0.0).astype(np.int64), _LATEST_S)
        return np.asarray(compute(seconds), np.float64)

    return part


def _days(seconds: Integers) -> "npt.NDArray[np.datetime64]":
    return (seconds // _DAY_S).astype("datetime64[D]")


def _months(seconds: Integers) -> "npt.NDArray[np.datetime64]":
    return _days(seconds).astype("datetime64[M]")


def _since(days: "npt.NDArray[np.datetime64]", unit: str) -> Integers:
    """How many days after the month, or the year, began."""
    return np.asarray((days - days.astype(f"datetime64[{unit}]")).astype(np.int64))


def _days_in_month(seconds: Integers) -> Integers:
    months = _months(seconds)
    length = (months + np.timedelta64(1, "M")).astype("datetime64[D]") - months.astype("datetime64[D]")
    return np.asarray(length.astype(np.int64))


DATES: Final[dict[str, Callable[[Values], Values]]] = {
    "day_of_month": _of_date(lambda seconds: _since(_days(seconds), "M") + 1),
    "day_of_week": _of_date(lambda seconds: (seconds // _DAY_S + 4) % 7),  # 1970 began on a Thursday
    "day_of_year": _of_date(lambda seconds: _since(_days(seconds), "Y") + 1),
    "days_in_month": _of_date(_days_in_month),
    "hour": _of_date(lambda seconds: seconds % _DAY_S // 3600),
    "minute": _of_date(lambda seconds: seconds % 3600 // 60),
    "month": _of_date(lambda seconds: _months(seconds).astype(np.int64) % 12 + 1),
    "year": _of_date(lambda seconds: _days(seconds).astype("datetime64[Y]").astype(np.int64) + 1970),
}

ELEMENTWISE: Final[dict[str, Callable[[Values], Values]]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * np.pi / 180,
    "sgn": _sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    **DATES,
}
