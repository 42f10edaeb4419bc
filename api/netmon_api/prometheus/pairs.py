"""Raw samples as Prometheus' API lists them, `[1767268800.500,"2.05"],…`: all at once, without an object for each.

Every sample is a row of a table of characters, its value padded with zeros; in the end all zeros are taken out.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Times, Values

_FROM_MS: Final = 10**12
_BEFORE_MS: Final = 10**13
"""Times of 13 digits, from 2001 to 2286."""
_DIGITS: Final = np.dtype([("seconds", "V10"), ("ms", "V3"), ("comma", "V1")])

Sizes = npt.NDArray[np.int64]


class Listed(NamedTuple):
    """Samples [T], each in brackets, with a comma behind it; sizes [T]: how many bytes each takes, with its comma."""

    text: bytes
    sizes: Sizes


class _Layout(NamedTuple):
    """Of a row, where it is the same in all of them. `row`: its fields; `plain`: all of it; `blank`: without values."""

    row: np.dtype[np.void]
    plain: np.dtype[np.void]
    blank: np.void


def plain_pairs(times: Times, values: Values) -> Listed | None:
    """The samples [T], T >= 1; None where some are to be written otherwise.

    Such are values that are no finite number or need an exponent, and times long gone or far away.
    """
    if times.min() < _FROM_MS or times.max() >= _BEFORE_MS:
        return None
    listed = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    if b"e" in listed or b"n" in listed:  # an exponent, or null
        return None
    written, lengths = _apart(listed, len(times))
    width = written.dtype.itemsize
    is_whole = times % 1000 == 0
    has_ms = not is_whole.all()
    layout = _layout(width, has_ms=has_ms)
    rows = np.empty(len(times), layout.row)
    rows.view(layout.plain)[:] = layout.blank
    listed = orjson.dumps(np.ascontiguousarray(times), option=orjson.OPT_SERIALIZE_NUMPY)
    digits = np.frombuffer(listed, _DIGITS, len(times), 1)
    rows["seconds"], rows["value"] = digits["seconds"], written
    sizes = lengths + (layout.row.itemsize - width)
    if has_ms:
        rows["ms"] = digits["ms"]
        rows["point"][is_whole] = rows["ms"][is_whole] = b""
        sizes -= 4 * is_whole
    text = rows.tobytes()
    return Listed(text if len(text) == sizes.sum() else text.translate(None, b"\0"), sizes)


def _apart(listed: bytes, count: int) -> tuple[npt.NDArray[np.void], Sizes]:
    """The characters of each number of a list, without the `.0` of whole ones and with zeros behind them; and how many
    they are.
    """
    text = np.frombuffer(listed, np.uint8)
    ends = np.append(np.flatnonzero(text == ord(",")), len(text) - 1)
    begins = np.append(1, ends[:-1] + 1)
    is_whole = (text[ends - 1] == ord("0")) & (text[ends - 2] == ord("."))
    lengths = ends - begins - 2 * is_whole
    width = int(lengths.max())
    from_each = np.ndarray(len(text), f"V{width}", listed + bytes(width), strides=(1,))  # so many, from any of them on
    written = from_each[begins]
    if lengths.min() < width:
        characters = written.view(np.uint8).reshape(count, width)
        characters *= _ones(width).take(lengths, axis=0)  # a third of the time that a comparison takes
    return written, lengths


@lru_cache(64)
def _ones(width: int) -> npt.NDArray[np.uint8]:
    """In row 0 none, in row 1 one, and so on; zeros behind them."""
    return np.tri(width + 1, width, -1, np.uint8)


@lru_cache(64)
def _layout(width: int, *, has_ms: bool) -> _Layout:
    """For values of at most so many characters; with the fractions of seconds, or without."""
    fraction = [("point", "V1"), ("ms", "V3")] if has_ms else []
    row = np.dtype(
        [("begin", "V1"), ("seconds", "V10"), *fraction, ("quote", "V2"), ("value", f"V{width}"), ("end", "V3")]
    )
    blank = np.zeros(1, row)
    for name, characters in (("begin", b"["), ("quote", b',"'), ("end", b'"],')):
        blank[name] = np.void(characters)
    if has_ms:
        blank["point"] = np.void(b".")
    plain = np.dtype(f"V{row.itemsize}")
    return _Layout(row, plain, blank.view(plain)[0])
