"""Public data beside the checkout, read where it lies; its scorers are run as the programs that they are."""

import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARED = Path(__file__).parents[2].parent / "shared"
NAB, WSD, M4 = SHARED / "nab", SHARED / "wsd", SHARED / "m4-hourly"


@dataclass(frozen=True)
class Recording:
    """Series side by side, row by row: times (rows, series), values with NaN where a series has none."""

    names: list[str]
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    lengths: list[int]


def beside(names: list[str], parts: list[tuple[NDArray[Any], NDArray[Any]]]) -> Recording:
    lengths = [len(values) for _, values in parts]
    times = np.zeros((max(lengths), len(parts)))
    values = np.full_like(times, np.nan)
    for column, (own_times, own_values) in enumerate(parts):
        times[: len(own_times), column] = own_times
        times[len(own_times) :, column] = own_times[-1]
        values[: len(own_values), column] = own_values
    return Recording(names, times, values, lengths)


def nab() -> Recording:
    names = sorted(json.loads((NAB / "labels.json").read_text()))
    return beside(names, [_nab_file(NAB / "data" / name) for name in names])


def _nab_file(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = _rows(path)
    times = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() for row in rows]
    return np.array(times), np.array([float(row[1]) for row in rows])


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def wsd() -> Recording:
    data = np.load(WSD / "wsd-dev.npz")
    names = sorted({name.split("/")[0] for name in data.files})
    parts: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for name in names:
        values = data[f"{name}/value"].astype(np.float64)
        parts.append((int(data[f"{name}/start"]) + 60.0 * np.arange(len(values)), values))
    return beside(names, parts)


def wsd_labels() -> NDArray[np.bool_]:
    """(rows, series), as `wsd` lays them."""
    data = np.load(WSD / "wsd-dev.npz")
    names = sorted({name.split("/")[0] for name in data.files})
    found = np.zeros((max(len(data[f"{name}/label"]) for name in names), len(names)), np.bool_)
    for column, name in enumerate(names):
        found[: len(data[f"{name}/label"]), column] = data[f"{name}/label"]
    return found


def score_nab(recording: Recording, scores: NDArray[np.float32], threshold: float | None = None) -> dict[str, Any]:
    """What NAB's scorer says of scores (rows, series), at its best threshold or at this one."""
    with tempfile.TemporaryDirectory() as folder:
        for column, name in enumerate(recording.names):
            target = Path(folder) / name
            target.parent.mkdir(exist_ok=True)
            told = np.nan_to_num(scores[: recording.lengths[column], column])
            stamps = [row[0] for row in _rows(NAB / "data" / name)]
            lines = [f"{stamp},{score:.5f}" for stamp, score in zip(stamps, told, strict=True)]
            target.write_text("timestamp,anomaly_score\n" + "\n".join(lines) + "\n")
        fixed = [] if threshold is None else ["--threshold", str(threshold)]
        answer: dict[str, Any] = _ask([NAB / "score.py", folder, "--json", *fixed])
        return answer


def score_wsd(recording: Recording, scores: NDArray[np.float32]) -> dict[str, Any]:
    """What WSD's scorer says of scores (rows, series)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.npz"
        own = {name: scores[: recording.lengths[i], i] for i, name in enumerate(recording.names)}
        np.savez(path, **own)  # type: ignore[arg-type]
        answer: dict[str, Any] = _ask([WSD / "score.py", path, "--json"])
        return answer


def _ask(command: list[Any]) -> Any:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)
