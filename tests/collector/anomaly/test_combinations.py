"""Devices are learned from what is stored; values that do not fit each other are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants
from netmon_analytics.combination import fit
from netmon_collector.anomaly import combinations
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.learned import Learned
from netmon_collector.anomaly.learning import HISTORY_S, Learner
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Kind, Labels

START_S = 1_700_006_400
STEP_S = 300
WEEK_ROWS = round(HISTORY_S / STEP_S)


def labels(name: str, instance: str = "web1") -> Labels:
    return (("__name__", name), ("instance", instance))


NAMES = ("requests_total", "load", "traffic", "temperature")


def by_day(rows: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    made: NDArray[np.float64] = 500 + 400 * np.sin(np.arange(rows) * STEP_S / 86_400 * 2 * np.pi)
    return made + 30 * rng.normal(size=rows)


def office(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    rng, rows = np.random.default_rng(1), len(rate)
    rest = [rate / 100 * rng.lognormal(0, 0.05, rows), rate**2 * rng.lognormal(0, 0.05, rows), rng.normal(21, 1, rows)]
    return np.stack([np.cumsum(rate * STEP_S), *rest], axis=1)


class Office:
    """A device, its history in a store and in the detector, at a time that the test says."""

    def __init__(self, folder: Path, store: EmbeddedStore) -> None:
        self.store = store
        self.now_s = float(START_S + WEEK_ROWS * STEP_S)
        self.folder = folder
        self.assessor = self.restarted()
        self.group = store.register([labels(name) for name in NAMES], [Kind.COUNTER] + [Kind.GAUGE] * 3)

    def restarted(self) -> Assessor:
        return Assessor(AnomalyOptions(), self.folder / "anomaly.npz", lambda: self.now_s)

    async def remember_a_week(self, rate: NDArray[np.float64]) -> None:
        self.values = office(rate)
        rows = [self.row(row) for row in range(WEEK_ROWS)]
        await self.store.append(rows, None)
        self.assessor.offer(rows)
        self.assessor.judge()

    async def learn(self) -> bool:
        return await Learner(self.assessor.next_to_learn, self.assessor.take, lambda: self.now_s).learn_one(self.store)

    def row(self, row: int, change: Callable[[NDArray[np.float64]], None] = lambda _: None) -> Row:
        values = self.values[row].copy()
        change(values)
        return Row(self.group, (START_S + row * STEP_S) * 1000, values)

    def goes_on(self, rows: range, change: Callable[[NDArray[np.float64]], None] = lambda _: None) -> list[Anomaly]:
        """What is odd of the device's combination afterwards."""
        for row in rows:
            self.now_s = float(START_S + (row + 1) * STEP_S)
            self.assessor.offer([self.row(row, change)])
            self.assessor.judge()
        return [one for one in self.assessor.anomalies if one.explanation.component == "combination"]


@pytest.fixture
async def device(tmp_path: Path) -> Office:
    made = Office(tmp_path, EmbeddedStore.open(tmp_path / "store", window_s=0.0))
    await made.remember_a_week(by_day(WEEK_ROWS + 400))
    return made


def idle(values: NDArray[np.float64]) -> None:
    values[1] = 1.2


async def test_a_load_that_does_not_go_with_the_requests_is_told_and_what_would(device: Office) -> None:
    assert await device.learn()
    assert not await device.learn()
    assert device.assessor.standing().devices == 1
    daytime = WEEK_ROWS + 320  # a day and two hours later: more requests than usual
    assert not device.goes_on(range(WEEK_ROWS, daytime))
    told = device.goes_on(range(daytime, daytime + 4), idle)
    assert [one.labels for one in told] == [labels("netmon_combination_score")]
    assert told[0].value > told[0].explanation.high
    worst = told[0].parts[0]
    assert worst.labels == labels("load")
    assert worst.value == pytest.approx(1.2)
    assert worst.usual > 5
    rows = device.assessor.combinations.rows(device.store, round(device.now_s * 1000))
    assert rows[0].values[0] >= told[0].explanation.needed
    assert not device.assessor.combinations.rows(device.store, round(device.now_s * 1000))
    await device.store.close()


def combination(one: Labels) -> bool:
    return dict(one)["__name__"] == "netmon_combination_score"


async def test_a_combination_that_was_fine_is_quiet_also_after_a_restart_until_that_is_taken_back(
    device: Office,
) -> None:
    assert await device.learn()
    device.goes_on(range(WEEK_ROWS, WEEK_ROWS + 320))
    assert device.goes_on(range(WEEK_ROWS + 320, WEEK_ROWS + 326), idle)
    (said,) = device.assessor.accept(combination, "ann")
    assert dict(said.labels)["instance"] == "web1"
    began_s = device.now_s
    device.goes_on(range(WEEK_ROWS + 326, WEEK_ROWS + 332), idle)
    device.assessor.save()
    device.assessor, restarted_s = device.restarted(), device.now_s
    assert [one.id for one in device.assessor.feedback] == [said.id]
    told = device.goes_on(range(WEEK_ROWS + 332, WEEK_ROWS + 336), idle)
    assert all(one.time_s <= restarted_s for one in told)
    assert device.assessor.take_back(said.id) == said
    told = device.goes_on(range(WEEK_ROWS + 336, WEEK_ROWS + 340), idle)
    assert told[0].time_s > began_s
    await device.store.close()


async def test_in_maintenance_nothing_is_told_of_a_combination(device: Office) -> None:
    assert await device.learn()
    device.goes_on(range(WEEK_ROWS, WEEK_ROWS + 320))
    for row in range(WEEK_ROWS + 320, WEEK_ROWS + 324):
        device.now_s += STEP_S
        device.assessor.offer([device.row(row, idle)])
        device.assessor.judge({"web1"})
    assert not device.assessor.combinations.odd
    await device.store.close()


async def test_the_series_that_fits_least_is_part_of_the_rates_of_its_device_and_metric(tmp_path: Path) -> None:
    """Requests come and go as they like, so that no load is odd by itself."""
    device = Office(tmp_path, EmbeddedStore.open(tmp_path / "store", window_s=0.0))
    await device.remember_a_week(np.random.default_rng(2).uniform(100, 900, WEEK_ROWS + 400))
    assert await device.learn()
    device.goes_on(range(WEEK_ROWS, WEEK_ROWS + 320))
    told_rates(device)
    device.goes_on(range(WEEK_ROWS + 320, WEEK_ROWS + 324))
    assert set(told_rates(device).values()) == {0}
    told = device.goes_on(range(WEEK_ROWS + 324, WEEK_ROWS + 332), opposite)
    assert [one.explanation.component for one in device.assessor.anomalies] == ["combination"]
    assert told[0].parts[0].labels == labels("load")
    rates = told_rates(device)
    assert 0 < rates["web1"] <= 0.25
    assert rates["load"] == 4 * rates["web1"]
    assert rates["temperature"] == rates["requests_total"] == rates["traffic"] == 0
    await device.store.close()


def opposite(values: NDArray[np.float64]) -> None:
    values[1] = 10 - values[1]


def told_rates(device: Office) -> dict[str, float]:
    """By device and by metric."""
    return {
        dict(one).get("instance", dict(one).get("metric", "")): value
        for row in device.assessor.rates.rows(device.store, round(device.now_s * 1000))
        for one, value in zip(row.group.labels, row.values.tolist(), strict=True)
    }


async def test_what_was_learned_of_a_device_outlives_a_restart(device: Office) -> None:
    assert await device.learn()
    device.goes_on(range(WEEK_ROWS, WEEK_ROWS + 320))
    device.assessor.save()
    device.assessor = device.restarted()
    assert device.assessor.standing().devices == 1
    assert device.goes_on(range(WEEK_ROWS + 320, WEEK_ROWS + 324), idle)
    await device.store.close()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not an archive"])
async def test_a_broken_memory_of_devices_is_said_and_learned_anew(
    device: Office, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (device.folder / "combinations.npz").write_bytes(content)
    assert device.restarted().standing().devices == 0
    assert caplog.text.count("anomaly.forgotten") == 1
    await device.store.close()


def learned(instance: str, learned_s: float) -> Learned:
    rng = np.random.default_rng(1)
    one = rng.normal(size=(300, 1))
    series = tuple(labels(name, instance) for name in ("a", "b"))
    fitted = fit(np.hstack([one, one + 0.1 * rng.normal(size=(300, 1))]))
    return Learned(instance, series, (False, False), 60.0, learned_s, fitted)


def test_a_device_that_is_gone_for_long_makes_place_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combinations, "MOST_DEVICES", 2)
    kept = combinations.Combinations(Constants())
    assert kept.take(learned("old", 0))
    assert kept.take(learned("web1", 6 * 86_400))
    assert not kept.has_place("new", 6 * 86_400)
    assert not kept.take(learned("new", 6 * 86_400))
    assert kept.has_place("new", 8 * 86_400)
    assert kept.take(learned("new", 8 * 86_400))
    assert [one.instance for one in kept.learned] == ["new", "web1"]


async def test_a_device_of_less_than_a_day_waits(tmp_path: Path) -> None:
    device = Office(tmp_path, EmbeddedStore.open(tmp_path / "store", window_s=0.0))
    device.values = office(by_day(WEEK_ROWS))
    device.now_s = START_S + 100 * STEP_S
    device.assessor.offer([device.row(row) for row in range(100)])
    device.assessor.judge()
    assert not await device.learn()
    await device.store.close()
