"""`netmon incidents` and `incident`: talks to the collector about incidents and who cares for them."""

from collections.abc import Sequence

from pydantic import AwareDatetime, BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Colour, Column, Paper, age, escape, table, write_json, write_lines
from netmon_cli.user import user_name

_INCIDENTS = "/api/v1/incidents"
_COLOURS: dict[str, Colour] = {"critical": "red", "warning": "yellow", "open": "red", "closed": "green"}


class Incident(BaseModel):
    number: int
    title: str
    severity: str
    state: str
    opened: AwareDatetime
    closed: AwareDatetime | None
    owner: str
    acknowledged_until: AwareDatetime | None
    snoozed_until: AwareDatetime | None
    firing: int
    groups: int


class Incidents(BaseModel):
    results: list[Incident]


class Member(BaseModel):
    title: str
    severity: str
    over: AwareDatetime | None
    why: str


class Entry(BaseModel):
    time: AwareDatetime
    kind: str
    text: str
    by: str


class Detail(Incident):
    explanation: list[str]
    members: list[Member]
    timeline: list[Entry]


def show_all(client: Client, all_: bool, as_json: bool, on: Paper) -> Exit:
    """The newest first; exit code 1 where one is open that nobody has taken on. Raises Failure."""
    answer = client.pages(_INCIDENTS, [] if all_ else [("open", "true")])
    found = client.understand(answer, Incidents).results
    code = Exit.WRONG if any(one.state == "open" for one in found) else Exit.FINE
    if as_json:
        write_json(answer)
        return code
    now_s = client.now_s()
    rows: list[list[Cell | str]] = [
        [
            str(one.number),
            _coloured(one.severity or "-"),
            _coloured(one.state),
            escape(one.owner or "-"),
            age(now_s - one.opened.timestamp()),
            f"{one.firing}/{one.groups}",
            escape(one.title),
        ]
        for one in found
    ]
    columns = [Column(name) for name in ("ID", "SEVERITY", "STATE", "OWNER", "SINCE", "FIRING")]
    write_lines(table([*columns, Column("WHAT", widest=80)], rows, on) if rows else ["no incidents"])
    return code


def show(client: Client, number: int, as_json: bool, on: Paper) -> Exit:
    """One incident with its groups and its timeline. Raises Failure."""
    return _tell(client, client.get(f"{_INCIDENTS}/{number}"), as_json, on)


def hold(
    client: Client, number: int, action: str, for_s: float, by: str | None, comment: str, as_json: bool, on: Paper
) -> Exit:
    """Takes an incident on (`ack`) or puts it off (`snooze`). Raises Failure."""
    body = {"by": by or user_name(), "for": for_s, "comment": comment}
    return _tell(client, client.send("POST", f"{_INCIDENTS}/{number}/{action}", body), as_json, on)


def release(client: Client, number: int, by: str | None, comment: str, as_json: bool, on: Paper) -> Exit:
    """Has nobody care for it any more. Raises Failure."""
    body = {"by": by or user_name(), "comment": comment}
    return _tell(client, client.send("POST", f"{_INCIDENTS}/{number}/release", body), as_json, on)


def comment_on(client: Client, number: int, text: str, by: str | None, as_json: bool, on: Paper) -> Exit:
    """Raises Failure."""
    body = {"by": by or user_name(), "text": text}
    return _tell(client, client.send("POST", f"{_INCIDENTS}/{number}/comment", body), as_json, on)


def _tell(client: Client, answer: object, as_json: bool, on: Paper) -> Exit:
    if as_json:
        write_json(answer)
    else:
        write_lines(_lines(client.understand(answer, Detail), on))
    return Exit.FINE


def _lines(one: Detail, on: Paper) -> Sequence[str]:
    held = one.state
    if one.acknowledged_until is not None:
        held += f", {one.owner} has it until {_local(one.acknowledged_until)}"
    if one.snoozed_until is not None:
        held += f", put off until {_local(one.snoozed_until)}"
    groups: list[list[Cell | str]] = [
        [
            _coloured(member.severity or "-"),
            "over" if member.over else "firing",
            escape(member.title),
            escape(member.why),
        ]
        for member in one.members
    ]
    columns = [Column("SEVERITY"), Column("STATE"), Column("GROUP", widest=60), Column("WHY IT IS HERE", widest=40)]
    entries = [
        [_local(entry.time), entry.kind, escape(entry.by or "-"), escape(entry.text or "-")] for entry in one.timeline
    ]
    history = [Column("TIME"), Column("WHAT"), Column("BY"), Column("TEXT", widest=80)]
    return [
        escape(f"incident {one.number}: {one.title}"),
        escape(held),
        *map(escape, one.explanation),
        "",
        *table(columns, groups, on),
        "",
        *table(history, entries, on),
    ]


def _coloured(text: str) -> Cell:
    return Cell(escape(text), _COLOURS.get(text))


def _local(time: AwareDatetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"
