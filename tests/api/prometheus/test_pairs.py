"""Raw samples as long columns: the same text as value by value."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netmon_api.prometheus.encode import moment
from netmon_api.prometheus.floats import texts
from netmon_api.prometheus.pairs import plain_pairs
from netmon_collector.store.base import Times, Values

MS = st.one_of(
    st.integers(-2000, 10**13), st.integers(0, 10**10).map(lambda seconds: 1000 * seconds), st.integers(0, 2000)
)
VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1000, 1000).map(lambda value: round(value, 2)),
    st.integers(-(10**16), 10**16).map(float),
    st.sampled_from([0.0, -0.0, 1.0, 10.0, 0.01, 1123.0, -1.5]),
)


@given(st.lists(st.tuples(MS, VALUES), min_size=1, max_size=20, unique_by=lambda one: one[0]))
def test_what_is_written_at_once_is_what_is_written_one_by_one(samples: list[tuple[int, float]]) -> None:
    samples.sort()
    times = np.array([time_ms for time_ms, _ in samples], np.int64)
    values = np.array([value for _, value in samples])
    written = plain_pairs(times, values)
    if written is not None:
        one_by_one = [
            f'[{moment(time_ms)},"{text.decode()}"]' for (time_ms, _), text in zip(samples, texts(values), strict=True)
        ]
        assert written.text.decode() == "".join(f"{one}," for one in one_by_one)
        assert written.sizes.tolist() == [len(one) + 1 for one in one_by_one]


def _text(times: Times, values: Values) -> bytes:
    listed = plain_pairs(times, values)
    assert listed is not None
    return listed.text


def test_usual_samples_are_written_at_once_and_odd_ones_are_not() -> None:
    times, values = np.array([1_767_268_800_000, 1_767_268_830_120]), np.array([2.05, 3.0])
    assert _text(times, values) == b'[1767268800,"2.05"],[1767268830.120,"3"],'
    assert _text(times[:1], values[:1]) == b'[1767268800,"2.05"],'
    for odd in (np.nan, np.inf, 1e-9, 1e300):
        assert plain_pairs(times, np.array([1.0, odd])) is None
    assert plain_pairs(times - 1_767_268_800_001, values) is None
