"""`netmon profile new` and `netmon mib`: looks at a device that nobody has written a profile for."""

import asyncio
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from netmon_agent.snmp.capture import Capture, CaptureError
from netmon_agent.snmp.session import Broken, Session, Value
from netmon_agent.snmp.values import as_text
from netmon_cli.asking import conversation
from netmon_cli.failure import Exit, Failure
from netmon_cli.mibs import Names, read_mibs
from netmon_cli.output import escape, write_json, write_lines
from netmon_cli.survey import ENTERPRISES, profile_of, survey
from netmon_configs.library import open_library

BRANCHES = ("1.3.6.1.2.1.1", ENTERPRISES)
"""What is walked: who the device is, and what its vendor has it tell."""
MOST_VALUES = 50_000
BUDGET_S = 300.0
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


def propose(
    device: str, mibs: Sequence[Path], save: Path | None, snmp: Mapping[str, str] | None, as_json: bool
) -> Exit:
    """Prints a profile that was made of what a device answers. Raises Failure."""
    names = read_mibs(mibs) if mibs else Names({})
    values = asyncio.run(_walk(_capture(Path(device))) if Path(device).is_file() else _ask(device, snmp))
    if save is not None:
        save.write_text(recorded(values), encoding="utf-8")
    found = survey(values, names)
    if not found.object_id.startswith(f"{ENTERPRISES}."):
        raise Failure(
            Exit.WRONG, f"{device} does not say whose it is", "Its sysObjectID is not below a vendor's number."
        )
    if not found.scalars and not found.tables:
        raise Failure(
            Exit.WRONG, f"{device} answers nothing of its vendor's own", "The standard MIBs are polled anyway."
        )
    text = profile_of(found, device)
    with tempfile.TemporaryDirectory() as folder:  # what is proposed must be one: the check is that of all profiles
        (Path(folder) / "proposed.yaml").write_text(text, encoding="utf-8")
        open_library(Path(folder))
    if as_json:
        write_json(yaml.safe_load(text))
    else:
        sys.stdout.write(text)
    return Exit.FINE


def name_walk(file: Path, mibs: Sequence[Path], as_json: bool) -> Exit:
    """Prints a capture with names instead of numbers. Raises Failure."""
    if not mibs:
        raise Failure(Exit.USAGE, "there is nothing to take names from", "Name MIB files, or a folder, with --mibs.")
    names, values = read_mibs(mibs), asyncio.run(_walk(_capture(file), ("1",)))
    lines = []
    for oid, value in values.items():
        known = names.of(oid)
        word = known[0].words.get(value, "") if known is not None and isinstance(value, int) else ""
        lines.append({"oid": oid, "name": names.written(oid), "value": as_text(value), "word": word})
    if as_json:
        write_json(lines)
    else:
        write_lines(
            [escape(f"{one['name']} = {one['value']}" + (f" ({one['word']})" if one["word"] else "")) for one in lines]
        )
    return Exit.FINE


def recorded(values: Mapping[str, Value]) -> str:
    """Values as a capture. Types that SNMP tells apart and gufo-snmp does not are written as the plain ones."""
    lines = []
    for oid, value in values.items():
        if isinstance(value, bytes):
            lines.append(f"{oid}|4x|{value.hex()}")
        elif isinstance(value, str):
            lines.append(f"{oid}|{64 if _ADDRESS.fullmatch(value) else 6}|{value}")
        elif isinstance(value, int):
            lines.append(f"{oid}|{2 if abs(value) < 2**31 else 70}|{value}")
    return "\n".join(lines) + "\n"


def _capture(path: Path) -> Capture:
    try:
        return Capture.of(path)
    except CaptureError as error:
        raise Failure(Exit.USAGE, str(error), "A capture has lines such as 1.3.6.1.2.1.1.5.0|4|switch1.") from None


async def _ask(device: str, snmp: Mapping[str, str] | None) -> dict[str, Value]:
    """Walks a device over the network. Raises Failure."""
    async with conversation(device, snmp, BUDGET_S) as session:
        return await _walk(session)


async def _walk(session: Session, branches: Sequence[str] = BRANCHES) -> dict[str, Value]:
    """All values below some OIDs, as many as there may be."""
    found: dict[str, Value] = {}
    for branch in branches:
        try:
            values = await session.walk(branch, 0, MOST_VALUES)
        except Broken as broken:
            values = broken.partial
        found |= {f"{branch}.{index}": value for index, value in values.items()}
    return found
