"""What a store holds, sample by sample: how the tests say what they put in and what they expect."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from netmon_collector.store.base import (
    ABSENT_BITS,
    Group,
    Lines,
    Matcher,
    MatchOp,
    Origin,
    Points,
    ReadableStore,
    Row,
    Store,
)
from netmon_proto.model import NAME, Kind, Labels

Samples = dict[tuple[Labels, int], int]
"""(series, time) -> the value's bits."""

EVER = (-(2**62), 2**62)
_ATTEMPTS = 4


def series(name: str, /, **labels: str) -> Labels:
    return tuple(sorted({NAME: name, **labels}.items()))


def register(store: Store, *names: str) -> Group:
    return store.register([series(name) for name in names], [Kind.GAUGE] * len(names))


def row(group: Group, time_ms: int, *values: float) -> Row:
    return Row(group, time_ms, np.array(values, np.float64))


def points(store: Store, *samples: tuple[str, int, float]) -> Points:
    """Single samples: the name of the series, time, value."""
    places = store.enroll([series(name) for name, _, _ in samples])
    return points_of(store.pool, *zip(places.tolist(), *zip(*[one[1:] for one in samples], strict=True), strict=True))


def points_of(group: Group, *samples: tuple[int, int, float]) -> Points:
    """Samples of series of a group: column, time, value."""
    columns, times, values = zip(*samples, strict=True)
    return Points(group, np.array(columns), np.array(times, np.int64), np.array(values, np.float64))


def batch(sequence: int, agent: str = "agent", epoch: int = 1) -> Origin:
    return Origin(agent, epoch, sequence)


def bits(value: float) -> int:
    return int(np.float64(value).view(np.uint64))


def named(name: str) -> Matcher:
    return Matcher(NAME, MatchOp.EQUAL, name)


async def held(store: Store, *matchers: Matcher, time_ms: tuple[int, int] = EVER) -> Samples:
    """All samples, after checking that what is read is as the interface promises, in both ways where there are two."""
    samples = await _in_frames(store, matchers, *time_ms)
    if isinstance(store, ReadableStore) and store.is_whole:
        for _ in range(_ATTEMPTS):
            lines = _in_lines(store.lines_now(matchers, *time_ms), *time_ms)
            if lines == samples:
                break
            samples = await _in_frames(store, matchers, *time_ms)  # what is too old may go between two reads
        assert lines == samples, "both ways to read find the same"
    return samples


async def _in_frames(store: Store, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Samples:
    samples: Samples = {}
    seen: set[Labels] = set()
    for frame in await store.select(matchers, start_ms, end_ms):
        assert frame.values.shape == (len(frame.times), len(frame.labels))
        assert len(frame.times) >= 1
        assert all(earlier < later for earlier, later in pairwise(frame.times.tolist()))
        for column, labels in enumerate(frame.labels):
            assert labels not in seen, "a series is in one frame"
            seen.add(labels)
            found = _present(frame.values.view(np.uint64)[:, column].tolist(), frame.times.tolist())
            assert found, "a series in a frame has a sample"
            samples |= {(labels, time): value for time, value in found}
    return samples


def _in_lines(lines: Lines, start_ms: int, end_ms: int) -> Samples:
    """The samples of a time, after checking that the lines are what the interface promises."""
    bits = lines.values.view(np.uint64)
    assert len(set(lines.labels)) == len(lines.labels), "a series is there once"
    samples: Samples = {}
    for number, (labels, axis) in enumerate(zip(lines.labels, lines.axis.tolist(), strict=True)):
        times = lines.times[lines.axis_begins[axis] : lines.axis_begins[axis + 1]].tolist()
        assert all(earlier < later for earlier, later in pairwise(times))
        own = bits[lines.begins[number] : lines.begins[number + 1]].tolist()
        samples |= {(labels, time): one for time, one in _present(own, times) if start_ms <= time <= end_ms}
    return samples


def _present(values: Sequence[int], times: Sequence[int]) -> list[tuple[int, int]]:
    return [(time, value) for time, value in zip(times, values, strict=True) if value != ABSENT_BITS]
