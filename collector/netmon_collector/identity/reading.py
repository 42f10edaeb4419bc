"""Facts of a device become witnesses of who it is, and its ports what they are known again by."""

from collections.abc import Iterator, Mapping
from typing import Final

from netmon_collector.identity.ports import PortFacts
from netmon_collector.identity.witness import Witnesses, witnesses
from netmon_proto.model import DeviceFacts

_CHASSIS: Final = "3"
_STACK: Final = "11"
_MOST_PORTS: Final = 20_000

Row = dict[str, str]


def read_witnesses(facts: DeviceFacts, known: Mapping[str, str]) -> Witnesses:
    """Who the device says it is; `known` is what it was identified as: vendor, model, serial, sys_name."""
    about = next(_rows(facts, "device"), {})
    bridge = next(_rows(facts, "bridge"), {})
    parts = [row.get("serial", "") for row in _rows(facts, "part") if row.get("class") == _CHASSIS]
    return witnesses(
        engine=about.get("engine_id", ""),
        serials=[known.get("serial", ""), *parts],
        base=about.get("bridge_address") or bridge.get("address", ""),
        macs=[row.get("mac", "") for row in _rows(facts, "port")],
        addresses=[row.get("address", "") for row in _rows(facts, "address")],
        shared=[row.get("address", "") for row in _rows(facts, "virtual-address")],
        name=known.get("sys_name", ""),
        vendor=known.get("vendor", ""),
        model=known.get("model", ""),
    )


def read_ports(facts: DeviceFacts) -> Iterator[PortFacts]:
    """The ports of a device, with the serial number of the part that each is on."""
    parts = {row["index"]: row for row in _rows(facts, "part") if "index" in row}
    entities = {row["ifIndex"]: _serial_around(row, parts) for row in parts.values() if "ifIndex" in row}
    for row in _rows(facts, "port"):
        index = row.get("ifIndex", "")
        if index.isascii() and index.isdecimal() and len(index) < 11:
            yield PortFacts(
                int(index),
                row.get("name", ""),
                row.get("descr", ""),
                row.get("alias", ""),
                row.get("mac", ""),
                entities.get(index, ""),
            )


def _serial_around(row: Row, parts: Mapping[str, Row]) -> str:
    """The serial number of the innermost part around a port that has one; parts may claim to be inside each other."""
    seen = set()
    while row.get("index") not in seen:
        seen.add(row.get("index"))
        if row.get("serial") or row.get("class") in (_CHASSIS, _STACK):
            return row.get("serial", "")
        row = parts.get(row.get("within", ""), {})
    return ""


def _rows(facts: DeviceFacts, kind: str) -> Iterator[Row]:
    table = facts.table(kind)
    if table is not None:
        for number, row in enumerate(table.rows()):
            if number >= _MOST_PORTS:
                return
            yield row
