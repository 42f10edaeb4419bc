"""Numbers as Prometheus' API writes them: Go's shortest decimals, made a column at a time."""

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import orjson

Floats = npt.NDArray[np.float64]

_PLAIN_FROM, _PLAIN_BELOW = 1e-4, 1e15
"""Between them orjson writes what Go writes, but for the `.0` of whole numbers."""


def texts(values: Floats) -> list[bytes]:
    """A column of values as the API writes them in vectors and matrices: `0.25`, `10`, `1e+21`, `NaN`, `+Inf`."""
    if not len(values):
        return []
    listed = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    written = (listed[1:-1] + b",").replace(b".0,", b",").split(b",")
    written.pop()
    if b"e" not in listed and b"n" not in listed:  # neither an exponent nor null, which stands for what is no number
        return written
    size = np.abs(values)
    special = np.flatnonzero(~((size >= _PLAIN_FROM) & (size < _PLAIN_BELOW)) & (values != 0))
    if len(special):
        # Few different ones as a rule, such as NaN and infinities.
        bits, places = np.unique(values[special].view(np.uint64), return_inverse=True)
        words = [_value(value) for value in bits.view(np.float64).tolist()]
        for at, place in zip(special.tolist(), places.tolist(), strict=True):
            written[at] = words[place]
    return written


def scalar_text(value: float) -> str:
    """A scalar's value: never with an exponent, as Go's 'f' format."""
    return _special(value) or _without_exponent(value)


def exposition_text(value: float) -> str:
    """A value as Prometheus' text format has it: Go's 'g' format, with an exponent from a million on."""
    if word := _special(value):
        return word
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return _without_exponent(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int), "neither NaN nor infinite"
    shown = "".join(map(str, digits)).rstrip("0")
    power = len(digits) - 1 + exponent
    fraction = f".{shown[1:]}" if len(shown) > 1 else ""
    return f"{'-' if sign else ''}{shown[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02}"


def _value(value: float) -> bytes:
    if word := _special(value):
        return word.encode()
    if 1e-6 <= abs(value) < 1e21:
        return _without_exponent(value).encode()
    return repr(value).encode()


def _special(value: float) -> str | None:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return None


def _without_exponent(value: float) -> str:
    written = format(Decimal(repr(value)), "f")
    return written.removesuffix(".0")
