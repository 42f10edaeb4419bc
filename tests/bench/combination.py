"""What looking at a device's series together finds, how often it is wrong, and what it costs.

Simulated devices of 8 series, a value a minute, of four kinds; and devices put together of series of WSD that go
together. Odd is where one or two series have, for half an hour, values of another day at that hour: each is usual. The
models learn from a week. Odd stretches come in the last week, one in 31 hours. Prints
one JSON object as its last line.

`--forest` installs scikit-learn into a folder of its own and has its isolation forest's scores, of the same values on
the same scale, judged in the same way.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants
from netmon_analytics.combination import MOST_SERIES, Alarms, Models, fit
from netmon_analytics.combination.scale import between, knots_of
from tests.support.budgets import judged
from tests.support.devices_in_step import DAY, FAMILIES, ODD_FOR, spoiled
from tests.support.public_data import WSD, wsd

START_S = 1_700_006_400.0
WEEK = 7 * DAY
EVERY = 31 * 60
AS_WIDE = 8
"""The power of a forest's score whose logarithm is spread about as wide as that of our distance."""
Values = NDArray[np.float64]
Distances = Callable[[Values, Values], NDArray[np.float32]]
"""(a week, all minutes; both (minutes, devices, series)) -> (minutes, devices)."""


def ours(learned: Values, values: Values) -> NDArray[np.float32]:
    models = Models.of([fit(learned[:, device]) for device in range(values.shape[1])])
    return np.array([models.judge(row)[0] for row in values])


def forest(learned: Values, values: Values) -> NDArray[np.float32]:
    from sklearn.ensemble import IsolationForest  # type: ignore[import-not-found, import-untyped, unused-ignore]

    made = np.empty(values.shape[:2], np.float32)
    for device in range(values.shape[1]):
        knots = knots_of(learned[:, device])
        scaled = [between(part[:, device].astype(np.float32), *knots) for part in (learned, values)]
        trees = IsolationForest(n_estimators=100, random_state=0).fit(scaled[0])
        made[:, device] = (-trees.score_samples(scaled[1])) ** AS_WIDE
    return made


def alarms(distances: NDArray[np.float32], weeks_per_alarm: float) -> NDArray[np.bool_]:
    watch = Alarms.empty(distances.shape[1], Constants(weeks_per_alarm=weeks_per_alarm))
    step_s = np.full(distances.shape[1], 60, np.float32)
    return np.array([watch.observe(START_S + 60.0 * minute, row, step_s) for minute, row in enumerate(distances)])


def found(values: Values, rng: np.random.Generator, distances: Distances) -> float:
    """The part of odd combinations that alarm while they last, at one false alarm in four weeks."""
    made, begins = spoiled(values, len(values) - WEEK, EVERY, rng)
    said = alarms(distances(values[:WEEK], made), 4.0)
    heard = np.array([said[begin : begin + ODD_FOR].any(axis=0) for begin in begins])
    return float(np.mean(heard, dtype=np.float64))


def false_alarms(distances: NDArray[np.float32], weeks_per_alarm: float) -> float:
    """Hours with an alarm per hour that was asked for, after the first three weeks."""
    said = alarms(distances, weeks_per_alarm)[3 * WEEK :]
    hours = said[: len(said) // 60 * 60].reshape(-1, 60, said.shape[1]).any(axis=1)
    asked: float = said.shape[1] * len(said) / WEEK / weeks_per_alarm
    return round(int(np.count_nonzero(hours)) / asked, 2)


def clean_alarms(devices: int = 12, weeks: int = 8) -> dict[str, dict[str, float]]:
    """False alarms of those that were asked for, of each family and of all; 1 is right."""
    rng = np.random.default_rng(5)
    clean = {name: family(weeks * WEEK, devices, rng) for name, family in FAMILIES.items()}
    distances = {name: ours(values[:WEEK], values) for name, values in clean.items()}
    answer: dict[str, dict[str, float]] = {}
    for asked in (1.0, 4.0):
        told = {name: false_alarms(own, asked) for name, own in distances.items()}
        answer[f"{asked:.0f} weeks"] = {"all": round(float(np.mean(list(told.values()))), 2), **told}
    return answer


def of_wsd() -> Values:
    """(minutes, devices, 8): series of 23 days side by side by the time of day, each with those that go with it."""
    recording = wsd()
    minutes = 23 * DAY
    columns = []
    for column, length in enumerate(recording.lengths):
        skipped = int(-recording.times[0, column] // 60 % DAY)
        if skipped + minutes <= length:
            columns.append(recording.values[skipped : skipped + minutes, column])
    values = np.stack(columns, axis=1)
    values = np.where(np.isfinite(values), values, np.nanmedian(values, axis=0))
    ties = np.abs(np.corrcoef(values[:WEEK].argsort(axis=0).argsort(axis=0).T))
    left, devices = list(range(len(columns))), []
    while len(left) >= MOST_SERIES:
        chosen = sorted(left, key=lambda one: -ties[left[0], one])[:MOST_SERIES]
        devices.append(values[:, chosen])
        left = [one for one in left if one not in chosen]
    return np.stack(devices, axis=1)


def cost(devices: int) -> dict[str, float]:
    """CPU of one judgement and of one fit, and bytes of a model."""
    rng = np.random.default_rng(4)
    values = FAMILIES["proportional"](WEEK, 1, rng)[:, 0]
    before = time.process_time()
    fitted = fit(values)
    fit_ms = (time.process_time() - before) * 1000
    models = Models.of([fitted] * devices)
    now = values[rng.integers(0, WEEK, devices)]
    before = time.process_time()
    for _ in range(5):
        models.judge(now)
    return {
        "devices": devices,
        "us a device and step": round((time.process_time() - before) / 5 / devices * 1e6, 2),
        "bytes a device": round(models.nbytes / devices),
        "ms to learn a week": round(fit_ms, 1),
    }


def with_forest() -> None:
    folder = tempfile.mkdtemp(prefix="netmon-bench-")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "scikit-learn"]
    subprocess.run(install, check=True, timeout=900, capture_output=True)
    sys.path.append(folder)


def limits(answer: dict[str, Any]) -> dict[str, tuple[float, str, float]]:
    held: dict[str, tuple[float, str, float]] = {}
    for asked, told in answer["false alarms"].items():
        off = max(told["all"], 1 / max(told["all"], 1e-9))
        held[f"false alarms off by, of one in {asked}"] = (round(off, 2), "<=", 1.5)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forest", action="store_true", help="scikit-learn's isolation forest beside")
    parser.add_argument("--devices", type=int, default=12, help="of each kind")
    parser.add_argument("--weeks", type=int, default=8, help="of clean devices")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    ways: dict[str, Distances] = {"ours": ours}
    if options.forest:
        with_forest()
        ways["isolation forest"] = forest
    made = {name: family(4 * WEEK, options.devices, rng) for name, family in FAMILIES.items()}
    if WSD.exists():
        made["series of WSD"] = of_wsd()
    answer: dict[str, Any] = {"bench": "combination", "found": {}}
    for name, values in made.items():
        answer["found"][name] = {
            way: round(found(values, np.random.default_rng(2), judge), 3) for way, judge in ways.items()
        }
        print(name, answer["found"][name], flush=True)
    answer["false alarms"] = clean_alarms(options.devices, options.weeks)
    answer["cost"] = cost(10_000)
    answer["budgets"] = judged(limits(answer))
    for name, told in answer.items():
        print(name, told)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
