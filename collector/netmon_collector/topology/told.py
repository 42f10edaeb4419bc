"""What one device tells of itself and of whom it knows, as the map's builders take it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netmon_collector.topology.vlans import Vlans

Macs = NDArray[np.uint64]
Numbers = NDArray[np.int64]


class ChassisKind(IntEnum):
    """How a neighbour names itself (LldpChassisIdSubtype, IEEE 802.1AB)."""

    UNKNOWN = 0
    COMPONENT = 1
    INTERFACE_ALIAS = 2
    PORT_COMPONENT = 3
    MAC = 4
    ADDRESS = 5
    INTERFACE_NAME = 6
    LOCAL = 7


class PortKind(IntEnum):
    """How a neighbour names its port (LldpPortIdSubtype, IEEE 802.1AB)."""

    UNKNOWN = 0
    ALIAS = 1
    COMPONENT = 2
    MAC = 3
    ADDRESS = 4
    NAME = 5
    CIRCUIT = 6
    LOCAL = 7


@dataclass(frozen=True, slots=True)
class Port:
    """A port; `index` is the device's own number of it, `group` that of the aggregate which it is a member of, or 0.

    `key` is the name that it keeps on the map, whatever its device calls it meanwhile; empty: as it is called.
    """

    index: int
    name: str
    descr: str = ""
    alias: str = ""
    mac: int | None = None
    kind: int = 0
    is_up: bool | None = None
    speed_bps: float | None = None
    group: int = 0
    key: str = ""

    @property
    def label(self) -> str:
        """What it is called on the map; never empty."""
        return self.key or self.name or self.descr or str(self.index)


@dataclass(frozen=True, slots=True)
class Heard:
    """A neighbour that a device hears on a port (LLDP, CDP and their like); `index` 0: it is not known on which."""

    protocol: str
    index: int
    chassis: str = ""
    chassis_kind: int = ChassisKind.UNKNOWN
    port: str = ""
    port_kind: int = PortKind.UNKNOWN
    port_descr: str = ""
    name: str = ""
    addresses: tuple[str, ...] = ()
    descr: str = ""
    local_port: str = ""


@dataclass(frozen=True, slots=True)
class SpanningPort:
    """A port in the spanning tree: its state (2 blocking, 5 forwarding), and who leads to the root there."""

    index: int
    state: int
    designated_bridge: int | None = None
    designated_port: int = 0


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address of the device; `prefix` is None where its network is not known."""

    address: str
    prefix: int | None
    index: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A routing neighbour: `protocol` ospf or bgp, its address, and its router id where that is told."""

    protocol: str
    address: str
    router: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A way to a network through another device."""

    destination: str
    prefix: int
    next_hop: str
    index: int


@dataclass(frozen=True)
class Forwarding:
    """A forwarding table: MAC addresses as numbers, and for each the port behind which it was seen, and the VLAN."""

    macs: Macs = field(default_factory=lambda: np.empty(0, np.uint64))
    ports: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    vlans: Numbers = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.macs)

    def __eq__(self, other: object) -> bool:
        """Whether all entries are the same: arrays alone are compared entry by entry, which is no truth value."""
        if not isinstance(other, Forwarding):
            return NotImplemented
        return all(
            np.array_equal(one, its)
            for one, its in ((self.macs, other.macs), (self.ports, other.ports), (self.vlans, other.vlans))
        )


@dataclass(frozen=True, slots=True)
class Near:
    """Whom a device reaches without a router: an address and the MAC address that answers for it."""

    address: str
    mac: int
    index: int


@dataclass(frozen=True)
class Told:
    """All that a device told last. Its private addresses mean something within its `site` only. `vlans` by port."""

    device: str
    time_ms: int = 0
    site: str = ""
    names: tuple[str, ...] = ()
    chassis: int | None = None
    router: str = ""
    ports: tuple[Port, ...] = ()
    addresses: tuple[OwnAddress, ...] = ()
    shared_addresses: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()
    forwarding: Forwarding = field(default_factory=Forwarding)
    near: tuple[Near, ...] = ()
    spanning: tuple[SpanningPort, ...] = ()
    peers: tuple[Peer, ...] = ()
    routes: tuple[Route, ...] = ()
    bridge: int | None = None
    vlans: Mapping[int, Vlans] = field(default_factory=dict)

    @cached_property
    def port_by_index(self) -> Mapping[int, Port]:
        return {port.index: port for port in self.ports}

    @cached_property
    def macs(self) -> frozenset[int]:
        """The addresses that are the device's own."""
        own = {port.mac for port in self.ports} | {self.chassis, self.bridge}
        return frozenset(mac for mac in own if mac)

    def label(self, index: int) -> str:
        """What the port of a number is called; its number where the device lists no such port, "" for 0."""
        port = self.port_by_index.get(index)
        return port.label if port else str(index) if index else ""


def mac_number(text: str) -> int | None:
    """A MAC address as a number; None for what is none, or is nobody's (all zeros, all ones, a group's)."""
    digits = "".join(one for one in text if one not in ":-. ")
    if len(digits) != 12:
        return None
    try:
        number = int(digits, 16)
    except ValueError:
        return None
    return number if is_somebody(number) else None


def is_somebody(mac: int) -> bool:
    """Whether a number is the address of one station."""
    return 0 < mac < 1 << 48 and not mac >> 40 & 1


def mac_text(number: int) -> str:
    """A MAC address as people write it: 00:1a:2b:3c:4d:5e."""
    return number.to_bytes(6, "big").hex(":")
