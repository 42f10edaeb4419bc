"""What every store promises of samples that come one by one."""

import numpy as np
import pytest

from netmon_collector.store.base import ABSENT, Points, Row, Store
from tests.collector.store.contract import Home
from tests.collector.store.samples import batch, bits, held, named, points, points_of, register, row, series


async def test_points_come_one_by_one_in_any_order(store: Store, home: Home) -> None:
    batch_of_three = points(store, ("b", 3000, 1.0), ("a", 5000, 2.0), ("b", 1000, 3.0))
    assert await store.append([batch_of_three], batch(1))
    assert not await store.append([batch_of_three], batch(1))
    assert await store.append([points(store, ("c", 2000, 4.0), ("a", 1000, 5.0))], batch(2))
    expected = {
        (series("a"), 1000): bits(5.0),
        (series("a"), 5000): bits(2.0),
        (series("b"), 1000): bits(3.0),
        (series("b"), 3000): bits(1.0),
        (series("c"), 2000): bits(4.0),
    }
    assert await held(store) == expected
    assert store.stats().samples_appended == 5
    assert (store.stats().oldest_ms, store.stats().newest_ms) == (1000, 5000)
    store = await home.restart()
    assert await held(store) == expected
    assert await held(store, named("a"), time_ms=(1000, 1000)) == {(series("a"), 1000): bits(5.0)}
    assert await store.append([points(store, ("c", 9000, 6.0))], batch(3))
    assert await held(store, named("c")) == {(series("c"), 2000): bits(4.0), (series("c"), 9000): bits(6.0)}


async def test_of_two_points_at_one_time_the_later_wins(store: Store, home: Home) -> None:
    group = register(store, "a", "b")
    await store.append([points(store, ("a", 1000, 1.0), ("b", 1000, 1.0), ("a", 1000, 2.0))], batch(1))
    assert await held(store) == {(series("a"), 1000): bits(2.0), (series("b"), 1000): bits(1.0)}
    await store.append([row(group, 1000, 3.0, 3.0), points(store, ("a", 1000, -4.0))], batch(2))
    await store.append([points_of(group, (1, 2000, 5.0), (0, 2000, 5.0)), row(group, 2000, 6.0, ABSENT)], batch(3))
    expected = {
        (series("a"), 1000): bits(-4.0),
        (series("b"), 1000): bits(3.0),
        (series("a"), 2000): bits(6.0),
        (series("b"), 2000): bits(5.0),
    }
    assert await held(store) == expected
    store = await home.restart()
    assert await held(store) == expected
    await store.append([points(store, ("b", 1000, -9.0))], batch(4))
    assert await held(store, named("b")) == {(series("b"), 1000): bits(-9.0), (series("b"), 2000): bits(5.0)}


async def test_an_absent_point_is_not_a_sample(store: Store) -> None:
    assert await store.append([points(store, ("a", 1000, ABSENT), ("b", 1000, 1.0))], batch(1))
    assert await store.append([points(store, ("b", 1000, ABSENT))], batch(2))
    assert await held(store) == {(series("b"), 1000): bits(1.0)}
    assert await store.series([]) == [series("b")]
    assert store.stats().samples_appended == 1


async def test_series_that_are_enrolled_again_keep_their_places(store: Store) -> None:
    first = store.enroll([series("a"), series("b"), series("a")])
    pool = store.pool
    register(store, "x", "b")
    again = store.enroll([series("b"), series("c"), series("a")])
    assert first[0] == first[2] == again[2]
    assert first[1] == again[0]
    assert len({*first.tolist(), *again.tolist()}) == 3
    assert store.pool is pool
    assert [pool.labels[place] for place in again.tolist()] == [series("b"), series("c"), series("a")]
    with pytest.raises(ValueError, match="valid Unicode"):
        store.enroll([series("a", x="\ud800")])


async def test_points_must_fit_their_group(store: Store) -> None:
    group = register(store, "a", "b")
    with pytest.raises(ValueError, match="not among the 2 of its group"):
        await store.append([points_of(group, (2, 1000, 1.0))], None)
    with pytest.raises(ValueError, match="not among the 2 of its group"):
        await store.append([points_of(group, (-1, 1000, 1.0))], None)
    with pytest.raises(ValueError, match="one column, one time and one value"):
        await store.append([Points(group, np.array([0]), np.array([1, 2]), np.array([1.0]))], None)
    with pytest.raises(ValueError, match="values of float64"):
        await store.append([Points(group, np.array([0]), np.array([1]), np.array([1.0], np.float32))], None)
    with pytest.raises(ValueError, match="not for rows"):
        await store.append([Row(store.pool, 1000, np.array([1.0, 2.0]))], None)
    assert await store.append([points_of(group, (1, 1000, 1.0))], None)


async def test_a_large_batch_of_points_in_random_order_is_kept_whole(store: Store, home: Home) -> None:
    dice = np.random.default_rng(3)
    names = [f"m{n}" for n in range(40)]
    places = store.enroll([series(name) for name in names])
    samples = {(n, 1000 * int(t)): float(n * t) for n in range(40) for t in dice.choice(200, 60, replace=False)}
    order = dice.permutation(len(samples))
    columns = places[np.array([n for n, _ in samples])[order]]
    times = np.array([time for _, time in samples])[order] + 1000
    values = np.array(list(samples.values()))[order]
    for part in np.array_split(np.arange(len(order)), 3):
        await store.append([Points(store.pool, columns[part], times[part], values[part])], None)
    expected = {(series(names[n]), time + 1000): bits(value) for (n, time), value in samples.items()}
    assert await held(store) == expected
    assert await held(await home.restart()) == expected
