"""topk and bottomk look at few candidates only, and still choose as sorting everything would."""

import numpy as np
import pytest

from netmon_collector.query.ranking import ranked
from netmon_collector.query.series import SeriesSet
from netmon_collector.query.syntax.nodes import Aggregation
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.values import Vector


def _chosen(values: list[float], present: list[bool], count: int, descending: bool) -> set[int]:
    """By hand: present ones in the order of their values, NaN behind, of equal ones the first."""
    sign = -1 if descending else 1
    rows = [row for row, there in enumerate(present) if there]
    rows.sort(key=lambda row: (values[row] != values[row], 0 if values[row] != values[row] else sign * values[row]))
    return set(rows[: max(count, 0)])


@pytest.mark.parametrize("op", ["topk", "bottomk"])
@pytest.mark.parametrize("grouping", ["", " by (site)"])
def test_what_is_chosen_is_what_sorting_would_choose(op: str, grouping: str) -> None:
    random = np.random.default_rng(7)
    series, steps = 40, 60
    sites = [str(row % 3) if grouping else "" for row in range(series)]
    labels = [(("instance", f"host{row:02}"), ("site", sites[row])) for row in range(series)]
    values = random.integers(-3, 3, (series, steps)).astype(np.float64)  # many equal ones
    values[random.random(values.shape) < 0.1] = np.nan
    values[:, 0] = np.nan
    values[random.random(values.shape) < 0.05] = np.inf
    present = random.random(values.shape) < np.linspace(0.02, 1, steps)
    counts = random.integers(-1, series + 5, steps).astype(np.float64)
    node = parse(f"{op}{grouping} (1, x)")
    assert isinstance(node, Aggregation)
    for count in (counts, np.minimum(counts, 4)):
        result = ranked(node, Vector.of(SeriesSet.of(labels), values, present), count)
        rows = [int(dict(one)["instance"][4:]) for one in result.series.labels()]
        for step in range(steps):
            expected: set[int] = set()
            for site in set(sites):
                own = [there and sites[row] == site for row, there in enumerate(present[:, step].tolist())]
                expected |= _chosen(values[:, step].tolist(), own, int(count[step]), op == "topk")
            assert {rows[row] for row in np.flatnonzero(result.present[:, step])} == expected
