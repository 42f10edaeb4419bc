"""The process in which models are trained: what it may take, and what becomes of it."""

import asyncio
import os
import signal
import time
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import pytest

from netmon_analytics.anomaly import Detector, State
from netmon_analytics.models import EnsembleDetector, EnsembleForecaster
from netmon_collector.models import worker
from netmon_collector.models.built_in import blocks
from netmon_collector.models.workshop import Budget, TrainingFailed, Workshop
from netmon_collector.store.base import Frame

WHOLE = Budget(cpu_share=1.0, niceness=0)
START_S = 1_769_860_800.0
DETECTOR = {"job": "detector", "weeks_per_alarm": 4.0, "tick_s": 0.0, "counted_from_s": START_S}
FORECASTER = {"job": "forecaster", "step_s": 3600.0, "steps": 24, "share": 0.8}


def block(steps: int, series: int = 2, start: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(start)
    times = START_S + 60.0 * np.arange(start, start + steps)
    values = 100 + rng.normal(size=(steps, series))
    kinds = np.zeros(series, np.uint8)
    return {"times0": times, "rows0": np.arange(series), "kinds0": kinds, "ahead0": np.zeros(series), "values0": values}


async def test_a_detector_is_the_same_as_one_that_met_the_values_as_they_came() -> None:
    async with Workshop(WHOLE).at_work(DETECTOR) as work:
        first, second = block(200), block(200, start=200)
        await work.give(first)
        await work.give(second)
        arrays = await work.finish()
        assert work.cpu_s > 0
    own = EnsembleDetector(State.empty(2))
    for one in (first, second):
        own.observe(one["times0"], np.ascontiguousarray(one["values0"].T))
    for name, array in own.detector.state.arrays().items():
        assert np.array_equal(arrays[name], array, equal_nan=True), name
    assert int(arrays["samples"]) == 800
    assert arrays["counts"].sum() == 2 * (400 - 60)  # an hour to become warm


async def test_of_a_time_of_maintenance_nothing_is_learned() -> None:
    away = block(400)
    away["values0"][150:250, 1] += 1000
    times_ms = np.round(away["times0"] * 1000).astype(np.int64)
    names = [(("__name__", "load"), ("instance", one)) for one in ("web1", "web2")]
    spans = {"web2": [(int(times_ms[150]), int(times_ms[250]))]}
    frame = Frame(names, times_ms, away["values0"])
    given = blocks([frame], {one: row for row, one in enumerate(names)}, np.zeros(2, np.int32), spans)
    async with Workshop(Budget(cpu_share=1.0)).at_work(DETECTOR) as work:
        await work.give(given)
        arrays = await work.finish()
    own = Detector(State.empty(2))
    for step, (now_s, row) in enumerate(zip(away["times0"], away["values0"], strict=True)):
        own.observe(now_s, row, teach=np.array([True, not 150 <= step < 250]))
    for name, array in own.state.arrays().items():
        assert np.array_equal(arrays[name], array, equal_nan=True), name


async def test_groups_with_times_of_their_own_are_laid_together() -> None:
    one, other = block(100), block(100, start=100)
    head = DETECTOR | {"tick_s": 60.0}
    both = one | {name.replace("0", "1"): array for name, array in other.items()}
    both |= {"times1": one["times0"] + 7.0, "rows1": np.array([2, 3])}
    async with Workshop(WHOLE).at_work(head) as work:
        await work.give(both)
        arrays = await work.finish()
    assert arrays["basics/last_s"].tolist() == [one["times0"][-1]] * 2 + [one["times0"][-1] + 7] * 2
    assert int(arrays["samples"]) == 400


async def test_a_forecast_comes_with_how_the_last_one_did() -> None:
    hours = np.arange(6 * 168)
    values = np.stack([100 + 20 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(1).normal(size=len(hours))])
    async with Workshop(WHOLE).at_work(FORECASTER) as work:
        await work.give({"values": values})
        arrays = await work.finish()
    told = EnsembleForecaster().forecast(values, 3600.0, 24)
    assert np.allclose(arrays["middle"], told.middle)
    assert arrays["test"][0] == 24
    assert 0.3 < arrays["usual"][0] < 3


async def test_a_process_that_is_killed_ends_its_training_and_nothing_else() -> None:
    workshop = Workshop(WHOLE)

    async def train() -> None:
        async with workshop.at_work(DETECTOR) as work:
            await work.give(block(100))
            os.kill(work.pid, signal.SIGKILL)
            await work.give(block(100, start=100))

    with pytest.raises(TrainingFailed, match="ended by SIGKILL"):
        await train()
    assert workshop.working is None
    async with workshop.at_work(DETECTOR) as work:
        await work.give(block(100))
        assert int((await work.finish())["samples"]) == 200


async def test_a_process_that_needs_more_memory_than_it_may_says_so() -> None:
    workshop = Workshop(replace(WHOLE, memory_bytes=400 << 20))

    async def train() -> None:
        async with workshop.at_work(DETECTOR) as work:
            await work.give(block(1, series=1_000_000))
            await work.finish()

    with pytest.raises(TrainingFailed, match="Memory"):
        await train()


async def test_a_training_that_takes_too_long_is_ended() -> None:
    workshop, pids = Workshop(Budget(cpu_share=0.01, time_limit_s=2)), []

    async def train() -> None:
        async with workshop.at_work(DETECTOR) as work:
            pids.append(work.pid)
            for start in range(0, 100_000, 1000):
                await work.give(block(1000, start=start))

    with pytest.raises(TrainingFailed, match=r"longer than 2 s \(models.time_limit\)"):
        await train()
    assert not psutil.pid_exists(pids[0])


async def test_it_has_the_lowest_priority() -> None:
    async with Workshop(Budget(cpu_share=0.2)).at_work(DETECTOR) as work:
        await work.give(block(10, series=1000))
        assert psutil.Process(work.pid).nice() == 19
        await work.finish()


def test_it_rests_as_often_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    clock = [0.0, 0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "process_time", lambda: clock[1])

    def sleep(seconds: float) -> None:
        rests.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    pace = worker.Pace(0.01)
    clock[:] = [0.2, 0.2]
    pace.rest()
    assert clock[0] == pytest.approx(20.0)
    assert max(rests) == worker.LONGEST_REST_S


async def test_who_stops_ends_the_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netmon_collector.models.workshop.GRACE_S", 0.01)  # so that it has to be killed
    workshop = Workshop(Budget(cpu_share=0.01))

    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def train() -> None:
        async with workshop.at_work(DETECTOR) as work:
            begun.set_result(work.pid)
            await work.give(block(50_000))

    task = asyncio.create_task(train())
    pid = await begun
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(pid)
