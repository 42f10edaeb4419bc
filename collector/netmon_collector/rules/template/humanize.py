"""Numbers as people read them, the way that Prometheus' template functions write them."""

import math
from collections.abc import Sequence
from typing import Final

_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")


def four_digits(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return f"{value:.4g}"


def humanize(value: float) -> str:
    """1.235M"""
    if not value or not math.isfinite(value):
        return four_digits(value)
    if abs(value) >= 1:
        return _scaled(value, _LARGE, 1000)
    return _shrunk(value)


def humanize_1024(value: float) -> str:
    """1.5Gi"""
    if abs(value) <= 1 or not math.isfinite(value):
        return four_digits(value)
    return _scaled(value, [f"{prefix}i" for prefix in _LARGE], 1024)


def humanize_duration(value: float) -> str:
    """1d 2h 3m 4s"""
    if not math.isfinite(value):
        return four_digits(value)
    if not value:
        return "0s"
    if abs(value) < 1:
        return f"{_shrunk(value)}s"
    sign, whole = ("-" if value < 0 else ""), int(abs(value))
    days, hours, minutes, seconds = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{four_digits(abs(value))}s"


def humanize_percentage(value: float) -> str:
    """12.5%, of 0.125"""
    return f"{four_digits(value * 100)}%"


def _scaled(value: float, prefixes: Sequence[str], step: float) -> str:
    found = ""
    for prefix in prefixes:
        if abs(value) < step:
            break
        found, value = prefix, value / step
    return f"{four_digits(value)}{found}"


def _shrunk(value: float) -> str:
    found = ""
    for prefix in _SMALL:
        if abs(value) >= 1:
            break
        found, value = prefix, value * 1000
    return f"{four_digits(value)}{found}"
