"""What rows in memory tell of some series in a time, however they came."""

import numpy as np
import pytest

from netmon_collector.store.head import Rows
from netmon_collector.store.sealing import piece

SERIES = {"ascending": [3, 4, 7, 9], "in any order": [9, 3, 7, 4]}
TIMES = {"in their order": [10, 20, 30, 40], "in any order": [30, 10, 40, 20]}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("wanted", [[3], [4, 9], [3, 4, 7, 9], [1, 4, 8], [3, 4, 5, 7, 9, 11], [12]])
@pytest.mark.parametrize(("start_ms", "end_ms"), [(0, 99), (20, 30), (21, 29), (41, 50)])
def test_a_piece_has_the_samples_of_the_wanted_series_and_time(
    series: list[int], times: list[int], wanted: list[int], start_ms: int, end_ms: int
) -> None:
    bits = np.array([[time * 100 + one for one in series] for time in times], np.uint64)
    rows = Rows(np.array(times), np.array(series), bits)
    found = piece(rows, np.array(wanted), start_ms, end_ms)
    samples = {
        (wanted[column], time): int(found.bits[row, slot])
        for row, column in enumerate(found.columns.tolist())
        for slot, time in enumerate(found.times.tolist())
    }
    assert samples == {
        (one, time): time * 100 + one for one in series if one in wanted for time in times if start_ms <= time <= end_ms
    }
    if found.is_ascending:
        assert found.columns.tolist() == sorted(found.columns.tolist())
