"""What the forecasts are worth: M4 Hourly, statsforecast beside us, and disks made in six ways.

Prints one JSON object as its last line. Everything was chosen on rolling origins inside the training part; `--test`
adds the test part, for reporting. `--peer N` installs statsforecast into a folder of its own and forecasts N series,
drawn at random, from 48 steps before the end of training, with its MSTL + AutoETS and with ours. CPU is the time of the
process, after a warm-up that is not counted; both have one thread of BLAS, as daemons have: several wait for one
another at full speed, which takes the more time the busier the machine is.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy reads it when it is imported

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast import ensemble, time_until
from tests.support.budgets import judged
from tests.support.disks import FAMILIES, growth
from tests.support.public_data import M4

HORIZON, DAY, WEEK = 48, 24, 168
NAIVE2 = (18.383, 2.395)
HISTORY_DAYS, YEAR_DAYS = 120, 365
Values = NDArray[np.float64]

PEER = """
import json, sys, time
import numpy as np
from statsforecast.models import MSTL, AutoETS
series = json.load(sys.stdin)
def forecast(y):
    return MSTL(season_length=[24, 168], trend_forecaster=AutoETS(model="ZZN")).forecast(y=np.array(y), h=48)["mean"]
forecast(series[0])
before = time.process_time()
means = [forecast(one).tolist() for one in series]
print(json.dumps({"cpu_s": time.process_time() - before, "means": means}))
"""


def m4(part: str) -> list[Values]:
    with (M4 / f"Hourly-{part}.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [np.array([float(one) for one in row[1:] if one]) for row in rows]


def mase(mean: Values, truth: Values, history: Values) -> float:
    return float(np.abs(mean - truth).mean() / np.abs(history[DAY:] - history[:-DAY]).mean())


def judge(histories: list[Values], truths: list[Values]) -> dict[str, float]:
    told: dict[str, list[float]] = {name: [] for name in ("mase", "smape", "cover80", "cover95", "msis")}
    before = time.process_time()
    forecasts = [ensemble(history, HORIZON, DAY, WEEK) for history in histories]
    cpu_s = time.process_time() - before
    for made, truth, history in zip(forecasts, truths, histories, strict=True):
        scale = float(np.abs(history[DAY:] - history[:-DAY]).mean())
        inside = (truth >= made.low) & (truth <= made.high)
        low, high = made.low[1], made.high[1]
        missed = 40 * (np.maximum(low - truth, 0) + np.maximum(truth - high, 0))
        told["mase"].append(mase(made.mean, truth, history))
        told["smape"].append(float((200 * np.abs(truth - made.mean) / (np.abs(truth) + np.abs(made.mean))).mean()))
        told["cover80"].append(float(inside[0].mean()))
        told["cover95"].append(float(inside[1].mean()))
        told["msis"].append(float((high - low + missed).mean() / scale))
    means = {name: float(np.mean(values)) for name, values in told.items()}
    owa = (means["smape"] / NAIVE2[0] + means["mase"] / NAIVE2[1]) / 2
    return {name: round(value, 3) for name, value in {**means, "owa": owa, "cpu_s": cpu_s}.items()}


def beside_peer(count: int) -> dict[str, float]:
    """Mean MASE and CPU of both on the same series, from the same origin inside training."""
    rng = np.random.default_rng(7)
    train = m4("train")
    chosen = [train[at] for at in rng.choice(len(train), count, replace=False)]
    histories, truths = [one[:-HORIZON] for one in chosen], [one[-HORIZON:] for one in chosen]
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "statsforecast"]
        subprocess.run(install, check=True, timeout=900, capture_output=True)
        environment = {**os.environ, "PYTHONPATH": folder, "NUMBA_CACHE_DIR": folder}
        given = json.dumps([one.tolist() for one in histories])
        command = [sys.executable, "-c", PEER]
        done = subprocess.run(
            command, input=given, env=environment, capture_output=True, text=True, timeout=1800, check=True
        )
    peer = json.loads(done.stdout.splitlines()[-1])
    theirs = np.mean([mase(np.array(m), t, h) for m, t, h in zip(peer["means"], truths, histories, strict=True)])
    ours = judge(histories, truths)
    return {
        "series": count,
        "mase": ours["mase"],
        "mase of statsforecast": round(float(theirs), 3),
        "mase ratio": round(ours["mase"] / float(theirs), 3),
        "cpu ratio": round(ours["cpu_s"] / peer["cpu_s"], 3),
    }


def disks(family: str, count: int) -> dict[str, float]:
    """How often the 80 % interval of the day of exhaustion holds it, and how often a change is claimed, or found."""
    rng = np.random.default_rng(11)
    covered = claimed = found = 0
    for _ in range(count):
        levels = 100 + np.cumsum(growth(family, HISTORY_DAYS + YEAR_DAYS, rng))
        room = rng.uniform(10, 60)
        history, future = levels[:HISTORY_DAYS], levels[HISTORY_DAYS:] - levels[HISTORY_DAYS - 1]
        told = time_until(history, history[-1] + room, YEAR_DAYS, rng)
        reached = np.flatnonzero(future >= room)
        day = float(reached[0] + 1) if len(reached) else np.inf
        covered += np.ceil(told.low) <= day <= np.ceil(told.high)
        claimed += told.changed is not None
        faster = history.copy()
        faster[-20:] += 4 * np.arange(1, 21)
        found += time_until(faster, faster[-1] + room, YEAR_DAYS, rng).changed is not None
    shares = {"covered": covered, "change claimed": claimed, "change found": found}
    return {name: round(value / count, 3) for name, value in shares.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", action="store_true", help="the test part of M4, for reporting")
    parser.add_argument(
        "--peer", type=int, default=0, metavar="N", help="series to forecast with statsforecast as well"
    )
    parser.add_argument("--disks", type=int, default=300)
    options = parser.parse_args()
    answer: dict[str, Any] = {"bench": "forecast"}
    if Path(M4).exists():
        train = m4("train")
        for back in (HORIZON, 2 * HORIZON):
            told = judge([one[:-back] for one in train], [one[-back:][:HORIZON] for one in train])
            answer[f"training, {back} steps before its end"] = told
        if options.test:
            answer["test"] = judge(train, m4("test"))
        if options.peer:
            answer["beside MSTL + AutoETS"] = beside_peer(options.peer)
    answer["disks"] = {family: disks(family, options.disks) for family in FAMILIES}
    answer["budgets"] = budgets(answer)
    for name, value in answer.items():
        print(name, value)
    print(json.dumps(answer))


def budgets(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    covered = [told["covered"] for told in answer["disks"].values()]
    limits = {"disks, least covered": (min(covered), ">=", 0.72), "disks, most covered": (max(covered), "<=", 0.88)}
    if test := answer.get("test"):
        limits |= {
            "M4 OWA": (test["owa"], "<=", 0.385),
            "M4 CPU s": (test["cpu_s"], "<=", 15),
            "M4 80 % interval, off by": (round(abs(test["cover80"] - 0.8), 3), "<=", 0.02),
            "M4 95 % interval, off by": (round(abs(test["cover95"] - 0.95), 3), "<=", 0.01),
            "M4 MSIS": (test["msis"], "<=", 6.0),
        }
    if peer := answer.get("beside MSTL + AutoETS"):
        limits |= {"MASE ratio": (peer["mase ratio"], "<=", 0.75), "CPU ratio": (peer["cpu ratio"], "<=", 0.2)}
    return judged(limits)


if __name__ == "__main__":
    main()
