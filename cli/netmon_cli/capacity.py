"""What `netmon capacity` asks and prints."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper
from netmon_cli.query import name_of


class Capacity(BaseModel):
    what: str
    labels: dict[str, str]
    used: float | str | None
    limit: float | None
    exhausted: datetime | None
    low: datetime | None
    high: datetime | None
    never: float
    changed: datetime | None
    soon: bool


class Capacities(BaseModel):
    results: list[Capacity]


def show_capacity(client: Client, devices: Sequence[str], kinds: Sequence[str], as_json: bool, on: Paper) -> Exit:
    answer = client.pages("/api/v1/capacity", [("instance", one) for one in devices] + [("what", one) for one in kinds])
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    now = datetime.fromtimestamp(client.now_s(), UTC)
    found = client.understand(answer, Capacities).results
    ending = [one for one in found if one.low is not None]
    rows: list[list[Cell | str]] = [
        [
            Cell(_until(one.exhausted, now), "bold"),
            f"{_until(one.low, now)} to {_until(one.high, now)}",
            _used(one),
            output.escape(one.what),
            name_of(one.labels)
            + (f", changed {output.age((now - one.changed).total_seconds())}" if one.changed else ""),
        ]
        for one in ending
    ]
    columns = [Column("FULL IN"), Column("80 % INTERVAL"), Column("USED", right=True), Column("WHAT"), Column("SERIES")]
    lines = output.table(columns, rows, on) if rows else []
    others = len(found) - len(ending)
    if others:
        lines.append(f"{output.count(others, 'other does', 'others do')} not run out within a year")
    output.write_lines(lines or ["nothing that could run out is known for long enough yet: nine hours are the least"])
    return Exit.FINE


def _used(one: Capacity) -> str:
    if one.limit is None or not isinstance(one.used, float):
        return "-"
    return f"{one.used:.0%}" if one.limit <= 1 else f"{output.number(one.used)} of {output.number(one.limit)}"


def _until(end: datetime | None, now: datetime) -> str:
    return "never" if end is None else output.duration(max((end - now).total_seconds(), 0.0))
