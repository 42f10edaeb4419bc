"""What the detector sees, and what it costs: NAB, WSD, false alarms on clean series and on new ones, time and bytes.

Prints one JSON object as its last line. One configuration for all; nothing is tuned to a file, and the detector sees
row after row. The score of WSD is the detector's score; that of NAB is its news, because NAB counts each row and asks
for one alert per event. NAB's fixed threshold is the score that alarms by default, which NAB had no part in choosing.

`--only` runs some of the parts. That of changes runs over WSD with every constant changed at random by up to 30 %, in
as many processes as there are processors; each run takes most of a minute. The CPU of the costs is the process' own, of
one thread, with all devices' combinations judged at each step.
"""

import argparse
import dataclasses
import json
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants, Detector, State
from netmon_analytics.combination import MOST_SERIES, Alarms, Models, fit
from tests.bench.combination import clean_alarms
from tests.support.budgets import judged
from tests.support.clean_series import FAMILIES, OF_HOSTS, clean, of_host
from tests.support.devices_in_step import DAY, proportional
from tests.support.public_data import NAB, WSD, Recording, nab, score_nab, score_wsd, wsd, wsd_labels

START_S = 1_700_000_000.0
DAY_S, WEEK_S = 86_400.0, 604_800.0
LEARNING_WEEKS = 3
SERIES_PER_DEVICE = 100
PARTS = ("nab", "wsd", "changes", "clean", "young", "combinations", "cost")
AGES_H = ((1, 3), (3, 12), (12, 24), (24, 48))


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


def judge_wsd(constants: Constants) -> dict[str, float]:
    recording = wsd()
    told = score_wsd(recording, run(recording, constants)[0])
    return {"f1": round(told["f1"], 3), "recall": round(told["recall_at_1_alarm_per_series_week"], 3)}


def judge_changes(count: int) -> dict[str, Any]:
    """What the median of so many random changes of all constants loses of F1 and recall."""
    with ProcessPoolExecutor() as pool:
        own, *others = pool.map(judge_wsd, [Constants(), *changed(count, np.random.default_rng(1))])
    median = {key: statistics.median(one[key] for one in others) for key in own}
    return {"unchanged": own, "changed": others, "lost": {key: round(own[key] - median[key], 3) for key in own}}


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


def young_alarms(series: int, step_s: float) -> dict[str, dict[str, float]]:
    """Hours with alarms per hour that was asked for, by the age of series that nobody saw before."""
    times = START_S + step_s * np.arange(int(2 * DAY_S / step_s))
    rng = np.random.default_rng(5)
    regular = [clean(family, times, series, rng) for family in FAMILIES]
    made = np.concatenate([*regular, *(of_host(family, times, series, rng) for family in OF_HOSTS)], axis=1)
    hours = _hours(times, made, int(3600 / step_s))
    regular_series = series * len(FAMILIES)
    return {"regular": _by_age(hours[:, :regular_series]), "of hosts": _by_age(hours[:, regular_series:])}


def young_wsd() -> dict[str, float]:
    """Two days of each series of WSD, from five beginnings, without the hours of labels and those after them."""
    recording, labels, minutes = wsd(), wsd_labels(), round(2 * DAY_S / 60)
    parts = [
        (column, slice(begin, begin + minutes))
        for column, length in enumerate(recording.lengths)
        for begin in (1000, 6000, 12000, 18000, 25000)
        if begin + minutes <= length
    ]
    times, values, labelled = (
        np.stack([whole[part, column] for column, part in parts], axis=1)
        for whole in (recording.times, recording.values, labels)
    )
    hours = _hours(times, values, 60)
    odd = np.array(labelled.reshape(len(hours), 60, -1).any(axis=1))
    return _by_age(hours, ~odd & ~np.roll(odd, 1, axis=0))


def _hours(times: NDArray[Any], values: NDArray[Any], rows: int) -> NDArray[np.bool_]:
    """(hours, series): those with an alarm."""
    detector = Detector(State.empty(values.shape[1]))
    alarms = np.array([detector.observe(now, row).alarm for now, row in zip(times, values, strict=True)])
    return np.array(alarms.reshape(-1, rows, values.shape[1]).any(axis=1))


def _by_age(hours: NDArray[Any], counted: NDArray[Any] | None = None) -> dict[str, float]:
    counted = np.ones(hours.shape, np.bool_) if counted is None else counted
    asked = 3600 / WEEK_S / Constants().weeks_per_alarm
    return {
        f"{begin} to {end} h": round(float(hours[begin:end][counted[begin:end]].mean()) / asked, 1)
        for begin, end in AGES_H
    }


def cost(series: int, steps: int, young: bool) -> dict[str, Any]:
    """Nanoseconds of CPU per series and step of a minute, and bytes of state per series, of all that is judged.

    young: from the first value on, when most values are new; else after three weeks, in which there is more to know.
    """
    families = len(FAMILIES)
    known = State.empty(series) if young else weeks_old(families * SERIES_PER_DEVICE, series)
    detector, together = Detector(known), Together(series // SERIES_PER_DEVICE)
    times = START_S + (0 if young else LEARNING_WEEKS * WEEK_S) + 60.0 * np.arange(1, steps + 1)
    rng = np.random.default_rng(3)
    some = np.concatenate([clean(family, times, SERIES_PER_DEVICE, rng) for family in FAMILIES], axis=1)
    taken = []
    for now_s, values in zip(times, some, strict=True):
        values = np.resize(values, series)
        before = time.process_time()
        detector.observe(now_s, values)
        together.observe(now_s)
        taken.append((time.process_time() - before) / series * 1e9)
    return {
        "series": series,
        "known for": "hours" if young else f"{LEARNING_WEEKS} weeks",
        "ns_median": round(statistics.median(taken), 1),
        "ns_mean": round(statistics.mean(taken), 1),
        "bytes": round((detector.state.nbytes + together.nbytes) / series, 1),
    }


def weeks_old(different: int, series: int) -> State:
    """The state of so many series, of which so many are different, that have been known for weeks."""
    step_s = 300.0
    times = START_S + step_s * np.arange(int(LEARNING_WEEKS * WEEK_S / step_s))
    rng = np.random.default_rng(3)
    values = np.concatenate([clean(family, times, different // len(FAMILIES), rng) for family in FAMILIES], axis=1)
    detector = Detector(State.empty(different))
    for now_s, row in zip(times, values, strict=True):
        detector.observe(now_s, row)
    return detector.state.take(np.resize(np.arange(different), series))


class Together:
    """The combinations of devices, all judged at each step."""

    def __init__(self, devices: int) -> None:
        rng = np.random.default_rng(4)
        self._values = proportional(2 * DAY, 1, rng)[:, 0, :MOST_SERIES]
        self._models = Models.of([fit(self._values)] * devices)
        self._alarms = Alarms.empty(devices, Constants())
        self._places = rng.integers(0, len(self._values), devices)
        self._step_s = np.full(devices, 60, np.float32)

    def observe(self, now_s: float) -> None:
        distance, _, _ = self._models.judge(self._values[self._places])
        self._alarms.observe(now_s, distance, self._step_s)

    @property
    def nbytes(self) -> int:
        return self._models.nbytes + self._alarms.standing.nbytes + self._alarms.tail.nbytes


def limits(answer: dict[str, Any]) -> dict[str, tuple[float, str, float]]:
    found: dict[str, tuple[float, str, float]] = {}
    if nab := answer.get("nab"):
        found["NAB, standard"] = (nab["best threshold"]["standard"], ">=", 75)
    if wsd := answer.get("wsd"):
        found |= {"WSD F1": (wsd["f1"], ">=", 0.77), "WSD recall": (wsd["recall"], ">=", 0.79)}
    if changes := answer.get("changes"):
        found |= {f"WSD {key} lost by changed constants": (one, "<=", 0.03) for key, one in changes["lost"].items()}
    for what in ("false alarms", "false alarms of combinations"):
        for asked, told in answer.get(what, {}).items():
            off = max(told["all"], 1 / max(told["all"], 1e-9))
            found[f"{what} off by, of one in {asked}"] = (round(off, 2), "<=", 1.5)
    for one in answer.get("cost", ()):
        of = f"of {one['series']} series known for {one['known for']}"
        found |= {f"ns {of}": (one["ns_mean"], "<=", 1000), f"bytes {of}": (one["bytes"], "<=", 2500)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=5, help="runs over WSD with changed constants")
    parser.add_argument("--weeks", type=int, default=12, help="of clean series")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    options = parser.parse_args()
    answer: dict[str, Any] = {"bench": "anomaly"}
    if "nab" in options.only and NAB.exists():
        answer["nab"] = judge_nab()
    if "wsd" in options.only and WSD.exists():
        answer["wsd"] = judge_wsd(Constants())
    if "changes" in options.only and WSD.exists():
        answer["changes"] = judge_changes(options.changes)
    if "clean" in options.only:
        answer["false alarms"] = {f"{n} weeks": false_alarms(n, options.weeks, 30) for n in (1, 4)}
    if "young" in options.only:
        answer["false alarms of new series"] = {f"every {n} s": young_alarms(20, n) for n in (10.0, 60.0)}
        if WSD.exists():
            answer["false alarms of new series"]["WSD"] = young_wsd()
    if "combinations" in options.only:
        answer["false alarms of combinations"] = clean_alarms()
    if "cost" in options.only:
        answer["cost"] = [
            cost(series, steps, young) for series, steps in ((100_000, 120), (1_000_000, 70)) for young in (True, False)
        ]
    answer["budgets"] = judged(limits(answer))
    for name, told in answer.items():
        print(name, told)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
