"""What the detector sees, and what it costs: NAB, WSD, false alarms on clean series, time and bytes.

Prints one JSON object as its last line. One configuration for all; nothing is tuned to a file, and the detector sees
row after row. The score of WSD is the detector's score; that of NAB is its news, because NAB counts each row and asks
for one alert per event. NAB's fixed threshold is the score that alarms by default, which NAB had no part in choosing.

`--changes` adds runs over WSD with every constant changed at random by up to 30 %; each takes most of a minute.
The CPU is the process' own, of one thread.
"""

import argparse
import dataclasses
import json
import statistics
import time
from typing import Any

import numpy as np

from netmon_analytics.anomaly import Constants, Detector, State
from tests.support.budgets import judged
from tests.support.clean_series import FAMILIES, clean
from tests.support.public_data import NAB, WSD, Recording, nab, score_nab, score_wsd, wsd

START_S = 1_700_000_000.0
WEEK_S = 604_800.0
LEARNING_WEEKS = 3


def run(recording: Recording, constants: Constants) -> tuple[Any, Any]:
    """(scores, news), each (rows, series)."""
    detector = Detector(State.empty(len(recording.names)), constants)
    scores = np.full(recording.values.shape, np.nan, np.float32)
    news = np.zeros(recording.values.shape, np.float32)
    for row, (times, values) in enumerate(zip(recording.times, recording.values, strict=True)):
        found = detector.observe(times, values)
        scores[row], news[row] = found.score, found.news
    return scores, news


def judge_nab() -> dict[str, Any]:
    recording = nab()
    detector = Detector(State.empty(0))
    _, news = run(recording, Constants())
    best, fixed = score_nab(recording, news), score_nab(recording, news, float(detector.judge.needed))
    return {
        "best threshold": {profile: round(one["score"], 1) for profile, one in best.items()},
        "threshold fixed beforehand": {profile: round(one["score"], 1) for profile, one in fixed.items()},
        "deviation of such a score over files": 4.3,
    }


def judge_wsd(changes: int) -> dict[str, Any]:
    recording = wsd()
    rng = np.random.default_rng(1)
    told = [score_wsd(recording, run(recording, one)[0]) for one in [Constants(), *changed(changes, rng)]]
    keys = ("f1", "recall_at_1_alarm_per_series_week")
    answer: dict[str, Any] = {key: round(told[0][key], 3) for key in keys}
    if changes:
        answer["median over changes"] = {key: round(statistics.median(one[key] for one in told[1:]), 3) for key in keys}
    return answer


def changed(count: int, rng: np.random.Generator) -> list[Constants]:
    """Constants, each multiplied by a number of its own between 0.7 and 1.3."""

    def moved(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(moved(one) for one in value)
        return value * rng.uniform(0.7, 1.3)

    names = [one.name for one in dataclasses.fields(Constants)]
    return [Constants(**{name: moved(getattr(Constants(), name)) for name in names}) for _ in range(count)]


def false_alarms(weeks_per_alarm: float, weeks: int, series: int) -> dict[str, float]:
    """Alarms per alarm that was asked for, after three weeks of learning; 1 is right."""
    step_s = 300.0
    times = START_S + step_s * np.arange(int(weeks * WEEK_S / step_s))
    rng = np.random.default_rng(2)
    values = np.concatenate([clean(family, times, series, rng) for family in FAMILIES], axis=1)
    detector = Detector(State.empty(values.shape[1]), Constants(weeks_per_alarm=weeks_per_alarm))
    alarms = np.array([detector.observe(now, row).alarm for now, row in zip(times, values, strict=True)])
    judged = alarms[int(LEARNING_WEEKS * WEEK_S / step_s) :]
    hours = judged[: len(judged) // 12 * 12].reshape(-1, 12, len(FAMILIES), series).any(axis=1)
    ratio = hours.sum(axis=0).mean(axis=1) * weeks_per_alarm / (weeks - LEARNING_WEEKS)
    return {"all": round(float(ratio.mean()), 2), **dict(zip(FAMILIES, ratio.round(2).tolist(), strict=True))}


def cost(series: int, steps: int) -> dict[str, float]:
    """Nanoseconds of CPU per series and step over hours of one value a minute, and bytes of state per series."""
    rng = np.random.default_rng(3)
    detector = Detector(State.empty(series))
    values = [rng.normal(100, 5, series) for _ in range(8)]
    taken = []
    for step in range(steps):
        before = time.process_time()
        detector.observe(START_S + 60.0 * step, values[step % 8] + np.sin(step))
        taken.append((time.process_time() - before) / series * 1e9)
    return {
        "series": series,
        "ns_median": round(statistics.median(taken), 1),
        "ns_mean": round(statistics.mean(taken), 1),
        "bytes": round(detector.state.nbytes / series, 1),
    }


def limits(answer: dict[str, Any]) -> dict[str, tuple[float, str, float]]:
    found: dict[str, tuple[float, str, float]] = {}
    if nab := answer.get("nab"):
        found["NAB, standard"] = (nab["best threshold"]["standard"], ">=", 75)
    if wsd := answer.get("wsd"):
        f1, recall = wsd["f1"], wsd["recall_at_1_alarm_per_series_week"]
        found |= {"WSD F1": (f1, ">=", 0.77), "WSD recall": (recall, ">=", 0.79)}
        if median := wsd.get("median over changes"):
            lost = max(f1 - median["f1"], recall - median["recall_at_1_alarm_per_series_week"])
            found["WSD lost by changed constants"] = (round(lost, 3), "<=", 0.03)
    for asked, told in answer.get("false alarms", {}).items():
        off = max(told["all"], 1 / max(told["all"], 1e-9))
        found[f"false alarms off by, of one in {asked}"] = (round(off, 2), "<=", 1.5)
    for one in answer.get("cost", ()):
        found[f"ns at {one['series']}"] = (one["ns_median"], "<=", 1000)
        found[f"bytes at {one['series']}"] = (one["bytes"], "<=", 2500)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=0, help="runs over WSD with changed constants")
    parser.add_argument("--weeks", type=int, default=12, help="of clean series")
    parser.add_argument("--only", choices=("nab", "wsd", "clean", "cost"))
    options = parser.parse_args()
    answer: dict[str, Any] = {"bench": "anomaly"}
    if options.only in (None, "nab") and NAB.exists():
        answer["nab"] = judge_nab()
    if options.only in (None, "wsd") and WSD.exists():
        answer["wsd"] = judge_wsd(options.changes)
    if options.only in (None, "clean"):
        answer["false alarms"] = {f"{n} weeks": false_alarms(n, options.weeks, 30) for n in (1, 4)}
    if options.only in (None, "cost"):
        answer["cost"] = [cost(100_000, 180), cost(1_000_000, 70)]
    answer["budgets"] = judged(limits(answer))
    for name, told in answer.items():
        print(name, told)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
