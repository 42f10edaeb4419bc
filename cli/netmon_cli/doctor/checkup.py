"""`netmon doctor`: all checks, in the order in which they are told."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from netmon_cli import output
from netmon_cli.access import saved_path
from netmon_cli.choices import Kind
from netmon_cli.doctor.base import Check, Finding, Level, warning
from netmon_cli.doctor.clock import BelievedCheck, ClockCheck
from netmon_cli.doctor.files import ConfigCheck, SecretFileCheck
from netmon_cli.doctor.icmp import IcmpCheck, own_groups
from netmon_cli.doctor.limits import FilesCheck, MemoryCheck
from netmon_cli.doctor.packages import PackagesCheck
from netmon_cli.doctor.ports import PortCheck
from netmon_cli.doctor.processes import ProcessesCheck
from netmon_cli.doctor.reach import CollectorCheck
from netmon_cli.doctor.services import UNITS, ServiceCheck
from netmon_cli.doctor.storage import RoomCheck, StateCheck
from netmon_cli.failure import Exit
from netmon_cli.handover import CONFIG_FOLDER
from netmon_cli.output import Paper, escape
from netmon_cli.up import standard_state

SYSTEM_STATES = (Path("/var/lib/netmon/agent"), Path("/var/lib/netmon/collector"))

Found = tuple[str, Finding]


def show(
    state: Path | None,
    url: str | None,
    token_file: Path | None,
    environment: Mapping[str, str],
    as_json: bool,
    on: Paper,
) -> Exit:
    """Examines this machine; WRONG where there is a problem."""
    found = list(examine(checks(state, url, token_file, environment)))
    if as_json:
        output.write_json(plain(found))
    else:
        output.write_lines(view(found, on))
    return Exit.WRONG if any(finding.level is Level.PROBLEM for _, finding in found) else Exit.FINE


def checks(state: Path | None, url: str | None, token_file: Path | None, environment: Mapping[str, str]) -> list[Check]:
    """What is looked at on this machine."""
    own = standard_state(environment)
    folders = [state] if state else [folder for folder in (*SYSTEM_STATES, own) if folder.exists()] or [own]
    user = os.getuid() if sys.platform != "win32" else 0
    return [
        PackagesCheck(),
        *(ConfigCheck(CONFIG_FOLDER / f"{kind}.yaml", kind) for kind in Kind),
        SecretFileCheck(saved_path(environment)),
        *(check for folder in folders for check in (StateCheck(folder, user), RoomCheck(folder))),
        MemoryCheck(),
        FilesCheck(),
        ProcessesCheck(user, linux=sys.platform.startswith("linux")),
        ClockCheck(),
        *(BelievedCheck(folder) for folder in folders),
        IcmpCheck(own_groups()),
        *(ServiceCheck(unit) for unit in UNITS),
        PortCheck(7440, "API", "--http"),
        PortCheck(7441, "agents", "--grpc"),
        CollectorCheck(url, token_file, environment),
    ]


def examine(these: Sequence[Check]) -> Iterator[Found]:
    """The findings of all checks; one that breaks is a finding itself."""
    for check in these:
        try:
            findings = list(check.examine())
        except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others find
            findings = [warning(f"could not be examined: {error or type(error).__name__}")]
        for finding in findings:
            yield check.matter, finding


def view(found: Sequence[Found], on: Paper) -> list[str]:
    """A line per finding, the command that mends it below, and how many there are of each."""
    colours: dict[Level, output.Colour] = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}
    widest = max((len(matter) for matter, _ in found), default=0)
    lines = []
    for matter, finding in found:
        level = on.paint(f"{finding.level:<7}", colours[finding.level])
        lines.append(f"{level}  {matter:<{widest}}  {escape(finding.text)}")
        if finding.command:
            lines.append(f"{'':<{widest + 11}}mend it: {escape(finding.command)}")
    problems, warnings = _count(found, Level.PROBLEM), _count(found, Level.WARNING)
    return [*lines, "", f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}"]


def plain(found: Sequence[Found]) -> dict[str, object]:
    """The findings for other programs."""
    return {
        "problems": _count(found, Level.PROBLEM),
        "warnings": _count(found, Level.WARNING),
        "findings": [
            {"matter": matter, "level": finding.level, "text": finding.text, "command": finding.command or None}
            for matter, finding in found
        ],
    }


def _count(found: Sequence[Found], level: Level) -> int:
    return sum(finding.level is level for _, finding in found)
