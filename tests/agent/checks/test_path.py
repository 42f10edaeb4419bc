"""Traces through three routers in namespaces, with a second way around one of them."""

import errno
import json
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from netmon_agent.icmp.trace import RouterError, read_error
from netmon_agent.inputs.checks.path import PathInput, has_changed
from tests.support.checks import values_of
from tests.support.namespaces import Lab, lab, needs_namespaces

FAR, FAR_6 = "10.9.34.2", "fd09:34::2"

IN_NAMESPACE = """
import asyncio, json, subprocess, sys
from netmon_agent.inputs.checks.path import PathInput
from tests.support.checks import values_of

async def main():
    options, between = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    one = PathInput(type="path", **options)
    told = []
    for step in [None, *between]:
        if step is not None:
            subprocess.run(step, check=True)
        (found,) = (await values_of(one)).values()
        told.append([found, one.trouble])
    print(json.dumps(told))

asyncio.run(main())
"""


def wire(net: Lab, one: str, other: str, numbers: str) -> None:
    """A network of two addresses in each family: .1 and ::1 at one end, .2 and ::2 at the other."""
    net.cable(one, other)
    for end, host, device in ((1, one, f"to-{other}"), (2, other, f"to-{one}")):
        net.address(host, device, f"10.9.{numbers}.{end}/24")
        net.address(host, device, f"fd09:{numbers}::{end}/64")


def route(net: Lab, host: str, numbers: str, end: int, *targets: str) -> None:
    for target in targets:
        via = f"10.9.{numbers}.{end}" if "." in target else f"fd09:{numbers}::{end}"
        net.run(host, "ip", "route", "replace", target, "via", via)


@pytest.fixture(scope="module")
def net() -> Iterator[Lab]:
    """here - r1 - r2 - r3 - far, and r1 - r4 - r3 beside it."""
    with lab("here", "r1", "r2", "r3", "r4", "far") as net:
        for one, other, numbers in (
            ("here", "r1", "1"), ("r1", "r2", "12"), ("r2", "r3", "23"), ("r3", "far", "34"),
            ("r1", "r4", "14"), ("r4", "r3", "43"),
        ):  # fmt: skip
            wire(net, one, other, numbers)
        for router in ("r1", "r2", "r3", "r4"):
            settings = (
                "ipv4.ip_forward=1",
                "ipv6.conf.all.forwarding=1",
                "ipv4.icmp_ratelimit=0",
                "ipv6.icmp.ratelimit=0",
            )
            net.run(router, "sysctl", "-q", *(f"net.{one}" for one in settings), "net.ipv4.conf.all.rp_filter=0")
        route(net, "here", "1", 2, "0.0.0.0/0", "::/0")
        route(net, "far", "34", 1, "0.0.0.0/0", "::/0")
        far, back = ("10.9.34.0/24", "fd09:34::/64"), ("10.9.1.0/24", "fd09:1::/64")
        for host, numbers, end, targets in (
            ("r1", "12", 2, far), ("r2", "23", 2, far), ("r4", "43", 2, far),
            ("r3", "23", 1, back), ("r2", "12", 1, back), ("r4", "14", 1, back),
        ):  # fmt: skip
            route(net, host, numbers, end, *targets)
        for host in ("r2", "r3", "r4"):  # answers of routers come from addresses of their links
            route(net, host, {"r2": "12", "r3": "23", "r4": "14"}[host], 1, "0.0.0.0/0", "::/0")
        yield net


def traced(net: Lab, between: Sequence[list[str]] = (), **options: Any) -> list[tuple[dict[str, float], str | None]]:
    """What a check finds at first, and again after each command."""
    arguments = [json.dumps({"gap_s": 0.005, "timeout_s": 0.4} | options), json.dumps(list(between))]
    answer = net.run("here", sys.executable, "-c", IN_NAMESPACE, *arguments)
    return [(found, trouble) for found, trouble in json.loads(answer)]


def addresses(found: dict[str, float]) -> list[str]:
    return [name.split('"')[1] for name in sorted(found, key=lambda one: one[-3:]) if "hop_info" in name]


@needs_namespaces
@pytest.mark.parametrize(
    ("host", "routers"),
    [(FAR, ["10.9.1.2", "10.9.12.2", "10.9.23.2", FAR]), (FAR_6, ["fd09:1::2", "fd09:12::2", "fd09:23::2", FAR_6])],
)
@pytest.mark.parametrize("raw", [True, False])
def test_the_hops_to_a_host_are_found(net: Lab, host: str, routers: list[str], raw: bool) -> None:
    net.run("here", "sysctl", "-q", f"net.ipv4.ping_group_range={'1 0' if raw else '0 2147483647'}")
    ((found, trouble),) = traced(net, host=host)
    assert (found["probe_success"], trouble) == (1, None)
    assert addresses(found) == routers
    assert (found["probe_path_hops"], found["probe_path_changed"], found["probe_path_changes_total"]) == (4, 0, 0)
    for hop in "1234":
        assert found[f'probe_path_hop_loss_ratio{{hop="{hop}"}}'] == 0
        assert 0 < found[f'probe_path_hop_rtt_seconds{{hop="{hop}"}}'] < 0.4


@needs_namespaces
def test_a_way_that_changes_is_told_once(net: Lab) -> None:
    detour = net.within("r1", "ip", "route", "replace", "10.9.34.0/24", "via")
    told = traced(net, [["true"], [*detour, "10.9.14.2"], ["true"], [*detour, "10.9.12.2"]], host=FAR)
    assert [found["probe_path_changed"] for found, _ in told] == [0, 0, 1, 0, 1]
    assert [found["probe_path_changes_total"] for found, _ in told] == [0, 0, 1, 1, 2]
    assert [addresses(found)[1] for found, _ in told] == [*["10.9.12.2"] * 2, *["10.9.14.2"] * 2, "10.9.12.2"]


@needs_namespaces
def test_a_silent_router_is_a_gap_and_no_change(net: Lab) -> None:
    silence = net.within("r2", "ip", "route", "replace", "blackhole", "10.9.1.0/24")
    speech = net.within("r2", "ip", "route", "replace", "10.9.1.0/24", "via", "10.9.12.1")
    back = net.within("r3", "ip", "route", "replace", "10.9.1.0/24", "via")
    told = traced(net, [[*back, "10.9.43.1"], silence, speech, [*back, "10.9.23.1"]], host=FAR)
    quiet = told[2][0]
    assert quiet["probe_success"] == 1
    assert quiet['probe_path_hop_loss_ratio{hop="2"}'] == 1
    assert 'probe_path_hop_rtt_seconds{hop="2"}' not in quiet
    assert quiet["probe_path_changed"] == 0
    assert told[3][0]["probe_path_changed"] == 0


@needs_namespaces
def test_a_host_that_is_gone_is_down_with_the_last_hop_that_answers(net: Lab) -> None:
    ((found, trouble),) = traced(net, host="10.9.34.77", tries=1, max_hops=6, timeout_s=0.3)
    assert (found["probe_success"], trouble) == (0, "no answer; the last hop that answers is number 3")
    assert "probe_path_hops" not in found
    assert len(addresses(found)) == 3


@needs_namespaces
def test_a_router_that_refuses_is_named() -> None:
    with lab("here", "r1") as net:  # of its own: Linux counts all that a router has answered before it refuses
        wire(net, "here", "r1", "1")
        net.run("r1", "sysctl", "-q", "net.ipv4.ip_forward=1")
        net.run("r1", "ip", "route", "add", "unreachable", "10.9.99.0/24")
        route(net, "here", "1", 2, "0.0.0.0/0")
        ((found, trouble),) = traced(net, host="10.9.99.1", tries=2)
    assert (found["probe_success"], trouble) == (0, "10.9.1.2 says that there is no way to it")
    assert addresses(found) == ["10.9.1.2"]


@needs_namespaces
def test_a_host_beyond_the_last_hop_is_down(net: Lab) -> None:
    ((found, trouble),) = traced(net, host=FAR, max_hops=2)
    assert (found["probe_success"], trouble) == (0, "no answer; the last hop that answers is number 2")


async def test_this_machine_is_one_hop_away() -> None:
    one = PathInput(type="path", host="127.0.0.1", gap_s=0.001)
    (found,) = (await values_of(one)).values()
    assert (found["probe_success"], found["probe_path_hops"], one.trouble) == (1, 1, None)


async def test_a_name_that_nobody_has_is_down() -> None:
    (found,) = (await values_of(PathInput(type="path", host="no-such-host.invalid"))).values()
    assert found["probe_success"] == 0


def error_of(origin: int, address: bytes) -> list[tuple[int, int, bytes]]:
    return [(0, 11, struct.pack("@IBBBBII", errno.EHOSTUNREACH, origin, 11, 0, 0, 0, 0) + address)]


def test_what_the_queue_of_errors_says_is_read_or_left_aside() -> None:
    router = struct.pack("!HH4s8x", 2, 0, bytes([192, 0, 2, 1]))
    assert read_error(b"x", error_of(2, router)) == RouterError("192.0.2.1", 11, 0, b"x")
    assert read_error(b"x", error_of(1, router)) is None
    assert read_error(b"x", error_of(2, b"")) is None
    assert read_error(b"x", error_of(3, router)) is None
    assert read_error(b"", [(0, 11, b"short"), (1, 35, b"")]) is None


def test_only_another_router_is_a_change() -> None:
    a, b, both = frozenset("a"), frozenset("b"), frozenset("ab")
    assert not has_changed({}, {1: a})
    assert not has_changed({1: a, 2: b}, {1: a})
    assert not has_changed({1: a}, {1: both})
    assert has_changed({1: a, 2: a}, {1: a, 2: b})


def test_mistakes_are_told() -> None:
    with pytest.raises(ValidationError, match="multiple of 2"):
        PathInput(type="path", host="a", size=33)
