"""Who a neighbour is: devices by all the names that others may call them, and their ports likewise."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from netmon_collector.topology.told import ChassisKind, Heard, Port, PortKind, Told, mac_number

K = TypeVar("K", int, str)

_PREFIX = re.compile(r"([a-z]{3,}(?:-[a-z]+)*)[ _-]?(\d.*)")
_SERIAL = re.compile(r"\s*\([^()]*\)$")

_LOCAL: Final = frozenset(("address", "router", "name", "short"))
_CHASSIS: Final = 8
_ADDRESS: Final = 5
_NAME: Final = 4
_SHORT: Final = 3
_PORT_MAC: Final = 2


@dataclass(frozen=True, slots=True)
class Known:
    """The device that a neighbour is, its port's number (0: which is not known), and what it was known by."""

    device: str
    index: int
    by: tuple[str, ...]


class Directory:
    """Devices by MAC address, network address, router id and name. What several devices claim points to none of them,
    unless just one of them is at the site of who asks. Addresses and names of other sites mean nothing here."""

    def __init__(self, told: Iterable[Told]) -> None:
        self._told = {one.device: one for one in told}
        self._by: defaultdict[tuple[str, str | int], set[str]] = defaultdict(set)
        self._ports: dict[str, _Ports] = {}
        for one in self._told.values():
            for key in _keys(one):
                self._by[key].add(one.device)

    def by_mac(self, mac: int) -> str | None:
        return self._one("mac", mac, "")

    def by_address(self, address: str, site: str) -> str | None:
        return self._one("address", address, site)

    def by_router(self, router: str, site: str) -> str | None:
        return self._one("router", router, site)

    def find(self, heard: Heard, teller: Told) -> Known | None:
        """The device that a neighbour is; None where no device is known by what it says, or two as well."""
        votes: Counter[str] = Counter()
        reasons: defaultdict[str, list[str]] = defaultdict(list)
        for weight, kind, value, reason in _claims(heard):
            device = self._one(kind, value, teller.site)
            if device is not None:
                votes[device] += weight
                reasons[device].append(reason)
        ranked = votes.most_common(2)
        if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
            return None
        device = ranked[0][0]
        return Known(device, self._port(device, heard), tuple(reasons[device]))

    def _port(self, device: str, heard: Heard) -> int:
        if device not in self._ports:
            self._ports[device] = _Ports(self._told[device].ports)
        return self._ports[device].find(heard)

    def _one(self, kind: str, value: str | int, site: str) -> str | None:
        devices = self._by.get((kind, value), set())
        if len(devices) > 1 or kind in _LOCAL:
            devices = {one for one in devices if self._told[one].site == site}
        return next(iter(devices)) if len(devices) == 1 else None


class _Ports:
    """The ports of a device by what they are called, best names first; a name of two ports is that of none."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self._by_mac = _unique((port.mac, port.index) for port in ports if port.mac)
        self._by_text = [
            _unique((one.strip().lower(), port.index) for port in ports if (one := getattr(port, text)))
            for text in ("name", "descr", "alias")
        ]
        self._by_short = _unique(
            (short, port.index) for port in ports for short in {_short(port.name), _short(port.descr)} if short
        )
        self._indexes = {port.index for port in ports}

    def find(self, heard: Heard) -> int:
        """The number of the port that a neighbour names; 0 where no port, or more than one, is called so."""
        if heard.port_kind in (PortKind.MAC, PortKind.UNKNOWN) and (mac := mac_number(heard.port)):
            index = self._by_mac.get(mac, 0)
            if index:
                return index
        for text in (heard.port, heard.port_descr):
            wanted = text.strip().lower()
            for named in self._by_text:
                if wanted and named.get(wanted):
                    return named[wanted]
            if index := self._by_short.get(_short(wanted), 0):
                return index
        if heard.port_kind in (PortKind.LOCAL, PortKind.UNKNOWN) and heard.port.isdecimal() and len(heard.port) < 10:
            return int(heard.port) if int(heard.port) in self._indexes else 0
        return 0


def plain_name(text: str) -> str:
    """A device's name without what protocols add: a serial number in brackets, a final dot, capitals."""
    return _SERIAL.sub("", text).strip().rstrip(".").lower()


def _short(text: str) -> str:
    """GigabitEthernet1/0/1 and Gi1/0/1 as gi1/0/1; empty where a text does not begin with letters and a number."""
    text = text.strip().lower()
    match = _PREFIX.fullmatch(text)
    if match:
        return match[1][:2] + match[2]
    return text if re.fullmatch(r"[a-z]{2}\d[\d/.:]*", text) else ""


def _unique(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    found: dict[K, int] = {}
    for key, index in pairs:
        found[key] = 0 if found.get(key, index) != index else index
    return found


def _keys(told: Told) -> Iterator[tuple[str, str | int]]:
    for mac in told.macs:
        yield "mac", mac
    if told.chassis:
        yield "chassis", told.chassis
    for own in told.addresses:
        yield "address", own.address
    if told.router:
        yield "router", told.router
    for name in {plain_name(name) for name in told.names if name}:
        yield "name", name
        yield "short", name.partition(".")[0]


def _claims(heard: Heard) -> Iterator[tuple[int, str, str | int, str]]:
    """What a neighbour says of itself: weight, kind of key, its value, and how people call that."""
    chassis_mac = mac_number(heard.chassis) if heard.chassis_kind in (ChassisKind.MAC, ChassisKind.UNKNOWN) else None
    if chassis_mac:
        yield _CHASSIS, "mac", chassis_mac, "chassis"
    elif heard.chassis_kind == ChassisKind.ADDRESS:
        yield _ADDRESS, "address", heard.chassis, "chassis"
    elif heard.chassis:
        yield _SHORT, "name", plain_name(heard.chassis), "chassis"
    for address in heard.addresses:
        yield _ADDRESS, "address", address, "address"
    if name := plain_name(heard.name):
        yield _NAME, "name", name, "name"
        yield _SHORT, "short", name.partition(".")[0], "name"
        if mac := mac_number(name):
            yield _CHASSIS, "mac", mac, "name"
    if heard.port_kind == PortKind.MAC and (mac := mac_number(heard.port)):
        yield _PORT_MAC, "mac", mac, "port"
