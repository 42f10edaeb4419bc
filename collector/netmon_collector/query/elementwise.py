"""Functions that make one value of one value."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Values

Integers = npt.NDArray[np.int64]
_DAY_S: Final = 86_400


def _sign(values: Values) -> Values:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def rounded(values: Values, to_nearest: Values | float = 1.0) -> Values:
    """To the nearest multiple, of two the greater one."""
    inverse = 1.0 / np.asarray(to_nearest)
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)


def clamped(values: Values, least: Values, most: Values) -> Values:
    """NaN where the value or a bound is."""
    return np.asarray(np.maximum(least, np.minimum(most, values)))


def _days(seconds: Values) -> "np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]":
    return np.floor_divide(np.trunc(seconds), _DAY_S).astype(np.int64).astype("datetime64[D]")


def _of_date(compute: Callable[[Values], Any]) -> Callable[[Values], Values]:
    """A part of the date and time that is so many seconds after 1970, in UTC; NaN where there is no such date."""

    def part(seconds: Values) -> Values:
        valid = np.abs(seconds) < 1e15
        return np.where(valid, compute(np.where(valid, seconds, 0.0)).astype(np.float64), np.nan)

    return part


def _month(seconds: Values) -> Integers:
    return _days(seconds).astype("datetime64[M]").astype(np.int64) % 12 + 1


def _year(seconds: Values) -> Integers:
    return _days(seconds).astype("datetime64[Y]").astype(np.int64) + 1970


def _day_of_month(seconds: Values) -> Integers:
    days = _days(seconds)
    return np.asarray((days - days.astype("datetime64[M]")).astype(np.int64) + 1)


def _day_of_year(seconds: Values) -> Integers:
    days = _days(seconds)
    return np.asarray((days - days.astype("datetime64[Y]")).astype(np.int64) + 1)


def _days_in_month(seconds: Values) -> Integers:
    months = _days(seconds).astype("datetime64[M]")
    return np.asarray(((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64))


def _day_of_week(seconds: Values) -> Integers:
    return (_days(seconds).astype(np.int64) + 4) % 7  # 1970 began on a Thursday


DATES: Final[dict[str, Callable[[Values], Values]]] = {
    "day_of_month": _of_date(_day_of_month),
    "day_of_week": _of_date(_day_of_week),
    "day_of_year": _of_date(_day_of_year),
    "days_in_month": _of_date(_days_in_month),
    "hour": _of_date(lambda seconds: np.trunc(seconds) % _DAY_S // 3600),
    "minute": _of_date(lambda seconds: np.trunc(seconds) % 3600 // 60),
    "month": _of_date(_month),
    "year": _of_date(_year),
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
