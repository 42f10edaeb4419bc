"""When a series was last as it is now, looked up once while an anomaly stands."""

from collections.abc import Sequence

import numpy as np
import pytest

from netmon_analytics.anomaly import Explanation
from netmon_collector.anomaly.earlier import HOUR_MS, MOST_RECORDS, Likes
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.store.base import Matcher, Rollup, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Kind, Labels

NOW_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
LOAD: Labels = (("__name__", "load"), ("instance", "web1"))


class Counting(EmbeddedStore):
    """Notes how often it was asked for rollups."""

    asked = 0

    async def select_rollup(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, step_ms: int
    ) -> list[Rollup] | None:
        self.asked += 1
        return await super().select_rollup(matchers, start_ms, end_ms, step_ms)


@pytest.fixture
async def store(tmp_path):  # type: ignore[no-untyped-def]
    store = Counting.open(tmp_path / "store", window_s=0.0)
    yield store
    await store.close()


async def remember(store: EmbeddedStore, hours: Sequence[float]) -> None:
    """One value an hour, the last one two hours ago."""
    group = store.register([LOAD], [Kind.GAUGE])
    begin_ms = NOW_MS - HOUR_MS * (len(hours) + 1)
    rows = [Row(group, begin_ms + HOUR_MS * hour, np.array([value], np.float64)) for hour, value in enumerate(hours)]
    await store.append(rows, None)


def odd(value: float, began_ms: int = NOW_MS, component: str = "deviation") -> Anomaly:
    told = Explanation(20.0, 6.5, component, 100.0, 90.0, 110.0, began_ms / 1000, None)
    return Anomaly(LOAD, NOW_MS / 1000, value, told)


async def looked(likes: Likes, store: EmbeddedStore, one: Anomaly) -> tuple[float, int] | None:
    """The value found, and how many hours before the beginning of the anomaly."""
    found = (await likes.look(store, [one]))[0]
    return None if found is None else (found.value, (NOW_MS - found.time_ms) // HOUR_MS)


async def test_a_value_that_moves_on_is_answered_from_what_was_found_at_first(store: Counting) -> None:
    await remember(store, [900, 30, 500, 400, 450, 100, 60])
    likes = Likes()
    told = [await looked(likes, store, odd(value)) for value in (430, 480, 460, 901, 120)]
    assert told == [(450, 4), (500, 6), (500, 6), None, (450, 4)]
    assert store.asked == 1
    assert await looked(likes, store, odd(50)) == (30, 7)
    assert await looked(likes, store, odd(20)) is None
    assert store.asked == 2


async def test_it_is_looked_up_anew_when_the_anomaly_is_another_one(store: Counting) -> None:
    await remember(store, [500, 400])
    likes = Likes()
    await likes.look(store, [odd(300)])
    likes.keep([odd(301)])
    await likes.look(store, [odd(300)])
    assert store.asked == 1
    likes.keep([odd(300, NOW_MS - HOUR_MS)])
    await likes.look(store, [odd(300)])
    assert store.asked == 2


async def test_of_a_series_that_always_fell_only_the_last_records_are_kept_and_all_values_are_found(
    store: Counting,
) -> None:
    hours = np.arange(MOST_RECORDS + 100, 0, -1.0) + 1000
    await remember(store, hours.tolist())
    likes = Likes()
    assert await looked(likes, store, odd(1010)) == (1010, 11)
    assert await looked(likes, store, odd(1100)) == (1100, 101)
    assert store.asked == 1
    assert await looked(likes, store, odd(1200)) == (1200, 201)
    assert await looked(likes, store, odd(1190)) == (1190, 191)
    assert store.asked == 2


async def test_what_is_no_matter_of_the_value_is_not_looked_up(store: Counting) -> None:
    await remember(store, [500])
    assert await Likes().look(store, [odd(300, component="spread")]) == [None]
    assert store.asked == 0
