"""Batches wait on disk until they are settled: across restarts and within bounds."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netmon_agent.columns import Encoded
from netmon_agent.spool import FRESH_BATCHES, age_ms
from netmon_agent.spool_file import Spooled
from netmon_proto.model import Kind, Reason, Series
from tests.agent.spools import definitions, gather, open_spool, take_all, values
from tests.support.clocks import HandClock


async def test_batches_come_out_in_order_with_rising_sequences(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for number in range(5):
        await spool.append([gather(number)])
    taken = await take_all(spool)
    assert [values(batch) for batch in taken] == [[0.0], [1.0], [2.0], [3.0], [4.0]]
    assert [batch.sequence for batch in taken] == [1, 2, 3, 4, 5]
    assert {batch.epoch for batch in taken} == {spool.epoch}
    await spool.close()


async def test_nothing_gathered_is_no_batch(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await spool.append([Encoded([])])
    assert await spool.take() is None
    assert spool.counts.batches == 0
    await spool.close()


async def test_what_was_not_settled_is_there_after_a_restart_and_numbering_goes_on(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    epoch = spool.epoch
    for number in range(3):
        await spool.append([gather(number)])
    first = await spool.take()
    assert first is not None
    await spool.settle([first])
    await spool.close()

    spool = open_spool(tmp_path)
    assert (spool.epoch, spool.last_sequence, await spool.first_sequence()) == (epoch, 3, 2)
    assert (spool.counts.batches, spool.arrived.is_set()) == (2, True)
    await spool.append([gather(3)])
    assert sorted(batch.sequence for batch in await take_all(spool)) == [2, 3, 4]
    await spool.close()


async def test_the_sequence_goes_on_even_when_everything_was_settled(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await spool.append([gather()])
    await spool.settle(await take_all(spool))
    await spool.close()
    spool = open_spool(tmp_path)
    assert (spool.last_sequence, await spool.first_sequence()) == (1, 2)
    await spool.append([gather()])
    assert [batch.sequence for batch in await take_all(spool)] == [2]
    await spool.close()


async def test_live_batches_come_before_those_that_waited(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for number in range(3):
        await spool.append([gather(number)])
    await spool.close()
    spool = open_spool(tmp_path)
    await spool.append([gather(100)])
    assert [values(batch)[0] for batch in await take_all(spool)] == [100.0, 0.0, 1.0, 2.0]
    await spool.close()


async def test_a_long_outage_keeps_only_the_newest_in_memory_and_loses_none(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    total = 3 * FRESH_BATCHES
    for number in range(total):
        await spool.append([gather(number)])
    order = [int(values(batch)[0]) for batch in await take_all(spool)]
    assert order[:FRESH_BATCHES] == list(range(total - FRESH_BATCHES, total))
    assert sorted(order) == list(range(total))
    await spool.close()


async def test_a_lost_stream_gives_everything_back(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for number in range(4):
        await spool.append([gather(number)])
    taken = await take_all(spool)
    await spool.settle(taken[1:2])
    spool.rewind()
    assert sorted(values(batch)[0] for batch in await take_all(spool)) == [0.0, 2.0, 3.0]
    await spool.close()


async def test_a_settled_batch_is_settled_once(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await spool.append([gather()])
    await spool.append([gather()])
    first = await spool.take()
    assert first is not None
    await spool.settle([first])
    await spool.settle([first])
    assert (spool.counts.batches, spool.counts.acked_total) == (1, 1)
    await spool.close()


async def test_beyond_its_bytes_the_oldest_go_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = open_spool(tmp_path, most_bytes=1 << 20)
    for number in range(200):
        await spool.append([gather(number, size=2000)])
    assert (tmp_path / "spool.sqlite").stat().st_size < 2 << 20
    assert spool.counts.dropped_total > 0
    kept = sorted(int(values(batch)[0]) for batch in await take_all(spool))
    assert kept == list(range(spool.counts.dropped_total, 200))
    assert len(kept) == spool.counts.batches
    assert "spool.dropped_oldest" in caplog.text
    await spool.close()


async def test_beyond_their_age_batches_go(tmp_path: Path) -> None:
    clock = HandClock()
    spool = open_spool(tmp_path, clock, most_age_s=3600)
    await spool.append([gather(1)])
    clock.pass_ms(3_000_000)
    await spool.append([gather(2)])
    clock.pass_ms(1_000_000)
    await spool.append([gather(3)])
    assert [values(batch)[0] for batch in await take_all(spool)] == [2.0, 3.0]
    assert spool.counts.dropped_total == 1
    await spool.close()


async def test_a_clock_that_jumps_ahead_drops_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    spool = open_spool(tmp_path, clock, most_age_s=3600)
    await spool.append([gather(1)])
    clock.wall += 400 * 86_400_000
    await spool.append([gather(2)])
    assert (spool.counts.dropped_total, len(await take_all(spool))) == (0, 2)
    await spool.close()


async def test_the_age_of_a_batch_follows_the_clock_that_never_steps(tmp_path: Path) -> None:
    clock = HandClock()
    spool = open_spool(tmp_path, clock)
    await spool.append([gather()])
    batch = await spool.take()
    assert batch is not None
    clock.boot += 5000
    clock.wall -= 3_600_000
    assert age_ms(batch, clock) == 5000
    clock.boot_id = "boot-2"
    assert age_ms(batch, clock) == 0
    clock.wall = batch.closed_ms + 7000
    assert age_ms(batch, clock) == 7000
    await spool.close()


async def test_definitions_survive_with_the_batches_that_use_them_and_go_with_them(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for number in (1, 2, 3):
        await spool.append([definitions(number)])
    await spool.close()
    spool = open_spool(tmp_path)
    assert (spool.last_series_id, spool.last_layout_id) == (3, 3)
    layout, series = await spool.definitions(2, lambda _: False)
    assert layout is not None
    assert (layout.id, layout.input, list(layout.series)) == (2, "input", [2])
    assert series == [Series(2, "m2", {"a": "ü\n"}, Kind.COUNTER)]
    assert (await spool.definitions(2, lambda number: number == 2))[1] == []
    await spool.settle(await take_all(spool))
    assert await spool.definitions(2, lambda _: False) == (None, [])
    await spool.close()


async def test_a_refused_batch_goes_to_a_quarantine_that_is_bounded(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for number in range(30):
        await spool.append([gather(number, size=1000)])  # 8 kB each; the quarantine keeps 100 kB
        batch = await spool.take()
        assert batch is not None
        await spool.quarantine(batch, Reason.TOO_OLD, "gather 0 is too old")
    assert spool.counts.batches == 0
    assert spool.counts.refused_total == {"too_old": 30}
    assert 10 <= spool.counts.quarantined <= 12
    await spool.close()
    with closing(sqlite3.connect(tmp_path / "spool.sqlite")) as database:
        rows = database.execute("SELECT sequence, reason, message FROM quarantine ORDER BY number").fetchall()
    assert rows[-1] == (30, "too_old", "gather 0 is too old")
    assert len(rows) == spool.counts.quarantined


async def test_a_new_epoch_numbers_from_one_and_old_batches_keep_their_names(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await spool.append([gather(1)])
    before = spool.epoch
    await spool.start_epoch()
    await spool.append([gather(2)])
    names = [(batch.epoch, batch.sequence) for batch in await take_all(spool)]
    assert names == [(before, 1), (spool.epoch, 1)]
    assert spool.epoch != before
    await spool.close()
    again = open_spool(tmp_path)
    assert again.epoch == spool.epoch
    await again.close()


STEPS = st.lists(st.sampled_from(["append", "take", "settle", "give_back", "rewind", "restart"]), max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
async def test_any_order_of_events_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = open_spool(folder)
    waiting: set[int] = set()
    taken: dict[int, Spooled] = {}
    for step in steps:
        match step:
            case "append":
                await spool.append([gather()])
                waiting.add(spool.last_sequence)
            case "take":
                batch = await spool.take()
                assert (batch is None) == (waiting == set(taken))
                if batch:
                    assert batch.sequence in waiting - set(taken)
                    taken[batch.sequence] = batch
            case "settle" if taken:
                sequence, batch = taken.popitem()
                await spool.settle([batch])
                waiting.discard(sequence)
            case "give_back" if taken:
                spool.give_back(taken.popitem()[1])
            case "rewind":
                spool.rewind()
                taken.clear()
            case "restart":
                await spool.close()
                spool = open_spool(folder)
                taken.clear()
        assert spool.counts.batches == len(waiting)
    spool.rewind()
    assert {batch.sequence for batch in await take_all(spool)} == waiting
    await spool.close()
