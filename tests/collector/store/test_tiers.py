"""What rollups answer, beside what the samples give: the same at the edges of buckets, and how far off elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store.base import Row, Times, Values
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.tiers import Answered, Over, over_time
from netmon_proto.model import Kind
from tests.collector.store.samples import named, series

MINUTE, HOUR = 60_000, 3_600_000
START = 1_000 * HOUR
STEP = 10_000
SLOTS = 12 * HOUR // STEP
NAMES = ("counter", "gauge", "restarts", "gaps")
EAGER = StoreSettings(window_s=0, seal_every_s=0, merge_every_s=0)


@pytest.fixture(scope="module")
def samples() -> dict[str, tuple[Times, Values]]:
    """A steady counter, a gauge, a counter that restarts often, and one that is away for hours."""
    dice = np.random.default_rng(5)
    times = START + np.arange(SLOTS) * STEP + dice.integers(0, 900, SLOTS)
    steady = np.cumsum(dice.poisson(100, SLOTS)).astype(np.float64)
    gauge = np.round(50 + np.cumsum(dice.normal(0, 0.5, SLOTS)), 2)
    restarts = np.cumsum(dice.poisson(100, SLOTS)).astype(np.float64)
    for at in sorted(dice.integers(0, SLOTS, 20).tolist()):
        restarts[at:] -= restarts[at] - 3
    here = (np.arange(SLOTS) // 700) % 2 == 0
    return {
        "counter": (times, steady),
        "gauge": (times, gauge),
        "restarts": (times, restarts),
        "gaps": (times[here], steady[here]),
    }


@pytest.fixture
async def store(tmp_path: Path, samples: dict[str, tuple[Times, Values]]) -> EmbeddedStore:
    store = EmbeddedStore.open(tmp_path, EAGER)
    for name, (times, values) in samples.items():
        group = store.register([series(name)], [Kind.UNKNOWN])
        await store.append([Row(group, at, values[n : n + 1]) for n, at in enumerate(times.tolist())], None)
    return store


def truth(function: Over, times: Times, values: Values, start: int, end: int) -> float:
    """What the samples of a window give, as PromQL defines it."""
    inside = (times >= start) & (times < end)
    times, values = times[inside], values[inside]
    if not len(values):
        return np.nan
    plain = {
        Over.COUNT: len(values),
        Over.SUM: values.sum(),
        Over.AVG: values.mean(),
        Over.MIN: values.min(),
        Over.MAX: values.max(),
        Over.LAST: values[-1],
    }
    if function in plain:
        return float(plain[function])
    steps = np.diff(values)
    risen = float(np.where(steps < 0, values[1:], steps).sum())
    span = float(times[-1] - times[0])
    gap = span / (len(values) - 1)
    lead, lag = float(times[0] - start), float(end - times[-1])
    lead, lag = (gap / 2 if one >= 1.1 * gap else one for one in (lead, lag))
    if risen > 0 and values[0] >= 0:
        lead = min(lead, span * values[0] / risen)
    increase = risen * (span + lead + lag) / span
    return increase if function is Over.INCREASE else increase / ((end - start) / 1000)


async def answer(store: EmbeddedStore, name: str, function: Over, ends: Times, window: int, step: int) -> Answered:
    found = await over_time(store, [named(name)], function, ends, window, step)
    assert found is not None
    (answered,) = found
    return answered


async def both(
    store: EmbeddedStore,
    samples: dict[str, tuple[Times, Values]],
    name: str,
    function: Over,
    ends: Times,
    window: int,
) -> tuple[Values, Values]:
    """What rollups answer, and what the samples give."""
    answered = await answer(store, name, function, ends, window, window)
    expected = [truth(function, *samples[name], int(end) - window, int(end)) for end in ends]
    return answered.values[0], np.array(expected)


@pytest.mark.parametrize("window", [5 * MINUTE, 25 * MINUTE, HOUR, 3 * HOUR])
async def test_at_the_edges_of_buckets_rollups_answer_what_samples_give(
    store: EmbeddedStore, samples: dict[str, tuple[Times, Values]], window: int
) -> None:
    width = HOUR if window >= HOUR else 5 * MINUTE
    ends = np.arange(START + window, START + 12 * HOUR + 1, width)
    for name in NAMES:
        for function in Over:
            answered, expected = await both(store, samples, name, function, ends, window)
            np.testing.assert_allclose(answered, expected, rtol=1e-11, err_msg=f"{function} of {name}")
    await store.close()


async def test_off_the_edges_they_are_off_by_less_than_a_bucket_at_either_end(
    store: EmbeddedStore, samples: dict[str, tuple[Times, Values]]
) -> None:
    window, width = 2 * HOUR, 5 * MINUTE
    ends = np.arange(START + window + 97_000, START + 12 * HOUR, 11 * MINUTE)
    per_bucket = width // STEP + 1

    async def error(name: str, function: Over) -> tuple[Values, Values]:
        """How far off, of windows of two hours by buckets of five minutes; and what is right."""
        answered = await answer(store, name, function, ends, window, width)
        assert answered.width_ms == width
        expected = np.array([truth(function, *samples[name], int(end) - window, int(end)) for end in ends])
        return np.abs(answered.values[0] - expected), expected

    off, _ = await error("gauge", Over.COUNT)
    assert off.max() <= per_bucket
    off, _ = await error("gauge", Over.SUM)
    assert off.max() <= 2 * per_bucket * samples["gauge"][1].max()
    spread = np.ptp(samples["gauge"][1])
    off, _ = await error("gauge", Over.AVG)
    assert off.max() <= 2 * spread * width / window
    for function in (Over.MIN, Over.MAX):
        off, _ = await error("gauge", function)
        drift = max(np.ptp(part) for part in np.array_split(samples["gauge"][1], SLOTS // per_bucket))
        assert off.max() <= 2 * drift
    for function in (Over.RATE, Over.INCREASE):
        off, right = await error("counter", function)
        assert (off / right).max() < 0.004, "a steady counter: within 0.4 %"
    await store.close()


async def test_a_step_or_a_window_that_is_finer_than_all_buckets_needs_samples(store: EmbeddedStore) -> None:
    ends = np.array([START + HOUR])
    assert await over_time(store, [], Over.AVG, ends, HOUR, MINUTE) is None
    assert await over_time(store, [], Over.AVG, ends, MINUTE, HOUR) is None
    assert (await answer(store, "gauge", Over.AVG, ends, HOUR, HOUR)).width_ms == HOUR
    await store.close()
