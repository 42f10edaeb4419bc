"""What every store promises."""

import asyncio
import math
import struct

import numpy as np
import pytest

from netmon_collector.store.base import ABSENT, Matcher, MatchOp, Row, Store
from netmon_proto.model import NAME, STALE, Kind
from tests.collector.store.contract import Home
from tests.collector.store.samples import batch, bits, held, named, register, row, series


async def test_samples_come_back_as_they_were_put_in(store: Store) -> None:
    group = register(store, "a", "b")
    assert await store.append([row(group, 1000, 1.5, 2.5), row(group, 2000, 3.5, 4.5)], batch(1))
    a, b = series("a"), series("b")
    assert await held(store) == {
        (a, 1000): bits(1.5),
        (b, 1000): bits(2.5),
        (a, 2000): bits(3.5),
        (b, 2000): bits(4.5),
    }


async def test_samples_survive_a_restart(store: Store, home: Home) -> None:
    await store.append([row(register(store, "a", "b"), 1000, 1.0, 2.0)], batch(1))
    before = await held(store)
    store = await home.restart()
    assert await held(store) == before
    assert len(before) == 2


async def test_every_bit_of_a_value_is_kept(store: Store, home: Home) -> None:
    payload = struct.unpack("<d", struct.pack("<Q", 0xFFF8DEADBEEF0001))[0]
    values = [STALE, math.nan, payload, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308]
    group = register(store, "a")
    await store.append([row(group, time, value) for time, value in enumerate(values)], batch(1))
    expected = {(series("a"), time): bits(value) for time, value in enumerate(values)}
    assert await held(store) == expected
    assert await held(await home.restart()) == expected


async def test_absent_is_not_a_sample(store: Store) -> None:
    group = register(store, "a", "b", "never")
    await store.append([row(group, 1000, 1.0, ABSENT, ABSENT), row(group, 2000, ABSENT, ABSENT, ABSENT)], batch(1))
    await store.append([row(group, 1000, ABSENT, 2.0, ABSENT)], batch(2))
    assert await held(store) == {(series("a"), 1000): bits(1.0), (series("b"), 1000): bits(2.0)}
    assert set(await store.series([])) == {series("a"), series("b")}
    assert store.stats().samples_appended == 2


async def test_a_batch_sent_twice_is_kept_once(store: Store, home: Home) -> None:
    group = register(store, "a")
    assert await store.append([row(group, 1000, 1.0)], batch(1))
    assert not await store.append([row(group, 1000, 9.0)], batch(1))
    assert store.stats().batches_duplicate == 1
    store = await home.restart()
    assert not await store.append([row(register(store, "a"), 1000, 9.0)], batch(1))
    assert await held(store) == {(series("a"), 1000): bits(1.0)}


async def test_a_batch_sent_twice_at_the_same_time_is_kept_once(store: Store) -> None:
    group = register(store, "a")
    outcomes = await asyncio.gather(*(store.append([row(group, 1000, float(n))], batch(1)) for n in range(5)))
    assert sorted(outcomes) == [False, False, False, False, True]
    assert await held(store) == {(series("a"), 1000): bits(0.0)}
    assert store.stats().samples_appended == 1


async def test_batches_may_come_in_any_order(store: Store, home: Home) -> None:
    group = register(store, "a")
    for sequence in (7, 8, 3, 1, 2):
        assert await store.append([row(group, sequence, 1.0)], batch(sequence))
    assert not await store.append([row(group, 3, 1.0)], batch(3))
    store = await home.restart()
    assert store.highest_acked("agent", 1) == 8
    assert await store.append([row(register(store, "a"), 5, 1.0)], batch(5))
    assert {time for _, time in await held(store)} == {1, 2, 3, 5, 7, 8}


async def test_agents_and_epochs_are_counted_apart(store: Store, home: Home) -> None:
    group = register(store, "a")
    assert await store.append([row(group, 1, 1.0)], batch(1, "one", 2**64 - 1))
    assert await store.append([row(group, 2, 1.0)], batch(1, "one", 2))
    assert await store.append([row(group, 3, 1.0)], batch(1, "two", 2))
    store = await home.restart()
    assert store.highest_acked("one", 2**64 - 1) == 1
    assert store.highest_acked("two", 2) == 1
    assert store.highest_acked("two", 3) == 0


async def test_without_an_origin_every_call_counts(store: Store) -> None:
    group = register(store, "a")
    assert await store.append([row(group, 1000, 1.0)], None)
    assert await store.append([row(group, 1000, 2.0)], None)
    assert await held(store) == {(series("a"), 1000): bits(2.0)}


async def test_a_batch_without_samples_is_remembered(store: Store, home: Home) -> None:
    assert await store.append([], batch(1))
    assert not await store.append([], batch(1))
    store = await home.restart()
    assert not await store.append([], batch(1))
    assert store.stats().oldest_ms is None


async def test_settled_sequences_leave_the_highest_as_it_was(store: Store, home: Home) -> None:
    group = register(store, "a")
    for sequence in (1, 2, 5):
        await store.append([row(group, sequence, 1.0)], batch(sequence))
    store.settle("agent", 1, 100)
    assert store.highest_acked("agent", 1) == 5
    store = await home.restart()
    assert store.highest_acked("agent", 1) == 5


async def test_of_two_samples_at_one_time_the_later_call_wins(store: Store, home: Home) -> None:
    group, other = register(store, "a", "b"), register(store, "b", "c")
    await store.append([row(group, 1000, 1.0, 1.0), row(group, 1000, 2.0, ABSENT)], batch(1))
    await store.append([row(other, 1000, 3.0, 3.0)], batch(2))
    await store.append([row(group, 1000, ABSENT, 4.0)], batch(3))
    expected = {(series("a"), 1000): bits(2.0), (series("b"), 1000): bits(4.0), (series("c"), 1000): bits(3.0)}
    assert await held(store) == expected
    store = await home.restart()
    assert await held(store) == expected
    await store.append([row(register(store, "c"), 1000, 5.0)], batch(4))
    assert await held(store, named("c")) == {(series("c"), 1000): bits(5.0)}


async def test_samples_of_any_age_come_in_any_order(store: Store) -> None:
    group = register(store, "a")
    times = [5000, 1000, 86_400_000_000, 3000, 2000, 1, 4000]
    for sequence, time in enumerate(times, 1):
        await store.append([row(group, time, float(time))], batch(sequence))
    assert await held(store) == {(series("a"), time): bits(float(time)) for time in times}
    assert (store.stats().oldest_ms, store.stats().newest_ms) == (1, 86_400_000_000)


async def test_the_time_0_is_a_time_like_others(store: Store) -> None:
    await store.append([row(register(store, "a"), 0, 1.0)], batch(1))
    assert await held(store) == {(series("a"), 0): bits(1.0)}


async def test_the_bounds_of_a_selection_belong_to_it(store: Store) -> None:
    group = register(store, "a")
    await store.append([row(group, time, 1.0) for time in (1, 2, 3, 4, 5)], batch(1))
    assert {time for _, time in await held(store, time_ms=(2, 4))} == {2, 3, 4}
    assert await store.select([], 6, 9) == []
    assert await store.select([], 4, 2) == []


async def test_a_series_is_in_one_frame_whatever_groups_it_was_read_in(store: Store) -> None:
    for at, names in enumerate([("a", "b"), ("b", "c"), ("a", "b", "c"), ("c",)], 1):
        await store.append([row(register(store, *names), at, *[float(at)] * len(names))], batch(at))
    assert {(dict(labels)["__name__"], time) for labels, time in await held(store)} == {
        ("a", 1), ("b", 1), ("b", 2), ("c", 2), ("a", 3), ("b", 3), ("c", 3), ("c", 4),
    }  # fmt: skip


async def test_matchers_choose_the_series(store: Store) -> None:
    everyone = [
        series("up", job="node", instance="web-1"),
        series("up", job="node", instance="web-2"),
        series("up", job="snmp"),
        series("down"),
    ]
    group = store.register(everyone, [Kind.GAUGE] * 4)
    await store.append([row(group, 1, 1.0, 1.0, 1.0, 1.0)], batch(1))

    async def chosen(name: str, op: str, value: str) -> set[int]:
        matcher = Matcher(name, MatchOp(op), value)
        found = {everyone.index(labels) for labels in await store.series([matcher])}
        assert {everyone.index(labels) for labels, _ in await held(store, matcher)} == found
        return found

    assert await chosen("__name__", "=", "up") == {0, 1, 2}
    assert await chosen("__name__", "!=", "up") == {3}
    assert await chosen("instance", "=~", "web-.*") == {0, 1}
    assert await chosen("instance", "=~", "web") == set()
    assert await chosen("instance", "!~", "web-1") == {1, 2, 3}
    assert await chosen("instance", "=", "") == {2, 3}
    assert await chosen("instance", "!=", "") == {0, 1}
    assert await chosen("instance", "=~", "|web-2") == {1, 2, 3}
    assert await chosen("job", "=~", ".+") == {0, 1, 2}
    assert await chosen("nothing", "=~", ".*") == {0, 1, 2, 3}
    assert await chosen("nothing", "=", "x") == set()


async def test_all_matchers_must_accept(store: Store) -> None:
    everyone = [series("a", x="1", y="1"), series("a", x="1", y="2"), series("b", x="1", y="1")]
    await store.append([row(store.register(everyone, [Kind.GAUGE] * 3), 1, 1.0, 1.0, 1.0)], batch(1))
    matchers = [named("a"), Matcher("x", MatchOp.EQUAL, "1"), Matcher("y", MatchOp.NOT_EQUAL, "2")]
    assert await store.series(matchers) == [everyone[0]]


async def test_labels_are_told_of_the_series_that_are_accepted(store: Store) -> None:
    everyone = [
        series("up", instance="web-2", job='a "\\\n'),
        series("up", instance="web-1"),
        series("load", host="db"),
        series("never", other="x"),
    ]
    group = store.register(everyone, [Kind.GAUGE] * 4)
    await store.append([row(group, 1000, 1.0, 1.0, 1.0, ABSENT)], batch(1))
    await store.append([row(group, 86_400_000_000, ABSENT, ABSENT, 1.0, ABSENT)], batch(2))
    assert await store.label_names([]) == [NAME, "host", "instance", "job"]
    assert await store.label_names([named("load")]) == [NAME, "host"]
    assert await store.label_values(NAME, []) == ["load", "up"]
    assert await store.label_values("instance", []) == ["web-1", "web-2"]
    assert await store.label_values("instance", [Matcher("job", MatchOp.EQUAL, "")]) == ["web-1"]
    assert await store.label_values("instance", [Matcher("instance", MatchOp.REGEX, "web-[2-9]")]) == ["web-2"]
    assert await store.label_values("job", [named("up")]) == ['a "\\\n']
    assert await store.label_values("instance", [named("load")]) == []
    assert await store.label_values("nothing", []) == []
    with pytest.raises(ValueError, match="bad regular expression"):
        await store.label_values("job", [Matcher("job", MatchOp.REGEX, "(")])


async def test_labels_of_another_series_are_told_though_they_were_asked_for_before(store: Store, home: Home) -> None:
    node = [Matcher("job", MatchOp.EQUAL, "node")]
    for number, told in enumerate((["web-0"], ["web-0", "web-1"], ["web-0", "web-1", "web-2"])):
        group = store.register([series("up", instance=f"web-{number}", job="node")], [Kind.GAUGE])
        await store.append([row(group, 1000, 1.0)], batch(number + 1))
        for matchers in ([], node):
            assert await store.label_values("instance", matchers) == told
            (await store.label_values("instance", matchers)).clear()
            assert await store.label_values("instance", matchers) == told
    await store.append([row(store.register([series("up", rack="7")], [Kind.GAUGE]), 1000, 1.0)], batch(9))
    assert await store.label_names([]) == [NAME, "instance", "job", "rack"]
    assert await store.label_names(node) == [NAME, "instance", "job"]
    store = await home.restart()
    assert await store.label_values("instance", []) == told


async def test_a_bad_regular_expression_is_named(store: Store) -> None:
    with pytest.raises(ValueError, match=r'bad regular expression in job=~"\(": missing \)'):
        await store.select([Matcher("job", MatchOp.REGEX, "(")], 0, 1)
    with pytest.raises(ValueError, match="bad regular expression"):
        await store.series([Matcher("job", MatchOp.NOT_REGEX, "a{9999}")])


async def test_label_values_may_be_any_text(store: Store, home: Home) -> None:
    labels = series("a", path='C:\\ "quoted"\n\x00=,{}', name="Zürich 東京 🌍", empty_like=" ")
    await store.append([row(store.register([labels], [Kind.GAUGE]), 1, 1.0)], batch(1))
    store = await home.restart()
    assert await store.series([Matcher("name", MatchOp.REGEX, "Z.rich.*")]) == [labels]
    assert await store.series([Matcher("path", MatchOp.REGEX, "C:.*")]) == [labels]


async def test_registered_series_without_a_sample_are_not_there(store: Store) -> None:
    register(store, "a")
    assert await store.series([]) == []
    assert await store.select([], *(0, 9)) == []
    assert store.stats().series == 0


async def test_registering_again_gives_the_same_group(store: Store) -> None:
    first, second = register(store, "a", "b"), register(store, "a", "b")
    await store.append([row(first, 1, 1.0, 2.0)], batch(1))
    await store.append([row(second, 2, 3.0, 4.0)], batch(2))
    (frame,) = await store.select([], 0, 9)
    assert frame.times.tolist() == [1, 2]
    assert store.stats().series == 2


async def test_a_group_must_fit_its_kinds_and_its_values(store: Store) -> None:
    with pytest.raises(ValueError, match="no series twice"):
        store.register([series("a"), series("a")], [Kind.GAUGE] * 2)
    with pytest.raises(ValueError, match="one kind for each"):
        store.register([series("a")], [])
    with pytest.raises(ValueError, match="valid Unicode"):
        store.register([series("a", x="\ud800")], [Kind.GAUGE])
    with pytest.raises(ValueError, match="needs 1 values"):
        await store.append([row(register(store, "a"), 1, 1.0, 2.0)], batch(1))
    assert await store.append([row(register(store, "a"), 1, 1.0)], batch(1))


async def test_values_may_be_changed_after_append_was_called(store: Store) -> None:
    group = register(store, "a")
    values = np.array([1.0])
    appending = asyncio.ensure_future(store.append([Row(group, 1, values)], batch(1)))
    await asyncio.sleep(0)
    values[0] = 9.0
    await appending
    assert await held(store) == {(series("a"), 1): bits(1.0)}


async def test_a_caller_who_gives_up_does_not_break_the_others(store: Store) -> None:
    group = register(store, "a")
    impatient = asyncio.ensure_future(store.append([row(group, 1, 1.0)], batch(1)))
    patient = asyncio.ensure_future(store.append([row(group, 1, 1.0)], batch(1)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient is False
    assert await held(store) == {(series("a"), 1): bits(1.0)}


async def test_retention_forgets_old_samples_and_never_young_ones(store: Store, home: Home) -> None:
    day_ms = 86_400_000
    group = register(store, "old")
    await store.append([row(group, 1000, 1.0)], batch(1))
    await store.append([row(register(store, "young"), 10 * day_ms, 1.0)], batch(2))
    await store.forget_before(9 * day_ms)
    for _ in range(2):
        assert await held(store, time_ms=(9 * day_ms, 11 * day_ms)) == {(series("young"), 10 * day_ms): bits(1.0)}
        assert not await store.append([row(register(store, "old"), 1000, 1.0)], batch(1))
        store = await home.restart()


async def test_closing_writes_what_is_pending(store: Store, home: Home) -> None:
    group = register(store, "a")
    appending = [asyncio.ensure_future(store.append([row(group, n, 1.0)], batch(n))) for n in range(1, 20)]
    await asyncio.sleep(0)
    store = await home.restart()
    assert all(await asyncio.gather(*appending))
    assert len(await held(store)) == 19
