"""Numbers as Prometheus writes them."""

import math
from typing import Final

_SPECIAL: Final = {math.inf: "+Inf", -math.inf: "-Inf"}


def plain(value: float) -> str:
    """Without an exponent, as in sample values and count_values."""
    if math.isfinite(value):
        text = repr(float(value))
        if "e" in text:
            return _without_exponent(text)
        return text.removesuffix(".0")
    return _SPECIAL.get(value, "NaN")


def general(value: float) -> str:
    """As Go's %v and %g, in messages and templates: the fewest digits, with an exponent from a million on."""
    return plain(value) if not math.isfinite(value) or not value or 1e-4 <= abs(value) < 1e6 else _scientific(value)


def with_point(value: float) -> str:
    """As OpenMetrics writes the values of labels: whole numbers have a point too."""
    text = general(value)
    return text if any(sign in text for sign in ".eIN") else text + ".0"


def _scientific(value: float) -> str:
    digits, exponent = f"{value:.16e}".split("e")
    for precision in range(17):
        digits, exponent = f"{value:.{precision}e}".split("e")
        if float(f"{digits}e{exponent}") == value:
            break
    return f"{digits}e{exponent}"


def _without_exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    digits = digits.rstrip("0") if len(digits) > point else digits
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"
