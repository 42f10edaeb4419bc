"""`netmon oncall`: talks to the collector about who is on call."""

from dataclasses import dataclass
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, escape, table, write_json, write_lines
from netmon_cli.user import user_name

_PATH = "/api/v1/oncall"
_OVERRIDES = f"{_PATH}/overrides"


class OnCall(BaseModel):
    schedule: str
    now: str
    next: str | None
    next_from: AwareDatetime | None


class OnCalls(BaseModel):
    results: list[OnCall]


class Override(BaseModel):
    id: str
    schedule: str
    receiver: str
    starts: AwareDatetime
    ends: AwareDatetime
    state: str
    by: str
    comment: str


class Overrides(BaseModel):
    results: list[Override]


@dataclass(frozen=True, slots=True)
class StandIn:
    """Who is to stand in. `starts`, `ends`: times as the API takes them; either `ends` or `for_s` is given."""

    schedule: str
    receiver: str
    starts: str | None
    ends: str | None
    for_s: float | None
    by: str | None
    comment: str


def show(client: Client, as_json: bool, on: Paper) -> Exit:
    """Who is on call now and next, by schedule. Raises Failure."""
    answer = client.pages(_PATH)
    if as_json:
        write_json(answer)
        return Exit.FINE
    rows: list[list[Cell | str]] = [
        [
            escape(one.schedule),
            escape(one.now or "nobody"),
            "-" if one.next is None else escape(one.next or "nobody"),
            "-" if one.next_from is None else _local(one.next_from),
        ]
        for one in client.understand(answer, OnCalls).results
    ]
    columns = [Column(name) for name in ("SCHEDULE", "NOW", "NEXT", "FROM")]
    write_lines(table(columns, rows, on) if rows else ["no schedules"])
    return Exit.FINE


def list_overrides(client: Client, all_: bool, as_json: bool, on: Paper) -> Exit:
    """Those that people made, in the order in which they begin. Raises Failure."""
    answer = client.pages(_OVERRIDES, [] if all_ else [("over", "false")])
    if as_json:
        write_json(answer)
        return Exit.FINE
    rows: list[list[Cell | str]] = [
        [
            escape(one.id),
            escape(one.schedule),
            escape(one.receiver),
            one.state,
            _local(one.starts),
            _local(one.ends),
            escape(one.by),
            escape(one.comment or "-"),
        ]
        for one in client.understand(answer, Overrides).results
    ]
    columns = [Column(name) for name in ("ID", "SCHEDULE", "RECEIVER", "STATE", "FROM", "UNTIL", "BY")]
    write_lines(table([*columns, Column("COMMENT", widest=50)], rows, on) if rows else ["no overrides"])
    return Exit.FINE


def add(client: Client, wanted: StandIn, as_json: bool) -> Exit:
    """Prints the override's id. Raises Failure."""
    body = {
        "schedule": wanted.schedule,
        "receiver": wanted.receiver,
        "starts": wanted.starts,
        "ends": wanted.ends,
        "for": wanted.for_s,
        "by": wanted.by or user_name(),
        "comment": wanted.comment,
    }
    answer = client.send("POST", _OVERRIDES, {name: value for name, value in body.items() if value is not None})
    if as_json:
        write_json(answer)
    else:
        write_lines([str(answer["id"])])
    return Exit.FINE


def end(client: Client, override: str, as_json: bool) -> Exit:
    """Raises Failure."""
    answer = client.send("DELETE", f"{_OVERRIDES}/{quote(override, safe='')}")
    if as_json:
        write_json(answer)
    else:
        write_lines([f"ended {escape(override)}"])
    return Exit.FINE


def _local(time: AwareDatetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"
