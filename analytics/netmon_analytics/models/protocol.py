"""What netmon asks of models elsewhere, and what they answer: JSON, a number or null for each value.

`POST …/observe`: {"model", "labels": [{…}], "times": [seconds], "values": [[…]]} to {"scores": [[…]], "alarms": [[…]]}.
`POST …/forecast`: {"model", "labels", "step_s", "steps", "share", "values": [[…]]} to {"low", "middle", "high": [[…]]}.
The outer lists are over series, the inner ones over times.
"""

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.models.interfaces import Detection, DetectorModel, Float64, ForecasterModel, Outlook

OBSERVE: Final = "observe"
FORECAST: Final = "forecast"
MOST_VALUES: Final = 1_000_000
MOST_STEPS: Final = 1000


class BadRequest(ValueError):
    """A request, or an answer, that is not what the protocol says; says where."""


def answer(
    path: str, body: bytes, detector: DetectorModel | None = None, forecaster: ForecasterModel | None = None
) -> bytes:
    """What a server of models answers to a request, which it has verified before. Raises BadRequest."""
    asked = _object(body)
    values = numbers(asked, "values")
    match path.partition("?")[0].rpartition("/")[2]:
        case "observe" if detector is not None:
            times = _times(asked, values.shape[1])
            try:
                found = detector.observe(times, values)
            except ValueError as error:
                raise BadRequest(f"values: {error}") from None
            return written(scores=found.scores, alarms=found.alarms)
        case "forecast" if forecaster is not None:
            step_s, share = _number(asked, "step_s", 1, 86_400 * 366), _number(asked, "share", 0.01, 0.999)
            told = forecaster.forecast(values, step_s, round(_number(asked, "steps", 1, MOST_STEPS)), share)
            return written(low=told.low, middle=told.middle, high=told.high)
    raise BadRequest(f"{path}: this server does not answer that")


def observed(body: bytes, shape: tuple[int, int]) -> Detection:
    """The answer to `observe` for (series, times). Raises BadRequest."""
    given = _object(body)
    scores, alarms = numbers(given, "scores", shape), numbers(given, "alarms", shape)
    return Detection(scores, np.nan_to_num(alarms) != 0)


def forecast(body: bytes, shape: tuple[int, int], method: str) -> Outlook:
    """The answer to `forecast` for (series, steps). Raises BadRequest."""
    given = _object(body)
    low, middle, high = (numbers(given, name, shape) for name in ("low", "middle", "high"))
    if not (np.isnan(middle) | ((low <= middle) & (middle <= high))).all():
        raise BadRequest("low, middle and high are not in this order everywhere")
    return Outlook(low, middle, high, [method] * shape[0])


def written(**parts: Any) -> bytes:
    """Arrays, and what else there is, as JSON; what is no finite number is null."""
    return json.dumps(
        {name: _plain(one) if isinstance(one, np.ndarray) else one for name, one in parts.items()}
    ).encode()


def numbers(given: dict[str, Any], name: str, shape: tuple[int, int] | None = None) -> Float64:
    """(S, T) of a field, NaN for null. Raises BadRequest."""
    rows = given.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadRequest(f"{name}: must be a list of lists of numbers")
    if len({len(row) for row in rows}) > 1 or sum(map(len, rows)) > MOST_VALUES:
        raise BadRequest(f"{name}: must be lists of one length, with at most {MOST_VALUES:,} numbers in all")
    if not all(one is None or (isinstance(one, int | float)) for row in rows for one in row):
        raise BadRequest(f"{name}: must be numbers and nulls")
    try:
        found: Float64 = np.array(rows, np.float64).reshape(len(rows), -1 if rows else 0)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name}: has a number that is none") from None
    if shape is not None and found.shape != shape:
        raise BadRequest(f"{name}: must be {shape[0]} lists of {shape[1]} numbers (got {found.shape})")
    found[~np.isfinite(found)] = np.nan
    return found


def _times(given: dict[str, Any], count: int) -> Float64:
    times: Float64 = numbers({"times": [given.get("times")]}, "times")[0]
    if len(times) != count or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise BadRequest(f"times: must be {count} rising numbers of seconds, one for each value of a series")
    return times


def _number(given: dict[str, Any], name: str, least: float, most: float) -> float:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(f"{name}: must be a number from {least:g} to {most:g}")
    return float(value)


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("it is no JSON") from None
    if not isinstance(given, dict):
        raise BadRequest("it is no JSON object")
    return given


def _plain(array: NDArray[Any]) -> Any:
    if array.dtype == np.bool_:
        return array.astype(np.int64).tolist()
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()
