"""`netmon check`: has agents make checks, and tells what comes of them."""

import json
import time
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from netmon_cli.answers import Evaluated
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Colour, Column, Paper, duration, escape, table, write_json, write_lines
from netmon_cli.query import name_of

CHECKS = "/api/v1/checks"
LOOK_EVERY_S = 0.1
_COLOURS: dict[str, Colour] = {"up": "green", "down": "red", "broken": "red", "unknown": "yellow"}

CheckState = Literal["up", "down", "broken", "unknown"]


class CheckPoller(BaseModel):
    poller: str
    state: CheckState
    trouble: str
    duration_s: float | None
    reported: AwareDatetime | None


class Check(BaseModel):
    """GET /api/v1/checks/{check}"""

    name: str
    type: str
    state: CheckState
    targets: list[str]
    devices: list[str]
    any_poller: bool
    interval_s: float | None
    options: dict[str, Any]
    pollers: list[CheckPoller]


class Checks(BaseModel):
    results: list[Check]


class Wish(NamedTuple):
    """What is to be checked by whom; without pollers the one of the collector does."""

    options: dict[str, Any]
    name: str | None = None
    pollers: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        body: dict[str, Any] = {"check": self.options}
        if self.name is not None:
            body["name"] = self.name
        if self.pollers:
            body["pollers"] = "any" if self.pollers == ("any",) else list(self.pollers)
        return body


def add(client: Client, wish: Wish, wait_s: float, as_json: bool) -> Exit:
    """Has a check made, waits for what comes of it first, and tells. Raises Failure."""
    return _tell(client, client.send("POST", CHECKS, wish.body()), wait_s, as_json)


def change(client: Client, name: str, wish: Wish, wait_s: float, as_json: bool) -> Exit:
    """Has a check made another way, waits for what comes of it first, and tells. Raises Failure."""
    body = {key: value for key, value in wish.body().items() if value}
    if not body:
        raise Failure(Exit.USAGE, "nothing is to be changed", "`netmon check set --help` lists what can be.")
    return _tell(client, client.send("PATCH", _path(name), body), wait_s, as_json)


def kind_of(client: Client, name: str) -> str:
    """The type of a check. Raises Failure."""
    return client.understand(client.get(_path(name)), Check).type


def _tell(client: Client, answer: Any, wait_s: float, as_json: bool) -> Exit:
    """What comes of a check at first, at each of its pollers."""
    added = client.understand(answer, Check)
    deadline_s = time.monotonic() + wait_s
    while any(one.reported is None for one in added.pollers) and time.monotonic() < deadline_s:
        time.sleep(LOOK_EVERY_S)
        answer = client.get(_path(added.name))
        added = client.understand(answer, Check)
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(added.name)} {_result(one)}" for one in added.pollers])
        write_lines([f"made {_every(added)}; `netmon check show {escape(added.name)}` has all of it"])
    return Exit.FINE if added.state == "up" else Exit.WRONG


def show_all(client: Client, as_json: bool, on: Paper) -> Exit:
    """A line per check. Raises Failure."""
    answer = client.pages(CHECKS)
    if as_json:
        write_json(answer)
        return Exit.FINE
    checks = client.understand(answer, Checks).results
    columns = [Column(title) for title in ("CHECK", "STATE", "TARGET", "EVERY", "POLLERS", "DEVICE")]
    columns.append(Column("TROUBLE", widest=60))
    rows = [_row(one) for one in checks]
    write_lines(table(columns, rows, on) if rows else ["none yet; `netmon check add TYPE TARGET` adds one"])
    return Exit.FINE


def show(client: Client, name: str, as_json: bool, on: Paper) -> Exit:
    """All about one check, and its newest values. Raises Failure."""
    answer = client.get(_path(name))
    check = client.understand(answer, Check)
    values = client.evaluate(f"{{check={json.dumps(check.name)}}}", None)
    if as_json:
        write_json({**answer, "values": values["data"]["result"]})
        return Exit.FINE
    write_lines(_details(check))
    found = client.understand(values, Evaluated).data.result
    rows: list[list[Cell | str]] = [
        [one.points[-1][1], name_of({key: value for key, value in one.metric.items() if key not in ("check", "job")})]
        for one in (found if isinstance(found, list) else [])
        if one.points
    ]
    if rows:
        write_lines(["", *table([Column("VALUE", right=True), Column("SERIES")], rows, on)])
    return Exit.FINE


def remove(client: Client, name: str, as_json: bool) -> Exit:
    """Has a check made no more. Raises Failure."""
    answer = client.send("DELETE", _path(name))
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(name)} is made no more; what was measured is kept as long as other samples"])
    return Exit.FINE


def _details(check: Check) -> list[str]:
    options = "  ".join(f"{name}={json.dumps(value)}" for name, value in check.options.items() if name != "type")
    lines = [
        ("check", check.name),
        ("type", check.type),
        ("targets", ", ".join(check.targets)),
        ("devices", ", ".join(check.devices)),
        ("options", options),
        ("made", _every(check)),
        *(("from", _result(one)) for one in check.pollers),
    ]
    return [f"{title:<9} {escape(text)}" for title, text in lines if text]


def _result(one: CheckPoller) -> str:
    """`is up from web1, in 12 ms`"""
    if one.reported is None:
        return f"is not known yet from {escape(one.poller)}: it has not told"
    took = "" if one.duration_s is None else f", in {_brief(one.duration_s)}"
    why = f": {escape(one.trouble)}" if one.trouble else ""
    return f"is {one.state} from {escape(one.poller)}{took}{why}"


def _brief(seconds: float) -> str:
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1000:.2g} ms"
        if seconds < 0.01
        else f"{seconds * 1000:.0f} ms"
    )


def _every(check: Check) -> str:
    every = f"every {duration(check.interval_s)}" if check.interval_s else "as often as its agent measures"
    return every + (", by any agent that is there" if check.any_poller else "")


def _row(check: Check) -> list[Cell | str]:
    targets = check.targets[0] + (f" and {len(check.targets) - 1} more" if len(check.targets) > 1 else "")
    troubles = [f"{one.poller}: {one.trouble}" for one in check.pollers if one.trouble]
    return [
        escape(check.name),
        Cell(check.state, _COLOURS[check.state]),
        escape(targets),
        duration(check.interval_s) if check.interval_s else "-",
        escape(", ".join(one.poller for one in check.pollers)),
        escape(", ".join(check.devices)) or "-",
        escape("; ".join(troubles)) or "-",
    ]


def _path(name: str) -> str:
    return f"{CHECKS}/{quote(name, safe='')}"
