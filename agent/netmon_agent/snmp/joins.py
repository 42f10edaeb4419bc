"""Entries that mean something only together: addresses of neighbours, members of VLANs, ports of parts.

MIBs keep them in tables of their own, under keys that no rule of a profile can follow.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from netmon_agent.snmp.findings import Entry

Entries = Sequence[Entry]


def joined(found: Iterable[Entry]) -> list[Entry]:
    """Entries of the kinds that docs/facts.md has; those that were read to complete them are gone."""
    by_kind: dict[str, list[Entry]] = {}
    for one in found:
        by_kind.setdefault(one.kind, []).append(one)
    for kind, (outward, join) in JOINS.items():
        by_kind[outward] = join(by_kind.get(outward, []), by_kind.pop(kind, []), by_kind)
    return [one for entries in by_kind.values() for one in entries]


def outward(kind: str) -> str:
    """The kind that entries of a kind end up in."""
    return JOINS[kind][0] if kind in JOINS else kind


def _with_addresses(neighbours: Entries, addresses: Entries, _others: Mapping[str, Entries]) -> list[Entry]:
    """Neighbours with the first address that each tells of itself."""
    of_key = {one.fields.get("key"): one.fields.get("address", "") for one in reversed(addresses)}
    return [_told(one, {"address": of_key.get(one.fields.get("key"), "")}, "key") for one in neighbours]


def _with_ports(parts: Entries, ports: Entries, _others: Mapping[str, Entries]) -> list[Entry]:
    port_of = {one.fields.get("index"): one.fields.get("ifIndex", "") for one in ports}
    return [_told(one, {"ifIndex": port_of.get(one.fields.get("index"), "")}) for one in parts]


def _told(one: Entry, more: Mapping[str, str], without: str = "") -> Entry:
    """An entry with what it does not tell itself."""
    added = {name: text for name, text in more.items() if text}
    return replace(one, fields={name: text for name, text in {**added, **one.fields}.items() if name != without})


def _members(known: Entries, members: Entries, others: Mapping[str, Entries]) -> list[Entry]:
    """A row for each port of each VLAN, of sets of bridge ports (RFC 4363's PortList)."""
    port_of = {
        one.fields["port"]: one.fields["ifIndex"] for one in others.get("bridge-port", ()) if "ifIndex" in one.fields
    }
    found = list(known)
    for one in members:
        untagged = set(_ports(one.fields.get("untagged", "")))
        for port in _ports(one.fields.get("ports", "")):
            if (place := port_of.get(str(port))) is not None:
                tagged = "no" if port in untagged else "yes"
                fields = {"vlan": one.fields.get("vlan", ""), "ifIndex": place, "tagged": tagged}
                found.append(Entry("vlan-port", f"{one.index}.{port}", fields))
    return found


def _ports(octets: str) -> Iterator[int]:
    """The ports of a set in hex: the highest bit of the first octet is port 1."""
    try:
        bits = bytes.fromhex(octets)
    except ValueError:
        return
    for place, octet in enumerate(bits):
        for bit in range(8):
            if octet & 0x80 >> bit:
                yield 8 * place + bit + 1


Join = Callable[[Entries, Entries, Mapping[str, Entries]], list[Entry]]
JOINS: Mapping[str, tuple[str, Join]] = {
    "neighbour-address": ("neighbour", _with_addresses),
    "vlan-member": ("vlan-port", _members),
    "part-port": ("part", _with_ports),
}
"""What completes which kind, and how."""
