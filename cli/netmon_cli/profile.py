"""`netmon profile`: which profile a device gets, why, and what is found with it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from netmon_agent.snmp.capture import Capture, CaptureError
from netmon_agent.snmp.findings import Amount, Findings
from netmon_agent.snmp.poll import poll
from netmon_cli.asking import conversation
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Colour, Column, Paper, count, escape, number, size, table, write_json, write_lines
from netmon_configs.library import Library, open_library

_SEVERITIES: dict[str, Colour] = {"ok": "green", "warning": "yellow", "critical": "red"}


BUDGET_S = 60.0


def test(device: str, profiles: Path | None, snmp: Mapping[str, str] | None, as_json: bool, on: Paper) -> Exit:
    """Evaluates a device, or the capture of one. Raises Failure, ConfigError."""
    if profiles is not None and not profiles.is_dir():
        raise Failure(Exit.USAGE, f"{profiles}: no such folder", "Give a folder with profile files (*.yaml).")
    library = open_library(profiles)
    if is_capture(device):
        try:
            found = asyncio.run(poll(Capture.of(Path(device)), library))
        except CaptureError as error:
            raise Failure(Exit.USAGE, str(error), "A capture has lines such as 1.3.6.1.2.1.1.5.0|4|switch1.") from None
    else:
        found = asyncio.run(_polled(device, library, snmp))
    if as_json:
        told = asdict(found) | {"readings": [reading._asdict() for reading in found.readings]}
        write_json(told)
    else:
        write_lines(_lines(found, on))
    return Exit.FINE


def is_capture(device: str) -> bool:
    """Whether a file is meant rather than a host."""
    return device.endswith(".snmprec") or Path(device).is_file()


async def _polled(device: str, library: Library, snmp: Mapping[str, str] | None) -> Findings:
    """What a device answers. Raises Failure."""
    async with conversation(device, snmp, BUDGET_S) as session:
        found = await poll(session, library)
    if not found.answered:
        raise Failure(Exit.WRONG, f"{device} does not answer: {'; '.join(one.text for one in found.troubles)}")
    return found


def _lines(found: Findings, on: Paper) -> list[str]:
    parts: list[tuple[str, list[str]]] = [
        ("", _identity(found)),
        ("processors", _processors(found, on)),
        ("memory", _amounts(found.memory, on)),
        ("storage", _amounts(found.storage, on)),
        ("sensors", _sensors(found, on)),
        ("entries", _counts(Counter(entry.kind for entry in found.entries))),
        ("metrics", _counts(Counter(reading.name for reading in found.readings))),
        ("troubles", [escape(f"{one.part}: {one.text}") for one in found.troubles]),
    ]
    lines: list[str] = []
    for title, part in parts:
        if part:
            lines += ["", on.paint(title, "bold")] if title else []
            lines += part
    return lines


def _identity(found: Findings) -> list[str]:
    who = found.identity
    facts = [
        ("profile", who.profile),
        ("because", "; ".join(who.reasons)),
        *(
            (name, getattr(who, name))
            for name in ("vendor", "os", "model", "version", "serial", "name", "location", "contact")
        ),
    ]
    return [f"{name:<9} {escape(value)}" for name, value in facts if value]


def _processors(found: Findings, on: Paper) -> list[str]:
    return _rows(["PROCESSOR", "BUSY"], [[one.name, f"{one.percent:.0f} %"] for one in found.processors], on)


def _amounts(amounts: Sequence[Amount], on: Paper) -> list[str]:
    rows = [
        [
            one.name,
            one.kind,
            "" if one.total_bytes is None else size(one.total_bytes),
            "" if one.percent is None else f"{one.percent:.0f} %",
        ]
        for one in amounts
    ]
    return _rows(["NAME", "KIND", "SIZE", "USED"], rows, on)


def _sensors(found: Findings, on: Paper) -> list[str]:
    if not found.sensors:
        return []
    rows = [
        [
            Cell(one.type),
            Cell(f"{number(one.value)} {one.unit}".strip()),
            Cell(f"{one.severity} {one.meaning}".strip(), _SEVERITIES.get(one.severity)),
            Cell(escape(one.name)),
        ]
        for one in found.sensors
    ]
    return table([Column("CLASS"), Column("VALUE", right=True), Column("STATE"), Column("SENSOR")], rows, on)


def _counts(counts: Counter[str]) -> list[str]:
    return [", ".join(f"{name} {count(times)}" for name, times in sorted(counts.items()))] if counts else []


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]], on: Paper) -> list[str]:
    columns = [Column(title, right=index > 0) for index, title in enumerate(titles)]
    return table(columns, [[escape(cell) for cell in row] for row in rows], on) if rows else []
