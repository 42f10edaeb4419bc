"""BRIDGE-MIB (RFC 4188) of a Linux bridge, which snmpd has not: a program for its directive pass_persist.

Speaks snmpd's line protocol on stdin and stdout. Everything is read from sysfs, at most twice a second.
"""

import bisect
import os
import struct
import sys
import time
from pathlib import Path
from typing import Final

BRIDGE: Final = (1, 3, 6, 1, 2, 1, 17)
Oid = tuple[int, ...]
Value = tuple[str, str]

_ENTRY: Final = struct.Struct("=6sBBIBBH")
"""struct __fdb_entry of linux/if_bridge.h: address, low byte of the port, is local, timer, high byte of the port."""
_STP_STATES: Final = {0: 1, 1: 3, 2: 4, 3: 5, 4: 2}
"""What the kernel calls disabled, listening, learning, forwarding, blocking, as dot1dStpPortState."""
_KEPT_S: Final = 0.5


def read_bridge(name: str, net: Path = Path("/sys/class/net")) -> dict[Oid, Value]:
    """All objects of a bridge."""
    folder = net / name
    ports = {_hex(port / "port_no"): port for port in (folder / "brif").iterdir()}
    address = (folder / "address").read_text().strip()
    found: dict[Oid, Value] = {
        (1, 1, 0): _octets(address.replace(":", "")),
        (1, 2, 0): ("integer", str(len(ports))),
        (1, 3, 0): ("integer", "2"),
        (2, 1, 0): ("integer", "3"),
        (2, 2, 0): ("integer", str(_hex(folder / "bridge/priority", 10))),
        (2, 5, 0): _octets((folder / "bridge/root_id").read_text().strip().replace(".", "")),
        (2, 6, 0): ("integer", str(_hex(folder / "bridge/root_path_cost", 10))),
        (2, 7, 0): ("integer", str(_hex(folder / "bridge/root_port", 10))),
    }
    for number, port in ports.items():
        index = (net / port.name / "ifindex").read_text().strip()
        state = _STP_STATES[_hex(port / "state", 10)]
        found |= {
            (1, 4, 1, 1, number): ("integer", str(number)),
            (1, 4, 1, 2, number): ("integer", index),
            (2, 15, 1, 1, number): ("integer", str(number)),
            (2, 15, 1, 3, number): ("integer", str(state)),
            (2, 15, 1, 5, number): ("integer", str(_hex(port / "path_cost", 10))),
            (2, 15, 1, 8, number): _octets((port / "designated_bridge").read_text().strip().replace(".", "")),
            (2, 15, 1, 9, number): _octets(f"{_hex(port / 'designated_port', 10):04x}"),
        }
    return found | _forwarding((folder / "brforward").read_bytes())


def _forwarding(table: bytes) -> dict[Oid, Value]:
    found: dict[Oid, Value] = {}
    for address, low, is_local, _, high, _, _ in _ENTRY.iter_unpack(table):
        index = tuple(address)
        found[4, 3, 1, 1, *index] = _octets(address.hex())
        found[4, 3, 1, 2, *index] = ("integer", str(high << 8 | low))
        found[4, 3, 1, 3, *index] = ("integer", "4" if is_local else "3")
    return found


def _hex(path: Path, base: int = 16) -> int:
    return int(path.read_text().strip(), base)


def _octets(digits: str) -> Value:
    return "octet", " ".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def main() -> None:
    """Answers PING, get and getnext until the end of input."""
    known: dict[Oid, Value] = {}
    order: list[Oid] = []
    read_s = -_KEPT_S
    for line in sys.stdin:
        command = line.strip()
        if command == "PING":
            _say("PONG")
            continue
        asked = tuple(int(arc) for arc in sys.stdin.readline().strip().split(".") if arc)
        if time.monotonic() - read_s > _KEPT_S:
            known, read_s = read_bridge(os.environ.get("BRIDGE", "br0")), time.monotonic()
            order = sorted(known)
        inner = asked[len(BRIDGE) :]
        if command == "getnext":
            place = bisect.bisect_right(order, inner)
            inner = order[place] if place < len(order) else ()
        if inner in known:
            kind, value = known[inner]
            _say("." + ".".join(map(str, BRIDGE + inner)), kind, value)
        else:
            _say("NONE")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
