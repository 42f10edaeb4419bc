"""Facts of a device become witnesses of who it is, and its ports what they are known again by."""

from collections.abc import Iterator, Mapping
from typing import Final

from netmon_collector.identity.ports import PortFacts
from netmon_collector.identity.witness import Witnesses, witnesses
from netmon_collector.topology.rows import Row, printable_rows
from netmon_proto.model import DeviceFacts

_CHASSIS: Final = "3"
_STACK: Final = "11"
_MOST_PORTS: Final = 20_000


def read_witnesses(facts: DeviceFacts, known: Mapping[str, str], agent_id: str = "") -> Witnesses:
    """Who the device says it is; `known` is what it was identified as: vendor, model, serial, sys_name.

    A host tells of its machine by way of the agent on it alone.
    """
    about = next(printable_rows(facts, "device", _MOST_PORTS), {})
    bridge = next(printable_rows(facts, "bridge", _MOST_PORTS), {})
    parts = [
        row.get("serial", "") for row in printable_rows(facts, "part", _MOST_PORTS) if row.get("class") == _CHASSIS
    ]
    return witnesses(
        agent=agent_id,
        machine=about.get("machine_id", "") if agent_id else "",
        engine=about.get("engine_id", ""),
        serials=[known.get("serial", ""), *parts],
        base=about.get("bridge_address") or bridge.get("address", ""),
        macs=[row.get("mac", "") for row in printable_rows(facts, "port", _MOST_PORTS)],
        addresses=[row.get("address", "") for row in printable_rows(facts, "address", _MOST_PORTS)],
        shared=[row.get("address", "") for row in printable_rows(facts, "virtual-address", _MOST_PORTS)],
        name=about.get("hostname", "") if agent_id else known.get("sys_name", ""),
        vendor=known.get("vendor", ""),
        model=known.get("model", ""),
    )


def read_ports(facts: DeviceFacts) -> Iterator[PortFacts]:
    """The ports of a device, with the serial number of the part that each is on."""
    parts = {row["index"]: row for row in printable_rows(facts, "part", _MOST_PORTS) if "index" in row}
    entities = {row["ifIndex"]: _serial_around(row, parts) for row in parts.values() if "ifIndex" in row}
    for row in printable_rows(facts, "port", _MOST_PORTS):
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
