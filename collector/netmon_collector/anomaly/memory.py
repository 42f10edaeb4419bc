"""What was learned, in a file between starts: arrays, and the labels that their rows belong to."""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import State
from netmon_collector.anomaly.feedback import Feedback
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.anomaly")


def save(path: Path, state: State, labels: Sequence[Labels], feedback: Feedback) -> None:
    """Raises OSError; a file that was there is replaced whole or not at all."""
    texts = {"labels": _bytes([dict(one) for one in labels]), "feedback": _bytes(feedback.told())}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **texts, **state.arrays())  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> tuple[State, list[Labels], Feedback]:
    """What was saved; nothing where there is none, or where it cannot be read, which is told."""
    if not path.exists():
        return State.empty(0), [], Feedback()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        given = json.loads(arrays.pop("labels").tobytes())
        labels = [tuple(sorted((str(name), str(value)) for name, value in one.items())) for one in given]
        said = json.loads(arrays.pop("feedback").tobytes()) if "feedback" in arrays else []
        feedback = Feedback.understood(said, labels)
        state = State.from_arrays(arrays)
        if len(labels) > state.series:
            raise ValueError(f"{len(labels)} series but state of {state.series}")
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        log.warning("anomaly.forgotten", error=str(error), path=path, consequence="series are learned anew")
        return State.empty(0), [], Feedback()
    return state, labels, feedback


def _bytes(told: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(told).encode(), np.uint8)
