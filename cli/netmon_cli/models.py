"""What `netmon model` asks and prints."""

import csv
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Column, Paper, escape
from netmon_cli.query import name_of
from netmon_cli.user import user_name

_MODELS: Final = "/api/v1/models"
AT_ONCE: Final = 50_000
"""Samples that are sent in one request."""
WAIT_S: Final = 60.0


class Span(BaseModel):
    start: datetime | None
    end: datetime | None


class Version(BaseModel):
    number: int
    current: bool
    made: datetime
    by: str
    why: str
    made_by: str
    series: int
    samples: int
    span: Span
    size_bytes: int
    cpu_s: float | None
    took_s: float | None
    methods: dict[str, int]
    tested_coverage: float | None


class Versions(BaseModel):
    results: list[Version]


class Calibration(BaseModel):
    asked: float
    measured: float | None
    over: str


class Drift(BaseModel):
    measure: str
    value: float | None
    limit: float


class Model(BaseModel):
    name: str
    kind: str
    expression: str
    url: str
    state: str
    version: Version | None
    calibration: Calibration | None
    drift: Drift | None
    next_training: datetime | None
    failed: str | None
    trouble: str | None
    elsewhere: str | None
    key: str | None = None


class Models(BaseModel):
    results: list[Model]


class Predicted(BaseModel):
    labels: dict[str, str]
    method: str
    low: list[float | None]
    middle: list[float | None]
    high: list[float | None]


class Prediction(BaseModel):
    share: float
    times: list[float]
    series: list[Predicted]


def list_models(client: Client, as_json: bool, on: Paper) -> Exit:
    answer = client.pages(_MODELS)
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    now = datetime.fromtimestamp(client.now_s(), UTC)
    rows: list[list[Cell | str]] = [
        [
            Cell(escape(one.name), "bold"),
            one.kind,
            "-" if one.version is None else str(one.version.number),
            "never" if one.version is None else output.age((now - one.version.made).total_seconds()),
            one.state,
            _trouble(one) or escape(one.expression) or "all series that are gathered",
        ]
        for one in client.understand(answer, Models).results
    ]
    columns = [Column(name) for name in ("NAME", "KIND", "VERSION", "TRAINED", "STATE", "OF")]
    output.write_lines(output.table(columns, rows, on) if rows else ["there is no model"])
    return Exit.FINE


def show_model(client: Client, name: str, as_json: bool) -> Exit:
    answer = client.get(_path(name))
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    output.write_lines(told_lines(client.understand(answer, Model)))
    return Exit.FINE


def add_model(client: Client, name: str, body: dict[str, Any], as_json: bool) -> Exit:
    answer = client.send("PUT", _path(name), body, WAIT_S)
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    made = client.understand(answer, Model)
    lines = told_lines(made)
    if made.key:
        lines.append(f"key for the server (shown this once): {made.key}")
    output.write_lines(lines)
    return Exit.FINE


def remove_model(client: Client, name: str, as_json: bool) -> Exit:
    return _tell(client.send("DELETE", _path(name)), f"{name} is a model no more", as_json)


def train(client: Client, name: str, by: str | None, why: str, as_json: bool) -> Exit:
    answer = client.send("POST", _path(name, "train"), {"by": by or user_name(), "why": why})
    text = f"{name} is being trained, or will be; `netmon model status {name}` tells how that goes"
    return _tell(answer, text, as_json)


def list_versions(client: Client, name: str, as_json: bool, on: Paper) -> Exit:
    answer = client.get(_path(name, "versions"))
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    rows: list[list[Cell | str]] = [
        [
            f"{one.number}{' *' if one.current else ''}",
            f"{one.made:%Y-%m-%d %H:%M}",
            output.count(one.series),
            output.count(one.samples),
            output.size(one.size_bytes),
            escape(one.made_by.partition(",")[0]),
            escape(one.by) or "-",
            escape(one.why),
        ]
        for one in client.understand(answer, Versions).results
    ]
    columns = [Column("VERSION"), Column("MADE"), *(Column(name, right=True) for name in ("SERIES", "SAMPLES", "SIZE"))]
    columns += [Column(name) for name in ("MADE BY", "ASKED BY", "WHY")]
    output.write_lines(output.table(columns, rows, on) if rows else [f"{name} was never trained"])
    return Exit.FINE


def roll_back(client: Client, name: str, version: int, by: str | None, why: str, as_json: bool) -> Exit:
    body = {"version": version, "by": by or user_name(), "why": why}
    answer = client.send("POST", _path(name, "rollback"), body, WAIT_S)
    return _tell(answer, f"version {version} of {name} counts from now on", as_json)


def send_series(client: Client, name: str, file: Path, as_json: bool) -> Exit:
    """Sends a CSV file: the first column has seconds since 1970, each other one a series."""
    titles, times, columns = _read(file)
    step = max(1, AT_ONCE // max(1, len(titles)))
    for start in range(0, len(times), step):
        part = slice(start, start + step)
        series = [
            {"labels": {"series": title}, "times": times[part], "values": values[part]}
            for title, values in zip(titles, columns, strict=True)
        ]
        client.send("POST", _path(name, "series"), {"series": series}, WAIT_S)
    text = f"sent {output.count(len(times), 'time', 'times')} of {output.count(len(titles), 'series', 'series')}"
    return _tell({"times": len(times), "series": len(titles)}, text, as_json)


def predict(client: Client, name: str, horizon_s: float, as_json: bool, on: Paper) -> Exit:
    answer = client.send("POST", _path(name, "predict"), {"horizon": horizon_s}, WAIT_S)
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    told = client.understand(answer, Prediction)
    rows: list[list[Cell | str]] = [
        [
            f"{datetime.fromtimestamp(told.times[-1], UTC):%Y-%m-%d %H:%M}",
            *(_number(path[-1]) for path in (one.middle, one.low, one.high)),
            escape(one.method),
            name_of(one.labels),
        ]
        for one in told.series
    ]
    columns = [Column("AT"), *(Column(name, right=True) for name in ("FORECAST", "LOW", "HIGH"))]
    output.write_lines(output.table([*columns, Column("BY"), Column("SERIES")], rows, on))
    return Exit.FINE


def told_lines(one: Model) -> list[str]:
    """A model in lines of a word and what is to be said of it."""
    of = escape(one.expression) or "all series that are gathered"
    lines = [f"model     {one.name}, a {one.kind} of {of}", f"state     {one.state}"]
    if one.url:
        lines.append(f"server    {escape(one.url)}: {escape(one.elsewhere or '')}")
    if (version := one.version) is not None:
        lines += _version_lines(version)
    if one.calibration is not None:
        lines.append(f"asked     {_calibrated(one.kind, one.calibration)}")
    if one.drift is not None:
        value = "too little was seen" if one.drift.value is None else f"{one.drift.value:.2f}"
        lines.append(f"drift     {one.drift.measure} {value}; beyond {one.drift.limit:g} it is trained again")
    following = "by hand alone" if one.next_training is None else f"{one.next_training:%Y-%m-%d %H:%M} UTC"
    lines.append(f"next      {following}")
    if trouble := _trouble(one):
        lines.append(f"trouble   {trouble}")
    return lines


def _version_lines(version: Version) -> list[str]:
    start, end = version.span.start, version.span.end
    since = "" if start is None else f"from {start:%Y-%m-%d %H:%M} "
    until = "" if end is None else f"to {end:%Y-%m-%d %H:%M} UTC"
    cost = "" if version.cpu_s is None else f", {version.cpu_s:.1f} CPU s in {version.took_s or 0:.0f} s"
    made = f"{version.made:%Y-%m-%d %H:%M} UTC ({escape(version.why)}), by {escape(version.made_by)}"
    amount = f"{output.count(version.series, 'series', 'series')}, {output.count(version.samples, 'sample', 'samples')}"
    lines = [f"version   {version.number}, {made}", f"trained   on {amount} {since}{until}{cost}"]
    if version.methods:
        lines.append("methods   " + ", ".join(f"{escape(name)}: {count}" for name, count in version.methods.items()))
    if version.tested_coverage is not None:
        lines.append(f"tested    {version.tested_coverage:.0%} of what was held back was within the interval")
    return lines


def _calibrated(kind: str, told: Calibration) -> str:
    if kind == "forecaster":
        measured = "too little came" if told.measured is None else f"{told.measured:.0%} were"
        return f"{told.asked:.0%} of what comes within the interval; {measured} (of {told.over})"
    measured = "too little was seen" if told.measured is None else f"{told.measured:.2g} came"
    return f"{told.asked:.2g} alarms a week of one series; {measured} (in {told.over})"


def _trouble(one: Model) -> str:
    told = [f"not trained: {one.failed}" if one.failed else "", one.trouble or ""]
    return escape("; ".join(text for text in told if text))


def _tell(answer: object, text: str, as_json: bool) -> Exit:
    if as_json:
        output.write_json(answer)
    else:
        output.write_lines([text])
    return Exit.FINE


def _number(value: float | None) -> str:
    return "-" if value is None else output.number(value)


def _path(name: str, *rest: str) -> str:
    return "/".join([_MODELS, quote(name, safe=""), *rest])


def _read(file: Path) -> tuple[list[str], list[float], list[list[float | None]]]:
    """Titles, times and values by column. Raises Failure."""
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = [row for row in csv.reader(opened) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(Exit.USAGE, f"{file} cannot be read: {error}") from None
    if len(rows) < 2 or len(rows[0]) < 2:
        raise Failure(Exit.USAGE, f"{file}: needs a line of titles, and lines of a time and values")
    if len(set(rows[0][1:])) < len(rows[0]) - 1:
        raise Failure(Exit.USAGE, f"{file}: two series have the same title")
    times, columns = [], [[] for _ in rows[0][1:]]  # type: tuple[list[float], list[list[float | None]]]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise Failure(Exit.USAGE, f"{file}:{number}: has {len(row)} fields, the titles {len(rows[0])}")
        times.append(_parsed(file, number, row[0]))
        for column, text in zip(columns, row[1:], strict=True):
            column.append(_parsed(file, number, text) if text.strip() else None)
    return rows[0][1:], times, columns


def _parsed(file: Path, number: int, text: str) -> float:
    if not re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text):
        raise Failure(Exit.USAGE, f"{file}:{number}: {text!r} is no number")
    if not math.isfinite(value := float(text)):
        raise Failure(Exit.USAGE, f"{file}:{number}: {text!r} is too large")
    return value
