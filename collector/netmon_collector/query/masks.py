"""Masks that are the same everywhere, as most are: of the same shape again and again, and looked at several times."""

from functools import lru_cache
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask

_FEW: Final = 1 << 14


def everywhere(*shape: int) -> Mask:
    """True everywhere; not to be changed."""
    rows, *columns = shape
    return _kept(shape) if rows * (columns[0] if columns else 1) <= _FEW else np.ones(shape, np.bool_)


def nowhere(length: int) -> Mask:
    """True nowhere; not to be changed."""
    return _kept_empty(length) if length <= _FEW else np.zeros(length, np.bool_)


@lru_cache(256)
def _kept(shape: tuple[int, ...]) -> Mask:
    return _fixed(np.ones(shape, np.bool_))


@lru_cache(64)
def _kept_empty(length: int) -> Mask:
    return _fixed(np.zeros(length, np.bool_))


def _fixed(mask: Mask) -> Mask:
    mask.flags.writeable = False
    return mask


def is_everywhere(mask: Mask) -> bool:
    """Whether it is True everywhere; of a small one in a third of the time that numpy takes."""
    return b"\0" not in mask.tobytes()


def is_anywhere(mask: Mask) -> bool:
    """Whether it is True anywhere; likewise."""
    return b"\1" in mask.tobytes()
