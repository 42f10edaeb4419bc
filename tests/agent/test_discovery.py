"""A sweep stays within its networks, finds what answers there, and tells all of it again to who comes back."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from netmon_agent.discovery.device import neighbours_in
from netmon_agent.discovery.names import read_node_status
from netmon_agent.discovery.pace import Pace
from netmon_agent.discovery.scope import Outside, Scope
from netmon_agent.discovery.sweeper import Sweeper
from netmon_proto.model import FactTable, Found, Sweep, SweepNews


@pytest.fixture
def listening() -> Iterator[int]:
    """A TCP port of 127.0.0.2 that accepts connections."""
    with socket.create_server(("127.0.0.2", 0)) as opened:
        yield opened.getsockname()[1]


async def _all_news(sweeper: Sweeper) -> tuple[SweepNews, list[Found]]:
    found: list[Found] = []
    async with asyncio.timeout(20):
        while True:
            news = await sweeper.next()
            found += news.found
            if news.is_over:
                return news, found


@contextlib.asynccontextmanager
async def _ended(sweeper: Sweeper):  # type: ignore[no-untyped-def]
    task = asyncio.create_task(sweeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_scope_gives_out_each_host_once() -> None:
    scope = Scope(["10.0.0.0/30", "10.0.0.0/29"], ["10.1.0.0/24"])

    assert list(scope.addresses()) == [f"10.0.0.{number}" for number in range(1, 7)]
    assert scope.neighbours(["10.0.0.3", "10.1.0.7", "10.1.0.7", "10.2.0.1", "10.1.0.255", "nonsense"]) == ["10.1.0.7"]


@pytest.mark.parametrize("address", ["10.0.1.1", "10.0.0.0", "10.0.0.255", "224.0.0.1", "0.0.0.0", "fe80::1", "x", ""])
def test_what_is_outside_is_not_admitted(address: str) -> None:
    scope = Scope(["10.0.0.0/24"])

    assert scope.admits("10.0.0.9")
    assert not scope.admits(address)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("10.0.0.0/33", "is no network: write it as 10.0.0.0/24"),
        ("example.net", "is no network"),
        ("10.0.0.0/8", "16,777,214 addresses are too many for one sweep: at most 65,536"),
        ("2001:db8::/48", "2001:db8::/48 is more than a link: ask for a /64"),
        ("0.0.0.0/0", "0.0.0.0/0 is not a network of hosts"),
        ("224.0.0.0/24", "224.0.0.0/24 is not a network of hosts"),
    ],
)
def test_networks_that_cannot_be_swept_are_named(network: str, words: str) -> None:
    with pytest.raises(Outside, match=words.replace("(", "\\(")):
        Scope([network])


async def test_a_sweep_finds_hosts_and_open_ports_and_tells_them_again(listening: int) -> None:
    sweeper = Sweeper()
    async with _ended(sweeper):
        await sweeper.take(Sweep(7, ("127.0.0.2/31",), ports=(listening,), packets_per_s=1000))
        news, found = await _all_news(sweeper)
        sweeper.tell_all_again()
        again = await _all_news(sweeper)

    assert (news.id, news.done, news.total) == (7, 2, 2)
    by_address = {one.address: one for one in found}
    assert (by_address["127.0.0.2"].ports, by_address["127.0.0.3"].ports) == ((listening,), ())
    assert "tcp" in by_address["127.0.0.2"].answered
    assert again == (news, found) or again[1] == found


async def test_a_sweep_can_be_stopped() -> None:
    sweeper = Sweeper()
    async with _ended(sweeper):
        await sweeper.take(Sweep(8, ("127.0.0.0/16",), packets_per_s=10))
        await asyncio.sleep(0.05)
        await sweeper.take(Sweep(8, is_stopped=True))
        news, _ = await _all_news(sweeper)

    assert (news.id, news.trouble, news.done < 65_534) == (8, "it was stopped", True)


async def test_networks_that_an_agent_does_not_take_end_the_sweep_with_the_reason() -> None:
    sweeper = Sweeper()
    async with _ended(sweeper):
        await sweeper.take(Sweep(9, ("10.0.0.0/8",)))
        news, found = await _all_news(sweeper)

    assert found == []
    assert "too many for one sweep" in news.trouble


async def test_a_pace_is_kept() -> None:
    pace, loop = Pace(100), asyncio.get_running_loop()
    started_s = loop.time()
    for _ in range(21):
        await pace.turn()

    assert loop.time() - started_s >= 0.19


def test_neighbours_are_read_from_all_tables_that_name_them() -> None:
    tables = [
        FactTable("arp", {"address": ("10.0.0.2", ""), "mac": ("a", "b")}),
        FactTable("route", {"next_hop": ("10.0.0.2", "10.0.0.3")}),
        FactTable("port", {"name": ("ge1",)}),
    ]

    assert neighbours_in(tables) == {"10.0.0.2": "arp", "10.0.0.3": "route"}


@pytest.mark.parametrize("size", range(0, 100, 7))
def test_a_cut_answer_of_netbios_is_no_error(size: int) -> None:
    row = b"FILESERVER     \x00\x04\x00"
    answer = bytes(56) + b"\x03" + b"WORKGROUP      \x00\x84\x00" + row + row

    assert read_node_status(answer) == "FILESERVER     "
    assert read_node_status(answer[:size]).strip() in ("", "FILESERVER")
