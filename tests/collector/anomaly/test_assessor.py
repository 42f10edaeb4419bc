"""Samples are judged after they were stored: what alarms is told, what was learned outlives a restart."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.anomaly import assessor as assessing
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.store.base import Group, Matcher, MatchOp, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.judged import Verdict
from netmon_proto.model import Kind, Labels

START_MS = 1_700_006_400_000
STEP_MS = 900_000


def series(name: str, instance: str) -> Labels:
    return (("__name__", name), ("instance", instance))


class Register:
    """Writes down the groups that it is asked for."""

    def register(self, labels: list[Labels], kinds: list[Kind]) -> Group:
        return Group(len(labels), labels)


def gathers(group: Group, count: int, start_ms: int = START_MS) -> list[Row]:
    rng = np.random.default_rng(1)
    shape = (count, len(group.labels))
    return [
        Row(group, start_ms + STEP_MS * step, values) for step, values in enumerate(100 + 5 * rng.normal(size=shape))
    ]


GROUP = Group(None, [series("temperature", "web1"), series("load", "web1"), series("load", "web2")])
LATER_MS = START_MS + 400 * STEP_MS


def assessor_at(folder: Path, max_series: int = 1000) -> Assessor:
    return Assessor(AnomalyOptions(max_series=max_series), folder / "anomaly.npz", lambda: LATER_MS / 1000)


def taught(folder: Path, max_series: int = 1000) -> Assessor:
    assessor = assessor_at(folder, max_series)
    assessor.offer(gathers(GROUP, 400))
    assessor.judge()
    return assessor


def test_what_is_odd_is_told_with_what_was_expected(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    before = len(assessor.anomalies)
    assessor.offer([Row(GROUP, LATER_MS, np.array([100.0, 700.0, 100.0]))])
    assessor.judge()
    assert len(assessor.anomalies) == before + 1
    told = assessor.anomalies[0]
    assert told.labels == series("load", "web1")
    assert told.value == 700
    assert told.explanation.expected == pytest.approx(100, abs=10)


def test_rates_are_told_by_device_and_by_metric(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    assessor.rates.rows(Register(), 0)  # type: ignore[arg-type]
    assessor.offer([Row(GROUP, LATER_MS, np.array([100.0, 700.0, 100.0]))])
    assessor.judge()
    told = {
        labels: value
        for row in assessor.rates.rows(Register(), LATER_MS)  # type: ignore[arg-type]
        for labels, value in zip(row.group.labels, row.values, strict=True)
    }
    assert told[(("__name__", "netmon_anomaly_rate"), ("instance", "web1"))] == 0.5
    assert told[(("__name__", "netmon_anomaly_rate"), ("instance", "web2"))] == 0
    assert told[(("__name__", "netmon_metric_anomaly_rate"), ("metric", "load"))] == 0.5
    assert assessor.rates.rows(Register(), LATER_MS) == []  # type: ignore[arg-type]


def test_what_was_learned_outlives_a_restart(tmp_path: Path) -> None:
    taught(tmp_path).save()
    again = assessor_at(tmp_path)
    assert again.standing().series == 3
    assert again.standing().warm == 3
    again.offer([Row(GROUP, LATER_MS, np.array([100.0, 700.0, 100.0]))])
    again.judge()
    assert [one.labels for one in again.anomalies] == [series("load", "web1")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not an archive"])
def test_a_broken_memory_is_said_and_learned_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "anomaly.npz").write_bytes(content)
    assert assessor_at(tmp_path).standing().series == 0
    assert "anomaly.forgotten" in caplog.text


def test_series_beyond_the_bound_are_counted_and_not_judged(tmp_path: Path) -> None:
    standing = taught(tmp_path, max_series=2).standing()
    assert (standing.series, standing.left_out) == (2, 1)


def test_the_oldest_is_dropped_when_judging_falls_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(assessing, "MOST_WAITING", 30)
    assessor = assessor_at(tmp_path)
    assessor.offer(gathers(GROUP, 40))
    assert assessor.standing().dropped == 90
    assert caplog.text.count("anomaly.behind") == 1
    assessor.judge()
    assert assessor.standing().series == 3


def test_a_series_keeps_what_it_learned_when_others_gather_it(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    moved = Group(None, [series("load", "web1"), series("new", "web3")])
    assessor.offer([Row(moved, LATER_MS, np.array([700.0, 1.0]))])
    assessor.judge()
    assert assessor.anomalies[0].labels == series("load", "web1")
    assert assessor.standing().series == 4


def test_own_rates_and_buckets_are_not_judged(tmp_path: Path) -> None:
    assessor = assessor_at(tmp_path)
    group = Group(None, [series("netmon_anomaly_rate", "web1"), series("latency_bucket", "web1")])
    assessor.offer(gathers(group, 3))
    assessor.judge()
    assert assessor.standing().series == 0


async def test_it_runs_until_cancelled_and_tells_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessing, "TICK_S", 0.005)
    monkeypatch.setattr(assessing, "SAVE_EVERY_TICKS", 2)
    assessor = assessor_at(tmp_path)
    assessor.offer(gathers(GROUP, 20))
    told: asyncio.Queue[list[Row]] = asyncio.Queue()

    async def append(rows: list[Row]) -> None:
        if rows:
            await told.put(rows)

    task = asyncio.create_task(assessor.run(Register(), append))  # type: ignore[arg-type]
    rows = await asyncio.wait_for(told.get(), 10)
    task.cancel()
    assert rows[0].group.labels[0] == (("__name__", "netmon_anomaly_rate"), ("instance", "web1"))
    assert (tmp_path / "anomaly.npz").exists()


async def test_the_store_keeps_the_verdict_beside_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessing, "TICK_S", 0.01)
    assessor = taught(tmp_path)
    store = EmbeddedStore.open(tmp_path / "store", window_s=0.0)
    group = store.register(list(GROUP.labels), [Kind.GAUGE] * 3)
    rows = [Row(group, LATER_MS, np.array([100.0, 700.0, np.nan])), Row(group, LATER_MS + 1000, np.full(3, 100.0))]
    await store.append(rows, None)
    before = assessor.standing().judged
    assessor.offer(rows)

    async def nowhere(_rows: Sequence[Row]) -> None:
        """The rates are not looked at here."""

    task = asyncio.create_task(assessor.run(store, nowhere))
    async with asyncio.timeout(20):
        while assessor.standing().judged < before + 5:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    found = {
        labels: judged.verdicts[:, column].tolist()
        for judged in await store.select_judged(
            [Matcher("__name__", MatchOp.REGEX, "load|temperature")], 0, LATER_MS + 2000
        )
        for column, labels in enumerate(judged.frame.labels)
    }
    await store.close()
    assert found[series("temperature", "web1")] == [Verdict.NORMAL, Verdict.NORMAL]
    assert found[series("load", "web1")][0] == Verdict.ANOMALOUS
    assert found[series("load", "web2")][-1] == Verdict.NORMAL


def odd_again(assessor: Assessor, steps: int) -> bool:
    """Whether the same oddity alarms some gathers later."""
    time_ms = LATER_MS + steps * STEP_MS
    assessor.offer([Row(GROUP, time_ms, np.array([100.0, 700.0, 100.0]))])
    assessor.judge()
    return any(one.labels == series("load", "web1") and one.time_s == time_ms / 1000 for one in assessor.anomalies)


def test_what_was_fine_is_kept_over_a_restart_and_can_be_taken_back(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    assert odd_again(assessor, 0)
    said = assessor.accept(lambda labels: labels == series("load", "web1"), "ann")
    assert [one.labels for one in said] == [series("load", "web1")]
    assessor.save()
    again = assessor_at(tmp_path)
    assert again.feedback == assessor.feedback
    assert not odd_again(again, 2)
    undone = assessor_at(tmp_path)
    assert undone.take_back(said[0].id) == said[0]
    assert undone.take_back(said[0].id) is None
    assert odd_again(undone, 2)


def test_a_clock_that_was_ahead_for_a_while_keeps_nothing_from_being_judged(tmp_path: Path) -> None:
    clock = [LATER_MS / 1000]
    assessor = Assessor(AnomalyOptions(), tmp_path / "anomaly.npz", lambda: clock[0])
    assessor.offer(gathers(GROUP, 400))
    assessor.judge()
    year = 365 * 96
    clock[0] += year * STEP_MS / 1000
    assert odd_again(assessor, year)
    for step in range(1, 5):
        clock[0] = (LATER_MS + step * STEP_MS) / 1000
        usual_again(assessor, step)
    assert [one for one in assessor.anomalies if one.time_s > clock[0]] == []
    assert assessor._detector.state.basics.last_s[:3].tolist() == [clock[0]] * 3


def usual_again(assessor: Assessor, step: int) -> None:
    assessor.offer([Row(GROUP, LATER_MS + step * STEP_MS, np.array([100.0, 101.0, 100.0]))])
    assessor.judge()


def test_what_is_over_is_told_as_it_was_and_may_still_be_called_fine(tmp_path: Path) -> None:
    assessor, other = taught(tmp_path), taught(tmp_path / "other")
    for one in (assessor, other):
        assert odd_again(one, 0)
        then = one.anomalies[0]
        for step in (1, 2, 3):
            usual_again(one, step)
        now = next(told for told in one.anomalies if told.labels == then.labels)
        assert now.explanation.score >= then.explanation.needed
        assert (now.explanation, now.value) == (then.explanation, 700)
    said = assessor.accept(lambda labels: labels == series("load", "web1"), "ann")
    assert [one.labels for one in said] == [series("load", "web1")]
    assert not odd_again(assessor, 8)
    assert odd_again(other, 8)


def test_in_maintenance_what_is_odd_is_told_as_it_is_and_no_gap_is_learned(tmp_path: Path) -> None:
    assessor = Assessor(AnomalyOptions(), tmp_path / "anomaly.npz", lambda: (LATER_MS + 20 * STEP_MS) / 1000)
    assessor.offer(gathers(GROUP, 400))
    assessor.judge()
    stretch = assessor._detector.state.stretch
    gap_s = stretch.longest_gap_s[:3].copy()
    for step in range(20):
        assessor.offer([Row(GROUP, LATER_MS + step * STEP_MS, np.array([100.0, 700.0, 100.0]))])
        assessor.judge({"web1"})
    told = next(one for one in assessor.anomalies if one.labels == series("load", "web1"))
    assert told.explanation.score >= told.explanation.needed
    assert told.explanation.began_s == told.time_s
    usual_again(assessor, 20)
    assert stretch.longest_gap_s[1] <= gap_s[1]


async def test_what_was_fine_is_on_disk_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessing, "TICK_S", 0.01)
    monkeypatch.setattr(assessing, "SAVE_EVERY_TICKS", 1_000_000)
    assessor = taught(tmp_path)
    assert odd_again(assessor, 0)

    async def append(_: Sequence[Row]) -> None:
        pass

    task = asyncio.create_task(assessor.run(Register(), append))  # type: ignore[arg-type]
    said = assessor.accept(lambda labels: labels == series("load", "web1"), "ann")
    async with asyncio.timeout(20):
        while not assessor_at(tmp_path).feedback:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
    task.cancel()
    assert assessor_at(tmp_path).feedback == tuple(said)


def test_taking_something_back_takes_what_was_said_of_it_since(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    odd_again(assessor, 0)
    first, _ = (assessor.accept(lambda labels: labels == series("load", "web1"), "")[0] for _ in range(2))
    assessor.take_back(first.id)
    assert not assessor.feedback


def test_of_a_device_in_maintenance_nothing_is_learned(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    level = assessor._detector.state.slow.level
    before = level[:3].copy()
    assessor.offer([Row(GROUP, LATER_MS + step * STEP_MS, np.array([150.0, 150, 150])) for step in range(4)])
    assessor.judge({"web1"})
    assert (level[:2] == before[:2]).all()
    assert level[2] > before[2]
