"""Random answers to a sweep's questions, and random LLDP: each is read or left alone, in bounded time and memory.

python tests/fuzz/discovery.py [SECONDS [SEED]]
"""

import json
import random
import struct
from collections.abc import Callable

import dns.message
import dns.rrset
from dns.exception import DNSException

from netmon_agent.discovery.names import read_mdns, read_node_status, read_ssdp
from netmon_agent.surroundings.ears import Ears, read_lldpd
from netmon_agent.surroundings.lldp import Malformed, decode
from netmon_agent.surroundings.netlink import read_neighbour, read_route
from tests.support.fuzzing import damaged, main

PIECES = [b"\xc0\x0c", b"\xc0\xff", b"\0", b"\xff\xff", b"\x88\xcc", b"\r\n", b":", b"SERVER", b"[", b"{}", b"\x04\x00"]
LLDP = bytes.fromhex(
    "0180c200000e001a2b3c4d5e88cc0207040011223344550408056765302f302f370602007808046c616e0a04636f7265"
) + (bytes.fromhex("1002") + b"ab" + bytes.fromhex("100c05010a000001020000000700") + bytes(2))
NETBIOS = bytes(56) + b"\x02" + b"ATTIC          \x00\x04\x00" + b"WORKGROUP      \x00\x84\x00"
SSDP = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nSERVER: Linux/6.1 UPnP/1.0 attic/2\r\n\r\n"
LLDPD = json.dumps(
    {
        "lldp": [
            {
                "interface": [
                    {
                        "name": "eth0",
                        "chassis": [
                            {"id": [{"type": "mac", "value": "00:1a:2b:3c:4d:5e"}], "name": [{"value": "core"}]}
                        ],
                        "port": [{"id": [{"type": "ifname", "value": "ge1"}]}],
                    }
                ]
            }
        ]
    }
).encode()
NEIGHBOUR = (
    struct.pack("=BBHiHBB", 2, 0, 0, 4, 2, 0, 1)
    + struct.pack("=HH4s", 8, 1, b"\x0a\0\0\x01")
    + (struct.pack("=HH6s2x", 10, 2, b"\x02\0\0\0\0\x09"))
)
ROUTE = (
    struct.pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 3, 0, 1, 0)
    + struct.pack("=HHI", 8, 4, 4)
    + (struct.pack("=HH4s", 8, 5, b"\x0a\0\0\x01"))
)


def _mdns() -> bytes:
    answer = dns.message.make_response(dns.message.make_query("9.0.0.10.in-addr.arpa", "PTR"))
    answer.answer.append(dns.rrset.from_text("9.0.0.10.in-addr.arpa.", 60, "IN", "PTR", "attic.local."))
    return answer.to_wire()


def hear(data: bytes) -> bool:
    """Takes a frame as from the network, and tells of it."""
    ears = Ears(lambda: 0.0)
    ears.hear("eth0", data)
    for _, heard in ears.neighbours():
        texts = (heard.chassis, heard.port, heard.port_descr, heard.name, heard.descr, heard.address)
        assert all(text.isprintable() and len(text) <= 255 for text in texts)
    try:
        decode(data)
    except Malformed:
        return False
    return True


def ask_lldpd(data: bytes) -> bool:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return bool(list(read_lldpd(answer)))


def of_kernel(read: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    """What the kernel says is not hostile, but it may be newer than we are: it is read, or is no message of ours."""

    def work(data: bytes) -> bool:
        try:
            return read(data) is not None
        except (struct.error, ValueError, OSError):
            return False

    return work


def named(read: Callable[[bytes], str]) -> Callable[[bytes], bool]:
    def work(data: bytes) -> bool:
        return bool(read(data))

    return work


def mdns(data: bytes) -> bool:
    try:
        return bool(read_mdns(data))
    except (DNSException, ValueError):  # names_of takes these for no answer
        return False


SEEDS: list[tuple[bytes, Callable[[bytes], bool]]] = [
    (LLDP, hear),
    (LLDP, hear),
    (_mdns(), mdns),
    (NETBIOS, named(read_node_status)),
    (SSDP, named(read_ssdp)),
    (LLDPD, ask_lldpd),
    (NEIGHBOUR, of_kernel(read_neighbour)),
    (ROUTE, of_kernel(read_route)),
]


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    seed, work = rng.choice(SEEDS)
    return (seed if rng.random() < 0.05 else damaged(seed, rng, PIECES)), work


if __name__ == "__main__":
    main("discovery", make)
