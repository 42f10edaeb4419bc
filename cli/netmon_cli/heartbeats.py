"""`netmon heartbeat`: what others are to send now and then, and who has not."""

from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, age, duration, escape, table, write_json, write_lines

HEARTBEATS = "/api/v1/heartbeats"


class HeartbeatSeen(BaseModel):
    """One of GET /api/v1/heartbeats"""

    name: str
    interval_s: float
    grace_s: float
    last: AwareDatetime | None
    state: str
    token: str | None = None


class HeartbeatsSeen(BaseModel):
    results: list[HeartbeatSeen]


def show(client: Client, as_json: bool, on: Paper) -> Exit:
    """A line per heartbeat; exit code 1 where one is late. Raises Failure."""
    answer = client.pages(HEARTBEATS)
    found = client.understand(answer, HeartbeatsSeen).results
    code = Exit.WRONG if any(one.state == "late" for one in found) else Exit.FINE
    if as_json:
        write_json(answer)
        return code
    now_s = client.now_s()
    rows: list[list[Cell | str]] = [
        [
            escape(one.name),
            Cell(one.state, "red" if one.state == "late" else "green"),
            "never" if one.last is None else age(now_s - one.last.timestamp()),
            duration(one.interval_s),
            duration(one.grace_s),
        ]
        for one in found
    ]
    columns = [Column(name) for name in ("HEARTBEAT", "STATE", "LAST", "EVERY", "GRACE")]
    write_lines(
        table(columns, rows, on) if rows else ["none yet; `netmon heartbeat add NAME --every 1d` waits for one"]
    )
    return code


def add(client: Client, name: str, every_s: float, grace_s: float, url: str, as_json: bool) -> Exit:
    """Waits for a heartbeat, and says how to send it. Raises Failure."""
    path = f"{HEARTBEATS}/{quote(name, safe='')}"
    answer = client.send("PUT", path, {"interval": every_s, "grace": grace_s})
    if as_json:
        write_json(answer)
        return Exit.FINE
    token = client.understand(answer, HeartbeatSeen).token
    if token is None:
        write_lines([f"{escape(name)} is changed; its token is the one that it had"])
    else:
        write_lines([f"curl -fsS -X POST -H 'Authorization: Bearer {token}' {escape(url)}{path}"])
    return Exit.FINE


def remove(client: Client, name: str, as_json: bool) -> Exit:
    """Waits for a heartbeat no more. Raises Failure."""
    answer = client.send("DELETE", f"{HEARTBEATS}/{quote(name, safe='')}")
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(name)} is waited for no more"])
    return Exit.FINE
