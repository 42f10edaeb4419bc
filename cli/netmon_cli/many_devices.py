"""`netmon device add` with many hosts: adds all of them, then waits for all together."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import escape, write_json, write_lines
from netmon_cli.snmp import DEVICES, SnmpDevice, SnmpDevices, Wish

AT_ONCE = 500
SEND_S = 120.0
LOOK_EVERY_S = 1.0
_TOLD = 20
"""So many devices are named; more are counted."""


class Refused(BaseModel):
    """A device that was not added."""

    host: str
    message: str


class Added(BaseModel):
    """POST /api/v1/snmp/devices/batch"""

    added: list[SnmpDevice]
    refused: list[Refused]


class Outcome(NamedTuple):
    """What became of devices; `answers` are those of the API, as they came."""

    devices: list[SnmpDevice]
    refused: list[Refused]
    answers: dict[str, Any]


def hosts_in(file: Path) -> list[str]:
    """The hosts that a file names, a line each; `-` is standard input, and # begins a remark. Raises Failure."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise Failure(Exit.USAGE, f"{file} cannot be read: {reason}.") from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return list(dict.fromkeys(filter(None, lines)))


def add_all(client: Client, wishes: Sequence[Wish], wait_s: float, as_json: bool) -> Exit:
    """Has devices polled, waits until it is known what they are, and tells. Raises Failure."""
    outcome = _added(client, wishes)
    wanted = {one.instance for one in outcome.devices}
    deadline_s = time.monotonic() + wait_s
    devices = outcome.devices
    while any(one.reported is None for one in devices) and time.monotonic() < deadline_s:
        time.sleep(LOOK_EVERY_S)
        answer = client.pages(DEVICES)
        devices = [one for one in client.understand(answer, SnmpDevices).results if one.instance in wanted]
        outcome.answers["added"] = [one for one in answer["results"] if one["instance"] in wanted]
    if as_json:
        write_json(outcome.answers)
    else:
        write_lines(list(_told(outcome.refused, devices)))
    return Exit.FINE if not outcome.refused and all(one.answered for one in devices) else Exit.WRONG


def _added(client: Client, wishes: Sequence[Wish]) -> Outcome:
    answers: dict[str, Any] = {"added": [], "refused": []}
    for start in range(0, len(wishes), AT_ONCE):
        devices = [one.body() for one in wishes[start : start + AT_ONCE]]
        answer = client.send("POST", f"{DEVICES}/batch", {"devices": devices}, SEND_S)
        client.understand(answer, Added)
        for name, told in answers.items():
            told += answer[name]
    whole = client.understand(answers, Added)
    return Outcome(whole.added, whole.refused, answers)


def _told(refused: Sequence[Refused], devices: Sequence[SnmpDevice]) -> Iterator[str]:
    up = [one for one in devices if one.answered]
    down = [one for one in devices if one.reported is not None and not one.answered]
    yield from _named(f"{escape(one.host)} was not added: {escape(one.message)}" for one in refused)
    yield from _named(f"{escape(one.instance)} does not answer: {escape(one.trouble)}" for one in down)
    waiting = len(devices) - len(up) - len(down)
    counts = [f"{len(devices):,} added", f"{len(up):,} answer", f"{len(down):,} do not", f"{waiting:,} not asked yet"]
    yield ", ".join([*counts[: 4 if waiting else 3], *([f"{len(refused):,} refused"] if refused else [])])


def _named(lines: Iterator[str]) -> Iterator[str]:
    """The first of some lines, and how many more there are."""
    told = list(lines)
    yield from told[:_TOLD]
    if len(told) > _TOLD:
        yield f"… and {len(told) - _TOLD:,} more"
