"""What speaks for who a device is: identifiers, cleaned of those that many devices share."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

_WORTHLESS_SERIALS: Final = frozenset(
    "0 none null n/a na unknown default serial notspecified notapplicable tobefilledbyo.e.m. systemserialnumber "
    "1234567890 123456789 0123456789 12345678 xxxxxxxxxx empty notavailable".split()
)
_WORTHLESS_NAMES: Final = frozenset(
    "localhost localhost.localdomain switch router unknown none (none) default host device noname ubnt mikrotik "
    "openwrt raspberrypi debian ubuntu".split()
)
_SHARED_MACS: Final = (
    "00:00:5e:00:01:",  # VRRP, RFC 9568
    "00:00:5e:00:02:",
    "00:00:0c:07:ac:",  # HSRP, RFC 2281
    "00:00:0c:9f:f",
    "00:05:73:a0:0",
    "00:07:b4:00:",  # GLBP
    "02:42:",  # Docker's bridges
)
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_MOST: Final = 4096
_LONGEST: Final = 253


@dataclass(frozen=True)
class Witnesses:
    """What one way to a device (an agent, a poll of an address) says of who it is; what it does not tell is empty.

    `agent` is an agent's id, `machine` a host's machine id, `engine` the SNMP engine id, `serials` those of chassis and
    stack members, `base` the MAC address of the chassis, `shared` addresses that it holds together with others.
    """

    agent: str = ""
    machine: str = ""
    engine: str = ""
    serials: frozenset[str] = frozenset()
    base: str = ""
    macs: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    name: str = ""
    vendor: str = ""
    model: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Witnesses()

    def as_json(self) -> dict[str, Any]:
        """For the state database: only what is told."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items() if value
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Witnesses":
        told: dict[str, Any] = {
            one.name: frozenset(values[one.name]) if isinstance(values[one.name], list) else values[one.name]
            for one in fields(cls)
            if one.name in values
        }
        return cls(**told)


def witnesses(
    *,
    agent: str = "",
    machine: str = "",
    engine: str = "",
    serials: Iterable[str] = (),
    base: str = "",
    macs: Iterable[str] = (),
    addresses: Iterable[str] = (),
    shared: Iterable[str] = (),
    name: str = "",
    vendor: str = "",
    model: str = "",
) -> Witnesses:
    """Witnesses out of what a device tells, which may be anything: what identifies nobody is left out."""
    held = frozenset(_address(one) for one in shared) - {""}
    own = frozenset(_address(one) for one in addresses) - {""} - held
    return Witnesses(
        agent=agent[:_LONGEST],
        machine=machine.strip().lower()[:_LONGEST],
        engine=engine.strip().lower()[:_LONGEST],
        serials=_bounded(_serial(one) for one in serials),
        base=_station(base),
        macs=_bounded(_station(one) for one in macs),
        addresses=_bounded(own),
        shared=_bounded(held),
        name=_name(name),
        vendor=vendor.strip().lower()[:_LONGEST],
        model=model.strip()[:_LONGEST],
    )


def _bounded(values: Iterable[str]) -> frozenset[str]:
    return frozenset(sorted({one for one in values if one})[:_MOST])


def _serial(text: str) -> str:
    """A serial number in capitals; empty where it is one that vendors leave in place of a number."""
    plain = "".join(text.split()).lower()
    is_worthless = len(plain) < 4 or len(set(plain)) < 2 or plain in _WORTHLESS_SERIALS
    return "" if is_worthless else plain.upper()[:_LONGEST]


def _station(text: str) -> str:
    """A MAC address of one station; empty for what is none, or moves between devices."""
    mac = text.strip().lower().replace("-", ":")
    is_one = bool(_MAC.fullmatch(mac)) and not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00"
    return mac if is_one and not mac.startswith(_SHARED_MACS) else ""


def _address(text: str) -> str:
    """An address that others can reach; empty for what is none, or is everybody's."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    is_own = not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)
    return str(address) if is_own else ""


def _name(text: str) -> str:
    name = text.strip().rstrip(".").lower()[:_LONGEST]
    return "" if name in _WORTHLESS_NAMES else name
