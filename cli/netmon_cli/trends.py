"""What `netmon compare` and `netmon similar` ask and print, and what `netmon forecast` tells of the past."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper
from netmon_cli.query import name_of

EVALUATION_S: Final = 120.0
MOST_TOLD: Final = 5
_NAMED: Final = {86_400.0: ("day", "%H:%M"), 604_800.0: ("week", "%a %H:%M")}
"""What periods are called, and how their times are shown; others by the last time that it was so."""


class Season(BaseModel):
    period_s: float
    strength: float
    highest: datetime
    lowest: datetime


class Trend(BaseModel):
    labels: dict[str, str]
    seasons: list[Season]
    slope_per_day: float | None
    chance: float
    trend: bool
    changes: list[datetime]


class Trends(BaseModel):
    results: list[Trend]


class Compared(BaseModel):
    labels: dict[str, str]
    now: float
    before: float | None
    low: float | None
    high: float | None
    change: float | None


class Comparison(BaseModel):
    results: list[Compared]


class Like(BaseModel):
    labels: dict[str, str]
    correlation: float
    after_s: float


class Similar(BaseModel):
    compared: int
    results: list[Like]


def past(client: Client, expression: str, back_s: float) -> list[str]:
    """Lines about the seasons, the trend and the changes of an expression's first series."""
    parameters = [("query", expression), ("history", f"{max(back_s, 86_400):.0f}s")]
    told = client.understand(client.get("/api/v1/trends", parameters, EVALUATION_S), Trends).results[:MOST_TOLD]
    now = datetime.fromtimestamp(client.now_s(), UTC)
    return [f"{name_of(one.labels)}: {'; '.join(_of(one, now))}" for one in told]


def _of(one: Trend, now: datetime) -> Iterator[str]:
    for season in one.seasons:
        name, form = _NAMED.get(season.period_s, (output.duration(season.period_s), "%Y-%m-%d %H:%M"))
        ends = f"highest about {season.highest:{form}}, lowest about {season.lowest:{form}} UTC"
        yield f"repeats itself every {name} ({season.strength:.0%} of what varies, {ends})"
    if not one.seasons:
        yield "no season"
    if one.trend and one.slope_per_day is not None:
        sign = "+" if one.slope_per_day > 0 else ""
        yield f"trend {sign}{output.number(one.slope_per_day)} a day (p = {one.chance:.2g})"
    else:
        yield "no trend" if one.slope_per_day is not None else "too short for a trend"
    if one.changes:
        yield "changed " + ", ".join(output.age((now - at).total_seconds()) for at in one.changes)


def compare(
    client: Client, expression: str, over_s: float, against_s: float, times: int, as_json: bool, on: Paper
) -> Exit:
    parameters = [("query", expression), ("over", f"{over_s:.0f}s"), ("against", f"{against_s:.0f}s")]
    answer = client.get("/api/v1/comparison", [*parameters, ("times", str(times))], EVALUATION_S)
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    rows: list[list[Cell | str]] = [
        [
            Cell(output.number(one.now), "bold"),
            _number(one.before),
            "-" if one.change is None else f"{one.change:+.0%}",
            "-" if one.low is None else f"{_number(one.low)} to {_number(one.high)}",
            name_of(one.labels),
        ]
        for one in client.understand(answer, Comparison).results
    ]
    titles = ("NOW", f"{output.duration(against_s).upper()} AGO", "CHANGE", f"THE LAST {times} TIMES")
    columns = [*(Column(title, right=True) for title in titles), Column("SERIES")]
    output.write_lines(output.table(columns, rows, on) if rows else ["there is nothing to compare"])
    return Exit.FINE


def find_similar(
    client: Client, expression: str, among: str | None, over_s: float, most: int, as_json: bool, on: Paper
) -> Exit:
    parameters = [("query", expression), ("over", f"{over_s:.0f}s"), ("limit", str(most))]
    parameters += [("among", among)] if among else []
    answer = client.get("/api/v1/similar", parameters, EVALUATION_S)
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    told = client.understand(answer, Similar)
    rows: list[list[Cell | str]] = [
        [Cell(f"{one.correlation:+.2f}", "bold"), _shift(one.after_s), name_of(one.labels)] for one in told.results
    ]
    columns = [Column("LIKE", right=True), Column("WHEN"), Column("SERIES")]
    lines = output.table(columns, rows, on) if rows else []
    output.write_lines([*lines, f"{output.count(told.compared, 'series', 'series')} compared"])
    return Exit.FINE


def _shift(after_s: float) -> str:
    if not after_s:
        return "at once"
    return f"{output.duration(abs(after_s))} {'after' if after_s > 0 else 'before'}"


def _number(value: float | None) -> str:
    return "-" if value is None else output.number(value)
