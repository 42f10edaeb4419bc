"""Captured devices with another NMS's findings, and how far ours agree with them."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netmon_agent.snmp.findings import Amount, Findings
from netmon_collector.topology.draw import draw
from netmon_collector.topology.reading import read_told
from netmon_proto.model import DeviceFacts

SHARED = Path(os.environ.get("NETMON_SHARED") or Path(__file__).parents[3] / "shared")
DEVICES = SHARED / "snmp-devices"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other NMS stored for a capture."""

    name: str
    tree: Mapping[str, Any]

    @classmethod
    def of(cls, path: Path) -> "Expected":
        return cls(path.name.removesuffix(".expected.json"), json.loads(path.read_text(encoding="utf-8")))

    def rows(self, module: str, table: str) -> list[Row]:
        """The rows of the poll, or where it changed nothing, of the discovery."""
        kept = self.tree.get(module, {})
        for stage in ("poller", "discovery"):
            if isinstance(kept.get(stage), dict) and kept[stage].get(table):
                return list(kept[stage][table])
        return []

    @property
    def device(self) -> Row:
        return next(iter(self.rows("os", "devices")), {})


def expectations(folder: Path) -> list[Expected]:
    return [Expected.of(path) for path in sorted(folder.glob("*.expected.json"))]


@dataclass(slots=True)
class Tally:
    """How many of what was expected was found, how many of these with the same value, and what differs."""

    expected: int = 0
    found: int = 0
    equal: int = 0
    more: int = 0
    differing: list[str] = field(default_factory=list)

    def count(self, is_found: bool, is_equal: bool, what: str) -> None:
        self.expected += 1
        self.found += is_found
        self.equal += is_equal
        if not is_equal:
            self.differing.append(f"{'differs' if is_found else 'missing'}: {what}")

    def add(self, other: "Tally") -> None:
        self.expected += other.expected
        self.found += other.found
        self.equal += other.equal
        self.more += other.more
        self.differing += other.differing

    @property
    def share(self) -> float:
        return self.found / self.expected if self.expected else 1.0

    def summary(self) -> dict[str, float]:
        return {
            "expected": self.expected,
            "found": self.found,
            "equal": self.equal,
            "more": self.more,
            "share": round(self.share, 4),
        }


def compare(expected: Expected, found: Findings, vendors: Mapping[str, str]) -> dict[str, Tally]:
    """A tally per module. `vendors` says whose an operating system of the other NMS is."""
    return {
        **_identity(expected, found, vendors),
        "ports": _ports(expected, found),
        "processors": _values(
            [
                (one["processor_oid"], one["processor_usage"], one["processor_descr"])
                for one in expected.rows("processors", "processors")
            ],
            [(one.oid, one.percent) for one in found.processors],
            0.51,
        ),
        "memory": _amounts("mempool", expected.rows("mempools", "mempools"), found.memory),
        "storage": _amounts("storage", expected.rows("storage", "storage"), found.storage),
        "sensors": _values(
            [
                (one["sensor_oid"], one["sensor_current"], f"{one['sensor_class']} {one['sensor_descr']}")
                for one in expected.rows("sensors", "sensors")
            ],
            [(one.oid, one.value) for one in found.sensors],
            0.01,
        ),
        "links": _links(expected, found),
        "map": _map(expected, found),
    }


def _links(expected: Expected, found: Findings) -> Tally:
    """Neighbours by the port on this side; equal where the other side's name and port are the same too."""
    names = {one.fields["ifIndex"]: one.fields for one in found.entries if one.kind == "port"}
    left = [one.fields for one in found.entries if one.kind == "neighbour"]
    tally = Tally()
    for row in expected.rows("discovery-protocols", "links"):
        port, name = row["remote_port"].partition(" (")[0], row["remote_hostname"]
        here = [one for one in left if one.get("protocol") == row["protocol"] and _is_port(row, one, names)]
        there = [one for one in here if (one.get("name") or one.get("descr")) == name and one.get("port") == port]
        match = next(iter(there or here), None)
        if match is not None:
            left.remove(match)
        what = f"{expected.name}: {row['protocol']} {row['ifName']} to {name!r} {port!r}"
        tally.count(match is not None, bool(there), f"{what}, ours {match}" if match else what)
    tally.more = len(left)
    return tally


def _map(expected: Expected, found: Findings) -> Tally:
    """Links of the map that is drawn of this one device: found by protocol and port on this side.

    Equal where the other side is called the same; names may have been masked, and are many neighbours' then.
    """
    graph = draw([read_told(DeviceFacts(expected.name, 0, found.facts or ()))], 0).graph
    left = [
        (piece.source, near.port, graph.nodes[far.node].name, far.port)
        for link in graph.at(expected.name)
        for near, far in ((link.a, link.b), (link.b, link.a))
        for piece in link.evidence
        if near.node == expected.name
    ]
    tally = Tally()
    for row in expected.rows("discovery-protocols", "links"):
        here = [one for one in left if one[0] == row["protocol"] and one[1] in (row["ifName"], row["ifDescr"])]
        there = [one for one in here if one[2] == row["remote_hostname"]]
        what = f"{expected.name}: {row['protocol']} {row['ifName']} to {row['remote_hostname']!r} on the map"
        tally.count(bool(here), bool(there), what)
    return tally


def _is_port(row: Row, neighbour: Mapping[str, str], ports: Mapping[str, Mapping[str, str]]) -> bool:
    port = ports.get(neighbour.get("ifIndex", ""), {})
    return row["ifName"] in (port.get("name"), port.get("descr"))


def _identity(expected: Expected, found: Findings, vendors: Mapping[str, str]) -> dict[str, Tally]:
    device, ours = expected.device, found.identity
    told = {
        "os": (device.get("os"), ours.os),
        "vendor": (vendors.get(device.get("os", "")), ours.vendor),
        "model": (device.get("hardware"), ours.model),
        "version": (device.get("version"), ours.version),
        "serial": (device.get("serial"), ours.serial),
    }
    tallies = {}
    for name, (theirs, mine) in told.items():
        tallies[name] = tally = Tally()
        if theirs:
            is_found = mine == theirs if name in ("os", "vendor") else bool(mine)
            tally.count(is_found, _same_words(theirs, mine), f"{expected.name}: {theirs!r}, ours {mine!r}")
    return tallies


def _same_words(theirs: str, mine: str) -> bool:
    """Whether one text is the other, or holds it: "9.12(3)", "Version 9.12(3)"."""
    first, second = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (theirs, mine))
    return bool(second) and (first in second or second in first)


def _ports(expected: Expected, found: Findings) -> Tally:
    tally, mine = Tally(), {one.index: one.fields for one in found.entries if one.kind == "port"}
    for row in expected.rows("ports", "ports"):
        fields = mine.pop(str(row["ifIndex"]), None)
        names = {row.get("ifName"), row.get("ifDescr")} - {None}
        equal = fields is not None and (not names or not names.isdisjoint(fields.values()) or not fields)
        tally.count(fields is not None, equal, f"port {row['ifIndex']} {row.get('ifName')}")
    tally.more = len(mine)
    return tally


def _values(expected: Iterable[tuple[str, Any, str]], found: Iterable[tuple[str, float]], tolerance: float) -> Tally:
    tally = Tally()
    mine: dict[str, list[float]] = {}
    for oid, value in found:
        mine.setdefault(oid, []).append(value)
    known = set()
    for oid, value, what in expected:
        key = oid.removeprefix(".")
        known.add(key)
        ours = mine.get(key, [])
        equal = any(_near(value, one, tolerance) for one in ours)
        tally.count(bool(ours), equal, f"{oid} {what} = {value}" + (f", ours {ours}" if ours else ""))
    tally.more = len(mine.keys() - known)
    return tally


def _near(theirs: Any, mine: float, tolerance: float) -> bool:
    return theirs is None or abs(float(theirs) - mine) <= max(tolerance * abs(float(theirs)), tolerance)


def _amounts(prefix: str, rows: Iterable[Row], found: Iterable[Amount]) -> Tally:
    tally, left = Tally(), list(found)
    for row in rows:
        oids = {row[key].removeprefix(".") for key in row if key.endswith("_oid") and row[key]}
        numbers = {name: row.get(f"{prefix}_{name}") for name in ("size", "total", "used", "perc")}
        match = next((one for one in left if one.oid in oids), None) or next(
            (one for one in left if _is_amount(numbers, one)), None
        )
        if match is not None:
            left.remove(match)
        what = f"{row.get(f'{prefix}_type')} {row.get(f'{prefix}_index')} {row.get(f'{prefix}_descr')} {numbers} {oids}"
        ours = f", ours {match.total_bytes} {match.used_bytes} {match.percent}" if match else ""
        tally.count(match is not None, match is not None and _is_amount(numbers, match), what + ours)
    tally.more = len(left)
    return tally


def _is_amount(numbers: Mapping[str, Any], one: Amount) -> bool:
    percent = numbers["perc"] is not None and one.percent is not None and abs(numbers["perc"] - one.percent) <= 1
    total = numbers["size"] or numbers["total"]
    if one.total_bytes is None or not total or total == 100:
        return percent
    return percent and abs(one.total_bytes - total) <= 0.01 * total


def totals(tallies: Iterable[Mapping[str, Tally]]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for one in tallies:
        for module, tally in one.items():
            found.setdefault(module, Tally()).add(tally)
    return found


def missing_subtrees(tallies: Iterator[Tally]) -> Counter[str]:
    """Where most of what is missing stands, by the first arcs of the OIDs: what to write next."""
    counted: Counter[str] = Counter()
    for tally in tallies:
        counted.update(".".join(text.split()[1].split(".")[:12]) for text in tally.differing if ".1.3.6" in text)
    return counted
