"""`netmon query`: what an expression in PromQL comes to, now or over a time."""

import csv
import io
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from netmon_cli import output
from netmon_cli.answers import Evaluated, Points, ResultSeries
from netmon_cli.choices import Form
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Colour, Column, Paper, escape
from netmon_cli.plot import COLOURS, Line, plot
from netmon_proto.names import label_text, series_text

SPARK_COLUMNS = 16
STEPS = 150
"""About how many values a plot asks for: a few for each of its columns."""

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_PLAIN_SELECTOR = re.compile(r"\s*([a-zA-Z_:][\w:]*\s*(\{[^{}]*\})?|\{[^{}]*\})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """A time to look at, in Unix seconds; the step is chosen where none is given."""

    start_s: float
    end_s: float
    step_s: float | None = None

    @property
    def steps_s(self) -> float:
        wanted_s = (self.end_s - self.start_s) / STEPS
        return self.step_s or next((step for step in _STEPS_S if step >= wanted_s), max(wanted_s, 1.0))


def window(client: Client, since_s: float | None, start_s: float | None, end_s: float | None) -> tuple[float, float]:
    """Start and end in Unix seconds; what is not given is told by the collector's clock. Raises Failure."""
    if end_s is None:
        end_s = client.now_s()
    if start_s is None:
        start_s = end_s - (since_s or 3600.0)
    if start_s >= end_s:
        raise Failure(Exit.USAGE, "the start must be before the end")
    return start_s, end_s


def show(client: Client, expression: str, over: Window | None, form: Form, on: Paper) -> Exit:
    """Evaluates an expression and writes what it comes to."""
    answer = client.evaluate(expression, (over.start_s, over.end_s, over.steps_s) if over else None)
    if form is Form.JSON:
        output.write_json(answer)
        return Exit.FINE
    found = client.understand(answer, Evaluated)
    for note in [*found.warnings, *found.infos]:
        print(f"netmon: {escape(note)}", file=sys.stderr)  # noqa: T201 - beside the command's output
    if form is Form.CSV:
        output.write_lines(_csv(found))
    else:
        output.write_lines(_lines(client, expression, found, over, on))
    return Exit.FINE


def name_of(labels: dict[str, str]) -> str:
    """A series as it is written in a selector, safe to show: up{instance="web1"}"""
    pairs = [
        f"{label_text(escape(name))}={json.dumps(escape(value), ensure_ascii=False)}"
        for name, value in sorted(labels.items())
        if name != "__name__"
    ]
    name = escape(labels.get("__name__", ""))
    return series_text(name, pairs) if name else f"{{{','.join(pairs)}}}"


def _lines(client: Client, expression: str, found: Evaluated, over: Window | None, on: Paper) -> list[str]:
    data = found.data
    if isinstance(data.result, tuple):
        return [escape(data.result[1])]
    if not data.result:
        return ["nothing" if over else "nothing now; --since looks further back"]
    if data.resultType == "vector":
        return _instant(data.result, _ages(client, expression, data.result), on)
    return _range(data.result, over, on)


def _ages(client: Client, expression: str, found: Sequence[ResultSeries]) -> dict[str, float]:
    """How old the samples are that a plain selector finds, by series without name; not told of several metrics."""
    if not _PLAIN_SELECTOR.fullmatch(expression) or len({one.metric.get("__name__") for one in found}) > 1:
        return {}
    answer = client.understand(client.evaluate(f"timestamp({expression})", None), Evaluated)
    times = answer.data.result if isinstance(answer.data.result, list) else []
    return {_key(one): one.points[-1][0] - float(one.points[-1][1]) for one in times if one.points}


def _key(series: ResultSeries) -> str:
    return name_of({name: value for name, value in series.metric.items() if name != "__name__"})


def _instant(series: Sequence[ResultSeries], ages_s: dict[str, float], on: Paper) -> list[str]:
    columns = [Column("VALUE", right=True), Column("SERIES")]
    rows: list[list[Cell | str]] = [
        [Cell(_reading(one, one.points[-1][1]), "bold"), name_of(one.metric)] for one in series
    ]
    if ages_s:
        columns.insert(1, Column("AGE", right=True))
        for row, one in zip(rows, series, strict=True):
            age_s = ages_s.get(_key(one))
            row.insert(1, "" if age_s is None else output.duration(max(age_s, 0.0)))
    return output.table(columns, rows, on)


def _range(series: Sequence[ResultSeries], over: Window | None, on: Paper) -> list[str]:
    """A plot where there are dots and colours for it, and a line for each series."""
    colours = _colours(series) if on.colours and on.blocks else {}
    columns = [Column(title, right=True) for title in ("LAST", "LOWEST", "HIGHEST")] + [Column("SERIES")]
    rows = [_summary(one) for one in series]
    if on.blocks:
        columns.insert(3, Column("TREND"))
        for place, (row, one) in enumerate(zip(rows, series, strict=True)):
            spark = output.sparkline([value for _, value in _finite(one.points)], SPARK_COLUMNS)
            row.insert(3, Cell(spark, colours.get(place, "dim")))
    table = output.table(columns, rows, on)
    return [*_plot(series, colours, over, on), "", *table] if colours else table


def _colours(series: Sequence[ResultSeries]) -> dict[int, Colour]:
    """The series that are drawn, by their place: as many as there are colours, those that go farthest from zero."""
    peaks = {
        place: max((abs(value) for _, value in _finite(one.points)), default=-1) for place, one in enumerate(series)
    }
    farthest = sorted((place for place, peak in peaks.items() if peak >= 0), key=lambda place: -peaks[place])
    return dict(zip(sorted(farthest[: len(COLOURS)]), COLOURS, strict=False))


def _plot(series: Sequence[ResultSeries], colours: dict[int, Colour], over: Window | None, on: Paper) -> list[str]:
    lines = [Line(_finite(series[place].points), colour) for place, colour in colours.items()]
    times = [time_s for line in lines for time_s, _ in line.points]
    start_s, end_s = (over.start_s, over.end_s) if over else (min(times), max(times))
    gap_s = over.steps_s * 1.5 if over else float("inf")
    in_bytes = all(output.in_bytes(series[place].metric.get("__name__", "")) for place in colours)
    return plot(lines, start_s, end_s, gap_s, on, in_bytes=in_bytes)


def _summary(series: ResultSeries) -> list[Cell | str]:
    finite = [value for _, value in _finite(series.points)]
    ends = [_reading(series, str(value)) for value in (min(finite), max(finite))] if finite else ["-", "-"]
    return [
        Cell(_reading(series, series.points[-1][1]) if series.points else "-", "bold"),
        *ends,
        name_of(series.metric),
    ]


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(time_s, float(text)) for time_s, text in points if isfinite(float(text))]


def _reading(series: ResultSeries, text: str) -> str:
    return output.reading(series.metric.get("__name__", ""), float(text))


def _csv(found: Evaluated) -> list[str]:
    """A row for each value: its time, the labels, the value."""
    result = found.data.result
    series = [ResultSeries(value=result)] if isinstance(result, tuple) else result
    names = sorted({name for one in series for name in one.metric})
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["time", *map(escape, names), "value"])
    for one in series:
        labels = [escape(one.metric.get(name, "")) for name in names]
        for time_s, value in one.points:
            moment = datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
            writer.writerow([moment.replace("+00:00", "Z"), *labels, escape(value)])
    return written.getvalue().splitlines()
