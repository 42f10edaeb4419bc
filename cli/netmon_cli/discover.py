"""`netmon discover`: looks for what is in a network, shows how that goes, and what is there."""

import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Column, Paper, escape, table, write_json, write_lines

SWEEPS: Final = "/api/v1/sweeps"
LOOK_EVERY_S: Final = 0.5
_QUIET_S: Final = 30.0


class SweepSeen(BaseModel):
    """GET /api/v1/sweeps/{number}"""

    number: int
    state: str
    networks: list[str]
    poller: str
    done: int
    total: int
    every_s: float | None
    trouble: str


class SweepsSeen(BaseModel):
    results: list[SweepSeen]


class FindSeen(BaseModel):
    """One of GET /api/v1/sweeps/{number}/finds"""

    number: int
    address: str
    answer: str
    device: str
    reasons: list[str]
    answered: list[str]
    mac: str
    vendor: str
    ports: list[int]
    names: dict[str, str]
    told: dict[str, str]
    via: str


class FindsSeen(BaseModel):
    results: list[FindSeen]


def accepting(said: Sequence[str]) -> dict[str, Any]:
    """What is polled without asking, as the API takes it. Raises Failure."""
    from netmon_collector.discovery.accepting import BadRule, parse

    words = [one for one in said if "=" not in one]
    try:
        rules = [parse(one) for one in said if "=" in one]
    except BadRule as error:
        raise Failure(Exit.USAGE, f"--accept: {error}") from None
    return {"accept": words[-1] if words else "none", "accept_if": rules}


def sweep(client: Client, body: dict[str, Any], as_json: bool, on: Paper) -> Exit:
    """Begins a sweep, waits for its end and shows what it found. Raises Failure."""
    begun = client.understand(client.send("POST", SWEEPS, body), SweepSeen)
    if not as_json:
        write_lines([f"sweep {begun.number} by {escape(begun.poller)}: {escape(', '.join(begun.networks))}"])
    try:
        over = _wait(client, begun.number, as_json)
    except KeyboardInterrupt:
        client.send("DELETE", f"{SWEEPS}/{begun.number}")
        raise Failure(Exit.WRONG, f"sweep {begun.number} is stopped; `netmon sweep show` has what it found.") from None
    return _tell(client, over, as_json, on)


def show(client: Client, number: int, as_json: bool, on: Paper) -> Exit:
    """How a sweep goes, and what it found so far. Raises Failure."""
    return _tell(client, client.understand(client.get(f"{SWEEPS}/{number}"), SweepSeen), as_json, on)


def show_all(client: Client, as_json: bool, on: Paper) -> Exit:
    """A line per sweep. Raises Failure."""
    answer = client.pages(SWEEPS)
    if as_json:
        write_json(answer)
        return Exit.FINE
    rows = [
        [str(one.number), one.state, escape(", ".join(one.networks)), escape(one.poller), f"{one.done} of {one.total}"]
        for one in client.understand(answer, SweepsSeen).results
    ]
    columns = [Column("", right=True), *(Column(title) for title in ("STATE", "NETWORKS", "POLLER", "LOOKED AT"))]
    write_lines(table(columns, rows, on) if rows else ["none yet; `netmon discover 10.0.0.0/24` begins one"])
    return Exit.FINE


def stop(client: Client, number: int, as_json: bool) -> Exit:
    """Ends a sweep and its schedule. Raises Failure."""
    answer = client.send("DELETE", f"{SWEEPS}/{number}")
    if as_json:
        write_json(answer)
    else:
        write_lines([f"sweep {number} is {client.understand(answer, SweepSeen).state}; what it found stays"])
    return Exit.FINE


def answer(client: Client, numbers: Sequence[int], word: str, as_json: bool) -> Exit:
    """Says yes (`accept`) or no (`reject`) to finds. Raises Failure."""
    for number in numbers:
        said = client.send("POST", f"/api/v1/finds/{quote(str(number))}/{word}")
        if as_json:
            write_json(said)
            continue
        find = client.understand(said, FindSeen)
        is_polled = find.answer == "accepted"
        write_lines(
            [
                f"{escape(find.address)} is polled as {escape(find.device)}"
                if is_polled
                else f"{escape(find.address)} is not asked about again"
            ]
        )
    return Exit.FINE


def _wait(client: Client, number: int, as_json: bool) -> SweepSeen:
    told, heard_s = -1, time.monotonic()
    while True:
        now = client.understand(client.get(f"{SWEEPS}/{number}"), SweepSeen)
        if now.state not in ("waiting", "running"):
            return now
        if now.done != told:
            told, heard_s = now.done, time.monotonic()
            if now.total and not as_json:
                write_lines([f"  {now.done} of {now.total} addresses looked at"])
        if now.state == "waiting" and time.monotonic() - heard_s > _QUIET_S:
            raise Failure(Exit.WRONG, f"{now.poller} has not begun sweep {number}: it does when it is connected.")
        time.sleep(LOOK_EVERY_S)


def _tell(client: Client, sweep: SweepSeen, as_json: bool, on: Paper) -> Exit:
    found = client.pages(f"{SWEEPS}/{sweep.number}/finds")
    if as_json:
        write_json(found)
        return Exit.FINE
    finds = client.understand(found, FindsSeen).results
    columns = [Column("", right=True)]
    columns += [Column(title) for title in ("ADDRESS", "NAME", "WHAT", "MAC", "ANSWERS", "PORTS", "")]
    lines = table(columns, [_row(one) for one in finds], on) if finds else ["nobody answered"]
    still = "" if sweep.state in ("done", "planned", "stopped") else f", {sweep.state}"
    lines += ["", f"{len(finds)} found at {sweep.done} of {sweep.total} addresses{still}"]
    if sweep.trouble:
        lines.append(escape(sweep.trouble))
    if any(one.answer == "open" for one in finds):
        lines.append("`netmon sweep accept NUMBER…` has them polled, `netmon sweep reject NUMBER…` asks no more")
    write_lines(lines)
    return Exit.FINE


def _row(find: FindSeen) -> list[str]:
    told = find.told
    name = told.get("name") or next(iter(find.names.values()), "")
    what = " ".join(one for one in (told.get("vendor"), told.get("model") or told.get("os")) if one)
    stands = {"open": "new", "seen": ""}.get(find.answer, find.answer)
    return [
        str(find.number),
        escape(find.address),
        escape(name),
        escape(what or find.vendor),
        escape(find.mac),
        ", ".join(map(escape, find.answered)),
        ", ".join(map(str, find.ports)),
        f"{stands} {escape(find.device)}".strip(),
    ]
