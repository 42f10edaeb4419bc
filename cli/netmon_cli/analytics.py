"""What `netmon anomalies`, `forecast` and `model status` ask and print."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel

from netmon_cli import output, trends
from netmon_cli.answers import Evaluated
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Column, Paper, escape
from netmon_cli.plot import Line, plot
from netmon_cli.query import name_of

PARTS: Final = 12
"""How many times between now and the horizon are forecast."""
MOST_FORECAST: Final = 1000
HOUR_S: Final = 3600.0
MOST_NAMED: Final = 8
ENDS: Final = ("", "_low", "_high")
Number = float | str | None


class Earlier(BaseModel):
    time: datetime


class Part(BaseModel):
    labels: dict[str, str]
    value: Number
    usual: Number


class Anomaly(BaseModel):
    group: int = 0
    labels: dict[str, str]
    time: datetime
    value: Number
    component: str
    score: float = 0.0
    expected: Number
    low: Number
    high: Number
    before: datetime | None = None
    like: Earlier | None = None
    parts: list[Part] = []
    words: str = ""


class Anomalies(BaseModel):
    results: list[Anomaly]


class Model(BaseModel):
    enabled: bool
    series: int
    warm: int
    left_out: int
    judged: int
    dropped: int
    alarms: int
    state_bytes: int
    devices: int
    saved: datetime | None


def show_anomalies(client: Client, devices: Sequence[str], as_json: bool, on: Paper) -> Exit:
    answer = client.pages("/api/v1/anomalies", [("instance", one) for one in devices])
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    now = datetime.fromtimestamp(client.now_s(), UTC)
    odd = sorted(client.understand(answer, Anomalies).results, key=_surprise, reverse=True)
    rows: list[list[Cell | str]] = [
        [
            f"#{one.group}" if one.group else "-",
            output.age((now - one.time).total_seconds()),
            Cell(_number(one.value), "bold"),
            f"{_number(one.low)} to {_number(one.high)}",
            escape(one.component),
            _last_so(one, now),
            name_of(one.labels),
        ]
        for one in odd
    ]
    columns = [Column("GROUP"), Column("WHEN"), Column("VALUE", right=True)]
    columns += [Column(name) for name in ("EXPECTED", "WHAT", "LAST SO", "SERIES")]
    lines = output.table(columns, rows, on) if rows else ["nothing odd within the last hour"]
    output.write_lines([*lines, *_together(odd), *_unfitting(odd), *_in_words(odd)])
    return Exit.FINE


def _surprise(one: Anomaly) -> float:
    """The score is how improbable it is by what was learned; a series that was odd some hours before is so again with
    a probability of about one in so many hours, whatever its score."""
    if one.before is None:
        return one.score
    return min(one.score, math.log1p((one.time - one.before).total_seconds() / HOUR_S))


def _last_so(one: Anomaly, now: datetime) -> str:
    """When its value last was as far out, else when it last alarmed."""
    last = one.like.time if one.like else one.before
    return "never" if last is None else output.age((now - last).total_seconds())


def _unfitting(odd: Sequence[Anomaly]) -> list[str]:
    """A line for each device whose series do not fit each other."""
    lines = []
    for one in odd:
        parts = [
            f"{_without_instance(part.labels)} is {_number(part.value)}, to the others goes {_number(part.usual)}"
            for part in one.parts
        ]
        if parts:
            lines.append(f"{escape(one.labels.get('instance', ''))}: {', '.join(parts)}")
    return lines


def _in_words(odd: Sequence[Anomaly]) -> list[str]:
    return [f"{escape(one.labels.get('instance', ''))}: {escape(one.words)}" for one in odd if one.words]


def _without_instance(labels: dict[str, str]) -> str:
    return name_of({name: value for name, value in labels.items() if name not in ("instance", "job")})


def _together(odd: Sequence[Anomaly]) -> list[str]:
    """A line for each group: how much of which devices was odd at once."""
    groups: dict[int, list[Anomaly]] = {}
    for one in odd:
        if one.group:
            groups.setdefault(one.group, []).append(one)
    lines = []
    for number, ones in sorted(groups.items()):
        devices = sorted({one.labels.get("instance", "") for one in ones} - {""})
        more = f" and {len(devices) - MOST_NAMED} more" if len(devices) > MOST_NAMED else ""
        where = ", ".join(map(escape, devices[:MOST_NAMED])) + more
        lines.append(f"#{number}: {output.count(len(ones), 'series', 'series')} at once on {where}")
    return lines


def show_model(client: Client, as_json: bool) -> Exit:
    answer = client.get("/api/v1/model")
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    told = client.understand(answer, Model)
    if not told.enabled:
        output.write_lines(["series are not judged: 'anomaly: enabled' is false in collector.yaml"])
        return Exit.FINE
    beyond = f", {output.count(told.left_out)} beyond anomaly.max_series left out" if told.left_out else ""
    behind = f", {output.count(told.dropped)} not judged because that fell behind" if told.dropped else ""
    output.write_lines(
        [
            f"series   {output.count(told.series)}, {output.count(told.warm)} seen for an hour or more{beyond}",
            f"devices  {output.count(told.devices)} whose series are looked at together as well",
            f"samples  {output.count(told.judged)} judged since the start, {output.count(told.alarms)} odd" + behind,
            f"memory   {output.size(told.state_bytes)}, "
            + ("not saved yet" if told.saved is None else f"saved {told.saved:%Y-%m-%d %H:%M:%S} UTC"),
        ]
    )
    return Exit.FINE


def show_forecast(client: Client, expression: str, back_s: float, ahead_s: float, as_json: bool, on: Paper) -> Exit:
    """Evaluates the forecast at some times up to the horizon; one series is drawn, all are listed."""
    now = client.understand(client.evaluate(expression, None), Evaluated).data
    if now.resultType != "vector":
        raise Failure(Exit.USAGE, f"{escape(expression)} is a {now.resultType}: what comes to series is forecast")
    found = len(now.result)
    if not 0 < found <= MOST_FORECAST:
        what = f"{output.count(found)} series: {MOST_FORECAST:,} are forecast at most" if found else "nothing now"
        raise Failure(Exit.WRONG, f"{escape(expression)} comes to {what}")
    times_s = [ahead_s * part / PARTS for part in range(1, PARTS + 1)]
    window = f"({expression}\n)[{_seconds(back_s)}:{_seconds(min(HOUR_S, max(60.0, back_s / 1000)))}]"
    told: dict[str, list[tuple[float, float, float, float]]] = {}
    for time_s in times_s if found == 1 else times_s[-1:]:
        ends = [_values(client, f"forecast{end}({window}, {time_s:.0f})") for end in ENDS]
        for name in ends[0]:
            middle, low, high = (one.get(name, math.nan) for one in ends)
            told.setdefault(name, []).append((time_s, middle, low, high))
    if not told:
        raise Failure(Exit.WRONG, "there is too little history for a forecast: nine hours are the least")
    if as_json:
        keys = ("ahead_s", "forecast", "low", "high")
        output.write_json({name: [dict(zip(keys, one, strict=True)) for one in rows] for name, rows in told.items()})
        return Exit.FINE
    drawn = _drawn(client, expression, back_s, next(iter(told.values())), on) if len(told) == 1 and on.blocks else []
    columns = [Column("AHEAD"), *(Column(title, right=True) for title in ("FORECAST", "LOW", "HIGH")), Column("SERIES")]
    rows: list[list[Cell | str]] = [
        [output.duration(time_s), Cell(output.number(middle), "bold"), output.number(low), output.number(high), name]
        for name, points in told.items()
        for time_s, middle, low, high in points
    ]
    output.write_lines([*drawn, *output.table(columns, rows, on), "", *trends.past(client, expression, back_s)])
    return Exit.FINE


def _drawn(
    client: Client, expression: str, back_s: float, points: Sequence[tuple[float, float, float, float]], on: Paper
) -> list[str]:
    """As much of the past as of what comes, then the forecast between its ends."""
    now_s, ahead_s = client.now_s(), points[-1][0]
    start_s = now_s - min(back_s, 2 * ahead_s)
    step_s = max(60.0, (now_s - start_s) / 150)
    past = client.understand(client.evaluate(expression, (start_s, now_s, step_s)), Evaluated).data.result
    known = [(time_s, float(text)) for time_s, text in past[0].points] if isinstance(past, list) and past else []
    lines = [Line([one for one in known if math.isfinite(one[1])], "green")]
    for column, colour in ((1, "yellow"), (2, "cyan"), (3, "cyan")):
        lines.append(Line([(now_s + one[0], one[column]) for one in points], colour))  # type: ignore[arg-type]
    return [*plot(lines, start_s, now_s + ahead_s, ahead_s, on), ""]


def _series(client: Client, expression: str) -> dict[str, tuple[dict[str, str], float]]:
    result = client.understand(client.evaluate(expression, None), Evaluated).data.result
    if isinstance(result, tuple):
        return {"": ({}, float(result[1]))}
    return {name_of(one.metric): (one.metric, float(one.points[-1][1])) for one in result}


def _values(client: Client, expression: str) -> dict[str, float]:
    return {name: value for name, (_, value) in _series(client, expression).items()}


def _seconds(seconds: float) -> str:
    return f"{max(1, round(seconds))}s"


def _number(value: Number) -> str:
    return "-" if value is None else escape(value) if isinstance(value, str) else output.number(value)
