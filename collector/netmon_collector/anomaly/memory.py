"""What was learned, in a file between starts: arrays, and the labels that their rows belong to."""

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants, State
from netmon_analytics.anomaly.columns import Array
from netmon_analytics.anomaly.tail import Tail
from netmon_analytics.combination import Fitted, Models
from netmon_analytics.combination.alarm import Standing
from netmon_collector.anomaly.absence import Absence
from netmon_collector.anomaly.combinations import Combinations
from netmon_collector.anomaly.feedback import Feedback
from netmon_collector.anomaly.learned import Learned
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.anomaly")

UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile)


@dataclass(slots=True)
class Memory:
    """labels: of each row of the state. recent: what alarmed lately, see `Recent.told`. saved_s: None before it was."""

    state: State
    labels: list[Labels]
    feedback: Feedback
    absence: Absence
    recent: dict[str, Any] | None = None
    saved_s: float | None = None


def save(path: Path, known: Memory) -> None:
    """Raises OSError; a file that was there is replaced whole or not at all."""
    texts = {
        "labels": _bytes([dict(one) for one in known.labels]),
        "feedback": _bytes(known.feedback.told()),
        "recent": _bytes(known.recent),
    }
    saved = {"saved_s": np.array([known.saved_s], np.float64)}
    _write(path, {**texts, **saved, **known.absence.arrays(), **known.state.arrays()})


def load(path: Path) -> Memory:
    """What was saved; nothing where there is none, or where it cannot be read, which is told."""
    if not path.exists():
        return Memory(State.empty(0), [], Feedback(), Absence.of(0))
    try:
        arrays = _read(path)
        given = json.loads(arrays.pop("labels").tobytes())
        labels = [_labels(one) for one in given]
        said = json.loads(arrays.pop("feedback").tobytes()) if "feedback" in arrays else []
        feedback = Feedback.understood(said, labels)
        state = State.from_arrays(arrays)
        if len(labels) > state.series:
            raise ValueError(f"{len(labels)} series but state of {state.series}")
        recent = json.loads(arrays["recent"].tobytes()) if "recent" in arrays else None
        saved_s = float(arrays["saved_s"][0]) if "saved_s" in arrays else None
    except UNREADABLE as error:
        log.warning("anomaly.forgotten", error=str(error), path=path, consequence="series are learned anew")
        return Memory(State.empty(0), [], Feedback(), Absence.of(0))
    return Memory(state, labels, feedback, Absence.from_arrays(arrays, state.series), recent, saved_s)


def save_combinations(path: Path, combinations: Combinations) -> None:
    """As `save`."""
    told = [
        {
            "instance": one.instance,
            "series": [dict(labels) for labels in one.series],
            "counters": one.counters,
            "step_s": one.step_s,
            "learned_s": one.learned_s,
        }
        for one in combinations.learned
    ]
    models = {f"model/{name}": array for name, array in vars(combinations.models).items()}
    alarms = combinations.alarms
    standing = {f"standing/{name}": array for name, array in alarms.standing.arrays().items()}
    tail = {f"tail/{name}": array for name, array in alarms.tail.arrays().items()}
    _write(path, {"learned": _bytes(told), **models, **standing, **tail})


def load_combinations(path: Path, constants: Constants) -> Combinations:
    """As `load`."""
    if not path.exists():
        return Combinations(constants)
    try:
        arrays = _read(path)
        given = json.loads(arrays["learned"].tobytes())
        models = Models(**_under("model/", arrays))
        made = Combinations(constants, [_learned(one, place, models) for place, one in enumerate(given)])
        made.resume(Standing.from_arrays(_under("standing/", arrays)), Tail.from_arrays(_under("tail/", arrays)))
    except UNREADABLE as error:
        log.warning("anomaly.forgotten", error=str(error), path=path, consequence="devices are learned anew")
        return Combinations(constants)
    return made


def _learned(told: dict[str, Any], place: int, models: Models) -> Learned:
    series = tuple(map(_labels, told["series"]))
    fitted = Fitted(**{name: array[place, : len(series)] for name, array in vars(models).items()})
    counters = tuple(bool(one) for one in told["counters"])
    if len(counters) != len(series):
        raise ValueError(f"{told['instance']}: {len(series)} series but {len(counters)} kinds")
    return Learned(str(told["instance"]), series, counters, float(told["step_s"]), float(told["learned_s"]), fitted)


def _under(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _labels(told: dict[str, Any]) -> Labels:
    return tuple(sorted((str(name), str(value)) for name, value in told.items()))


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _read(path: Path) -> dict[str, Array]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def _bytes(told: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(told).encode(), np.uint8)
