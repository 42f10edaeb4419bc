"""Whether the host still has its network, and who is near: by the kernel's own tables, of this host and of a lab."""

import socket
import struct

import pytest

from netmon_agent.inputs.footing.canaries import CanariesInput, gateway_6_of, gateway_of
from netmon_agent.inputs.footing.neighbours import Neighbour, NeighboursInput, neighbours, parse

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def route(destination: str, gateway: str, flags: int, metric: int, mask: str) -> str:
    """A line as the kernel of this machine writes it: addresses in its own order of bytes."""
    hexes = [f"{struct.unpack('=L', socket.inet_aton(one))[0]:08X}" for one in (destination, gateway, mask)]
    return f"eth0\t{hexes[0]}\t{hexes[1]}\t{flags:04X}\t0\t0\t{metric}\t{hexes[2]}\t0\t0\t0\n"


def test_the_gateway_is_that_of_the_default_route_with_the_lowest_metric() -> None:
    table = (
        HEADER
        + route("10.0.0.0", "0.0.0.0", 0x1, 0, "255.255.255.0")
        + route("0.0.0.0", "10.0.0.2", 0x3, 200, "0.0.0.0")
        + route("0.0.0.0", "10.0.0.1", 0x3, 100, "0.0.0.0")
        + route("172.16.0.0", "10.0.0.9", 0x3, 0, "255.240.0.0")
    )
    assert gateway_of(table) == "10.0.0.1"
    assert gateway_of(HEADER) is None
    assert gateway_of(HEADER + route("0.0.0.0", "0.0.0.0", 0x1, 0, "0.0.0.0")) is None


def route_6(destination: str, gateway: str, metric: int, flags: int) -> str:
    fields = (destination, "00" * 16, gateway, f"{metric:08x}", f"{flags:08x}")
    return "{} 00 {} 00 {} {} 00000001 00000000 {}     eth0\n".format(*fields)


def test_a_host_of_ipv6_alone_has_a_gateway_too() -> None:
    near, far = "fe80" + "00" * 13 + "01", "20010db8" + "00" * 11 + "fe"
    unreachable = route_6("00" * 16, "00" * 16, 0, 0x00200200)
    assert gateway_6_of(unreachable + route_6("00" * 16, near, 0x400, 0x00450003)) == "fe80::1%eth0"
    assert gateway_6_of(route_6("00" * 16, far, 1, 0x3) + route_6("00" * 16, near, 2, 0x3)) == "2001:db8::fe"
    assert gateway_6_of(unreachable + route_6("20010db8" + "00" * 12, near, 1, 0x3)) is None


async def test_a_canary_that_answers_is_told_from_one_that_has_no_address() -> None:
    canaries = CanariesInput.model_validate({"type": "canaries", "targets": ["127.0.0.1", "no.such.name.invalid"]})
    found = {one.labels["target"]: one.value for one in await canaries.gather(0)}
    await canaries.close()
    assert found == {"127.0.0.1": 1.0, "no.such.name.invalid": 0.0}


def message(state: int, address: bytes | None, confirmed: int | None) -> bytes:
    """An ndmsg as the kernel sends it (rtnetlink(7)), with the attributes NDA_DST and NDA_CACHEINFO."""
    family = socket.AF_INET6 if address is not None and len(address) == 16 else socket.AF_INET
    content = struct.pack("=BBHiHBB", family, 0, 0, 2, state, 0, 1)
    if address is not None:
        content += struct.pack("=HH", 4 + len(address), 1) + address
    if confirmed is not None:
        content += struct.pack("=HHLLLL", 20, 3, confirmed, 0, 0, 1)
    return content


@pytest.mark.parametrize("state", [0x02, 0x04, 0x08, 0x10])
def test_a_neighbour_that_answered_is_told_with_the_time_since_then(state: int) -> None:
    assert parse(message(state, socket.inet_aton("10.0.0.7"), 250)) == Neighbour("10.0.0.7", 2.5)
    address = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    assert parse(message(state, address, 0)) == Neighbour("2001:db8::7", 0.0)


@pytest.mark.parametrize("state", [0x00, 0x01, 0x20, 0x40, 0x80])
def test_one_that_never_answered_or_was_set_by_hand_is_no_witness(state: int) -> None:
    assert parse(message(state, socket.inet_aton("10.0.0.7"), 250)) is None


def test_a_message_without_address_or_times_is_no_neighbour() -> None:
    assert parse(message(0x02, None, 250)) is None
    assert parse(message(0x02, socket.inet_aton("10.0.0.7"), None)) is None


async def test_the_kernels_own_tables_can_be_read() -> None:
    ages_s = {one.address: one.age_s for one in neighbours()}
    told = await NeighboursInput.model_validate({"type": "neighbours", "within": "1h"}).gather(0)
    assert {one.labels["address"] for one in told} <= set(ages_s) | {one.address for one in neighbours()}
    assert all(one.value <= 3600 for one in told)
