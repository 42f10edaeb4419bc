"""Facts of a device become what the map's builders take; text that fits nowhere is left out."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

import numpy as np

from netmon_collector.topology.rows import Row, printable_rows
from netmon_collector.topology.told import (
    Forwarding,
    Heard,
    Macs,
    Near,
    OwnAddress,
    Peer,
    Port,
    Route,
    SpanningPort,
    Told,
    is_somebody,
    mac_number,
)
from netmon_collector.topology.vlans import Vlans, bits_of
from netmon_proto.model import DeviceFacts, FactTable

MOST_PORTS: Final = 20_000
MOST_HEARD: Final = 10_000
MOST_NEAR: Final = 200_000
MOST_ROUTES: Final = 10_000
MOST_VLAN_PORTS: Final = 500_000
_MOST_INDEX: Final = (1 << 31) - 1
_LEARNED: Final = "3"
_MAC_LENGTH: Final = 17
_UP: Final = "1"
_FULL: Final = "8"
_ESTABLISHED: Final = "6"
_THROUGH_OTHERS: Final = "4"


def read_told(facts: DeviceFacts, names: Sequence[str] = (), site: str = "", before: Told | None = None) -> Told:
    """What a device told, with the names that it is known by beside its own; its tables cut to their bounds.

    Of a table that could not be read to its end, what was told `before` counts where that was more.
    """
    about = next(printable_rows(facts, "device", 1), {})
    bridge = next(printable_rows(facts, "bridge", 1), {})
    shared = [row["address"] for row in printable_rows(facts, "virtual-address", MOST_PORTS) if "address" in row]
    told = Told(
        facts.device,
        time_ms=facts.time_ms,
        site=site,
        names=tuple(one for one in names if one),
        chassis=mac_number(about.get("bridge_address", "")),
        bridge=mac_number(bridge.get("address", "")),
        router=about.get("router_id", "") if about.get("router_id") != "0.0.0.0" else "",  # noqa: S104 - "none"
        ports=tuple(_ports(facts)),
        addresses=tuple(one for one in _addresses(facts) if one.address not in shared),
        shared_addresses=tuple(shared),
        heard=tuple(_heard(facts)),
        forwarding=_forwarding(facts.table("fdb")),
        near=tuple(_near(facts)),
        spanning=tuple(_spanning(facts)),
        peers=tuple(_peers(facts)),
        routes=tuple(_routes(facts)),
        vlans=_vlans(facts),
    )
    return told if before is None else _with_what_is_missing(facts, told, before)


_FIELDS: Final = {
    "port": "ports",
    "address": "addresses",
    "neighbour": "heard",
    "fdb": "forwarding",
    "arp": "near",
    "stp-port": "spanning",
    "route": "routes",
    "vlan-port": "vlans",
}


def _with_what_is_missing(facts: DeviceFacts, told: Told, before: Told) -> Told:
    tables = {field: facts.table(kind) for kind, field in _FIELDS.items()}
    cut = [field for field, table in tables.items() if table is not None and not table.is_complete]
    fuller = [field for field in cut if len(getattr(before, field)) > len(getattr(told, field))]
    return replace(told, **{field: getattr(before, field) for field in fuller})


def _number(text: str | None, default: int = 0) -> int:
    """A whole number from 0 to 2**31 - 1; the default for what is none."""
    if not text or len(text) > 10 or not (text.isascii() and text.isdecimal()):
        return default
    return number if (number := int(text)) <= _MOST_INDEX else default


def _ports(facts: DeviceFacts) -> Iterator[Port]:
    groups = {
        _number(row.get("ifIndex")): _number(row.get("group")) for row in printable_rows(facts, "lag", MOST_PORTS)
    }
    for row in printable_rows(facts, "port", MOST_PORTS):
        index = _number(row.get("ifIndex"))
        if index:
            group = groups.get(index, 0)
            oper = row.get("oper")
            yield Port(
                index,
                row.get("name", ""),
                row.get("descr", ""),
                row.get("alias", ""),
                mac_number(row.get("mac", "")),
                _number(row.get("type")),
                None if oper is None else oper == _UP,
                _speed_bps(row),
                group if group != index else 0,
            )


def _speed_bps(row: Row) -> float | None:
    fast = _number(row.get("speed_mbps")) * 1e6
    return fast or float(_number(row.get("speed_bps"))) or None


def _addresses(facts: DeviceFacts) -> Iterator[OwnAddress]:
    for row in printable_rows(facts, "address", MOST_PORTS):
        if address := _address(row.get("address", "")):
            prefix = _number(row.get("prefix"), -1)
            yield OwnAddress(address, prefix if prefix >= 0 else None, _number(row.get("ifIndex")))


def _address(text: str) -> str:
    """An address, written the short way; empty for what is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _heard(facts: DeviceFacts) -> Iterator[Heard]:
    for row in printable_rows(facts, "neighbour", MOST_HEARD):
        address = _address(row.get("address", ""))
        yield Heard(
            row.get("protocol", "lldp")[:16],
            _number(row.get("ifIndex")),
            row.get("chassis", ""),
            _number(row.get("chassis_type")),
            row.get("port", ""),
            _number(row.get("port_type")),
            row.get("port_descr", ""),
            row.get("name", ""),
            (address,) if address else (),
            row.get("descr", "") or row.get("platform", ""),
            row.get("local_port", ""),
        )


def _forwarding(table: FactTable | None) -> Forwarding:
    """The learned rows of a table that name a station and a port; columns at once, since there may be very many."""
    if table is None or not len(table) or not {"mac", "ifIndex"} <= table.columns.keys():
        return Forwarding()
    macs, sound = _mac_column(table.columns["mac"])
    ports = np.array([_number(text) for text in table.columns["ifIndex"]], np.int64)
    statuses = table.columns.get("status")
    learned = [not one or one == _LEARNED for one in statuses] if statuses else [True] * len(table)
    kept = sound & (ports > 0) & np.array(learned, bool)
    vlans = np.array([_number(text) for text in table.columns.get("vlan", [""] * len(table))], np.int64)
    return Forwarding(macs[kept], ports[kept], vlans[kept])


def _mac_column(texts: Sequence[str]) -> tuple[Macs, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """MAC addresses as numbers, and which of the texts are one station's."""
    plain = "".join(texts)
    if len(plain) == len(texts) * _MAC_LENGTH and plain.isascii():
        try:
            octets = np.frombuffer(bytes.fromhex(plain.replace(":", "")), np.uint8)
        except ValueError:
            octets = np.empty(0, np.uint8)
        if len(octets) == len(texts) * 6:
            wide = octets.reshape(-1, 6).astype(np.uint64)
            macs = (wide << np.array([40, 32, 24, 16, 8, 0], np.uint64)).sum(axis=1, dtype=np.uint64)
            return macs, (octets[::6] & 1 == 0) & (macs > 0)
    numbers = [mac_number(text) or 0 for text in texts]
    return np.array(numbers, np.uint64), np.array([is_somebody(one) for one in numbers], bool)


def _near(facts: DeviceFacts) -> Iterator[Near]:
    table = facts.table("arp")
    if table is None or not {"address", "mac"} <= table.columns.keys():
        return
    columns = table.columns
    indexes = columns.get("ifIndex", [""] * len(table))
    rows = zip(columns["address"], columns["mac"], indexes, strict=True)
    for text, mac_text, index in islice(rows, MOST_NEAR):
        mac, address = mac_number(mac_text), _address(text)
        if mac and address:
            yield Near(address, mac, _number(index))


def _spanning(facts: DeviceFacts) -> Iterator[SpanningPort]:
    for row in printable_rows(facts, "stp-port", MOST_PORTS):
        if index := _number(row.get("ifIndex")):
            bridge = mac_number(row.get("designated_bridge", ""))
            yield SpanningPort(index, _number(row.get("state")), bridge, _number(row.get("designated_port")))


def _vlans(facts: DeviceFacts) -> Mapping[int, Vlans]:
    """What each port carries. Of a port that is in no VLAN by name, the one that its untagged frames are taken for."""
    tagged: defaultdict[int, set[int]] = defaultdict(set)
    untagged: defaultdict[int, set[int]] = defaultdict(set)
    for row in printable_rows(facts, "vlan-port", MOST_VLAN_PORTS):
        into = tagged if row.get("tagged") == "yes" else untagged
        into[_number(row.get("ifIndex"))].add(_number(row.get("vlan")))
    for row in printable_rows(facts, "bridge-port", MOST_PORTS):
        index, vlan = _number(row.get("ifIndex")), _number(row.get("pvid"))
        if index not in tagged and index not in untagged:
            untagged[index].add(vlan)
    ports = (tagged.keys() | untagged.keys()) - {0}
    found = {port: Vlans(bits_of(tagged[port]), bits_of(untagged[port])) for port in sorted(ports)}
    return {port: vlans for port, vlans in found.items() if vlans}


def _peers(facts: DeviceFacts) -> Iterator[Peer]:
    for row in printable_rows(facts, "ospf-neighbour", MOST_HEARD):
        if row.get("state", _FULL) == _FULL and (address := _address(row.get("address", ""))):
            yield Peer("ospf", address, row.get("router", ""))
    for row in printable_rows(facts, "bgp-peer", MOST_HEARD):
        if row.get("state", _ESTABLISHED) == _ESTABLISHED and (address := _address(row.get("address", ""))):
            yield Peer("bgp", address)


def _routes(facts: DeviceFacts) -> Iterator[Route]:
    """Routes through others, one for each next hop: the map asks who is next, not where to."""
    seen = set()
    for row in printable_rows(facts, "route", MOST_ROUTES):
        hop = _address(row.get("next_hop", ""))
        if hop and row.get("type", _THROUGH_OTHERS) == _THROUGH_OTHERS and hop not in seen:
            seen.add(hop)
            yield Route(row.get("destination", ""), _number(row.get("prefix")), hop, _number(row.get("ifIndex")))
