"""Raw samples as Prometheus' API lists them, `[1767268800.500,"2.05"],…`: all at once, without an object for each.

Every sample is a row of a table of characters, its value padded with zeros; in the end all zeros are taken out.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Times, Values

_FROM_MS: Final = 10**12
_BEFORE_MS: Final = 10**13
"""Times of 13 digits, from 2001 to 2286."""
_FRAME: Final = np.frombuffer(b'],[0123456789.000,"', np.uint8)
_SECONDS: Final = slice(3, 13)
_POINT: Final = 13
_MS: Final = slice(14, 17)

Characters = npt.NDArray[np.uint8]


def plain_pairs(times: Times, values: Values) -> bytes | None:
    """The samples [T], T >= 1, without brackets around all; None where some are to be written otherwise.

    Such are values that are no finite number or need an exponent, and times long gone or far away.
    """
    if times.min() < _FROM_MS or times.max() >= _BEFORE_MS:
        return None
    listed = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    if b"e" in listed or b"n" in listed:  # an exponent, or null
        return None
    characters, lengths = _apart(listed)
    padded = np.zeros((len(times), int(lengths.max())), np.uint8)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = characters
    rows = np.empty((len(times), len(_FRAME) + padded.shape[1] + 1), np.uint8)
    rows[:, : len(_FRAME)] = _FRAME
    _write_times(rows, times)
    rows[:, len(_FRAME) : -1] = padded
    rows[:, -1] = ord('"')
    return rows.tobytes().translate(None, b"\0")[2:] + b"]"


def _apart(listed: bytes) -> tuple[Characters, npt.NDArray[np.int64]]:
    """The characters of the numbers of a list, zeros where whole numbers have `.0`; and how many are of each."""
    text = np.frombuffer(listed, np.uint8)[1:].copy()
    text[-1] = ord(",")
    is_end = text == ord(",")
    ends = np.flatnonzero(is_end)
    whole = ends[(text[ends - 1] == ord("0")) & (text[ends - 2] == ord("."))]
    text[whole - 1] = text[whole - 2] = 0
    return text[~is_end], np.diff(ends, prepend=-1) - 1


def _write_times(rows: Characters, times: Times) -> None:
    """Writes seconds, with three decimals unless they are whole."""
    listed = orjson.dumps(np.ascontiguousarray(times), option=orjson.OPT_SERIALIZE_NUMPY)
    digits = np.frombuffer(listed, np.uint8)[1:].reshape(len(times), -1)
    rows[:, _SECONDS] = digits[:, :10]
    rows[:, _MS] = digits[:, 10:13]
    whole = times % 1000 == 0
    rows[slice(None) if whole.all() else whole, _POINT : _MS.stop] = 0
