"""Samples as JSON, made column by column: finite values go from the array to the text without Python's help."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Frame, Values, is_absent
from netmon_proto.model import NAME, STALE_BITS, Labels


def series_key(labels: Labels) -> tuple[str, Labels]:
    """Sorts series by name, then by their labels."""
    return dict(labels).get(NAME, ""), labels


def count_samples(frames: Iterable[Frame]) -> int:
    return sum(int(np.count_nonzero(~is_absent(frame.values))) for frame in frames)


def samples_json(frames: Iterable[Frame]) -> bytes:
    """`[{"labels": {…}, "samples": [[seconds, value], …]}, …]`, sorted by name and labels."""
    series = [one for frame in frames for one in _series_of(frame)]
    series.sort(key=lambda one: series_key(one.labels))
    return b"[%s]" % b",".join(
        orjson.dumps({"labels": dict(one.labels), "samples": _samples(one)}, option=orjson.OPT_SERIALIZE_NUMPY)
        for one in series
    )


class _Series(NamedTuple):
    """`pairs`: seconds and values, shape (T, 2). `special`: the values, where some are not plain numbers."""

    labels: Labels
    pairs: npt.NDArray[np.float64]
    special: Values | None


def _series_of(frame: Frame) -> Iterable[_Series]:
    pairs = np.empty((len(frame.labels), len(frame.times), 2))
    pairs[:, :, 0] = frame.times / 1000
    pairs[:, :, 1] = frame.values.T
    plain = np.logical_and.reduce(np.isfinite(frame.values), axis=0)
    for column, labels in enumerate(frame.labels):
        yield _Series(labels, pairs[column], None if plain[column] else frame.values[:, column])


def _samples(series: _Series) -> npt.NDArray[np.float64] | list[list[Any]]:
    """What orjson takes for a list of pairs, with words for the values that JSON has no numbers for."""
    if series.special is None:
        return series.pairs
    present = ~is_absent(series.special)
    values = series.special[present]
    samples: list[list[Any]] = series.pairs[present].tolist()
    for at in np.flatnonzero(~np.isfinite(values)):
        samples[at][1] = _word(values[at])
    return samples


def _word(value: np.float64) -> str | None:
    if np.isnan(value):
        return None if value.view(np.uint64) == STALE_BITS else "NaN"
    return "+Inf" if value > 0 else "-Inf"
