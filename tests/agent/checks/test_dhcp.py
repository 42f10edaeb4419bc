"""DHCP in namespaces: Debian's dnsmasq offers, here one, there two, or none."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netmon_agent.inputs.checks.base import CannotCheck
from netmon_agent.inputs.checks.dhcp import DhcpInput, Offer, discover, read_offer
from tests.fuzz.checks import dhcp_answer
from tests.support.fuzzing import fuzz
from tests.support.namespaces import Lab, lab, needs_namespaces
from tests.support.peers import program, running

IN_NAMESPACE = """
import asyncio, json, sys
from netmon_agent.inputs.checks.dhcp import DhcpInput
from tests.support.checks import values_of

async def main():
    one = DhcpInput(type="dhcp", **json.loads(sys.argv[1]))
    (found,) = (await values_of(one)).values()
    print(json.dumps([found, one.trouble]))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def net() -> Iterator[Lab]:
    """A switch with a host that asks and two that may serve; the host has another interface with a server too."""
    with lab("switch", "here", "one", "two", "other") as net:
        net.run("switch", "ip", "link", "add", "bridge", "type", "bridge")
        net.run("switch", "ip", "link", "set", "bridge", "up")
        for host in ("here", "one", "two"):
            net.cable(host, "switch", device="eth0")
            net.run("switch", "ip", "link", "set", f"to-{host}", "master", "bridge")
        net.cable("here", "other", device="eth1", other_device="eth0")
        for host, address in (("one", "10.8.0.1"), ("two", "10.8.0.2"), ("other", "10.7.0.1")):
            net.address(host, "eth0", f"{address}/24")
        yield net


@contextmanager
def serving(net: Lab, host: str, range_: str, folder: Path) -> Iterator[None]:
    log = folder / f"{host}.log"
    command = [program("dnsmasq", "dnsmasq-base"), "--no-daemon", "--port=0", "--conf-file=/dev/null", "--no-ping"]
    command += [f"--dhcp-range={range_},1h", f"--dhcp-leasefile={folder / host}", "--user=root", "--log-dhcp"]
    with running(net.within(host, *command), log, lambda: b"DHCP, IP range" in log.read_bytes()):
        yield


def asked(net: Lab, **options: Any) -> tuple[dict[str, float], str | None]:
    argument = json.dumps({"interface": "eth0", "timeout_s": 3.0} | options)
    found, trouble = json.loads(net.run("here", sys.executable, "-c", IN_NAMESPACE, argument))
    return found, trouble


@needs_namespaces
def test_a_server_that_offers_is_up(net: Lab, tmp_path: Path) -> None:
    with serving(net, "one", "10.8.0.50,10.8.0.60", tmp_path):
        found, trouble = asked(net)
        assert (found["probe_success"], trouble, found["probe_dhcp_servers"]) == (1, None, 1)
        assert 0 < found['probe_dhcp_offer_duration_seconds{server="10.8.0.1"}'] < 3
        assert found['probe_dhcp_lease_seconds{server="10.8.0.1"}'] == 3600
        net.address("here", "eth0", "10.8.0.9/24")
        again, trouble = asked(net)
        net.run("here", "ip", "address", "flush", "dev", "eth0")
        assert (again["probe_success"], trouble) == (1, None), "with an address of its own too"
    assert not (tmp_path / "one").read_text(), "nothing was taken"


@needs_namespaces
def test_a_server_that_should_not_be_there_is_named(net: Lab, tmp_path: Path) -> None:
    with ExitStack() as servers:
        servers.enter_context(serving(net, "one", "10.8.0.50,10.8.0.60", tmp_path))
        found, trouble = asked(net, servers=["10.8.0.1"], listen_s=0.5)
        assert (found["probe_success"], trouble) == (1, None)
        servers.enter_context(serving(net, "two", "10.8.0.70,10.8.0.80", tmp_path))
        found, trouble = asked(net, servers=["10.8.0.1"], listen_s=1)
        assert (found["probe_success"], found["probe_dhcp_servers"]) == (0, 2)
        assert trouble == "10.8.0.2 offers addresses too, and is not one of 'servers'"


@needs_namespaces
def test_a_server_on_another_interface_does_not_count(net: Lab, tmp_path: Path) -> None:
    with serving(net, "other", "10.7.0.50,10.7.0.60", tmp_path):
        found, trouble = asked(net, timeout_s=0.5)
        assert (found["probe_success"], trouble) == (0, "no offer within 0.5 s")
        found, trouble = asked(net, interface="eth1")
        assert (found["probe_success"], trouble) == (1, None)
        assert b"DHCPDISCOVER(eth0)" in (tmp_path / "other.log").read_bytes()


async def test_an_interface_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CannotCheck, match=r"the interface none0 cannot be used|CAP_NET_BIND_SERVICE"):
        await DhcpInput(type="dhcp", interface="none0").gather(0)


@needs_namespaces
def test_who_may_not_listen_is_told(net: Lab) -> None:
    command = ["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    ended = subprocess.run(
        net.within("here", *command, sys.executable, "-c", IN_NAMESPACE, '{"interface": "eth0"}'),
        capture_output=True,
        text=True,
        timeout=30,
    )
    before = ended.stderr.partition("CannotCheck")[0]
    if any(word in before for word in ("Permission denied", "ModuleNotFoundError", "shared libraries")):
        pytest.skip("another user may not read this checkout, or its Python")
    assert "needs CAP_NET_BIND_SERVICE" in ended.stderr


def test_offers_are_read_and_others_left_aside() -> None:
    transaction, hardware = b"abcd", b"\2\0\0\0\0\1"
    question = discover(transaction, hardware)
    offer = b"\2" + question[1:16] + bytes([10, 0, 0, 7]) + question[20:240]
    options = b"\x35\1\2" + b"\x36\4\x0a\0\0\1" + b"\x33\4\0\0\1\0" + b"\xff"
    assert read_offer(offer + options, transaction, hardware, "10.0.0.2") == Offer("10.0.0.1", "10.0.0.7", 256)
    assert read_offer(offer + b"\0\x35\1\2", transaction, hardware, "10.0.0.2") == Offer("10.0.0.2", "10.0.0.7", None)
    for not_ours in (question, offer, offer + b"\x35\1\5", offer + b"\x35", offer + b"\x36\xff\x35\1\2", b""):
        assert read_offer(not_ours, transaction, hardware, "10.0.0.2") is None
    assert read_offer(offer + options, b"dcba", hardware, "10.0.0.2") is None
    assert read_offer(offer + options, transaction, b"\2\0\0\0\0\2", "10.0.0.2") is None


def test_damaged_offers_are_read_or_left_aside() -> None:
    assert fuzz(dhcp_answer, 0.3, 4, 2_000).inputs > 100
    assert len(discover(b"abcd", b"123456")) == 300


@pytest.mark.parametrize(
    ("options", "told"),
    [({"interface": "a b"}, "String should match"), ({"interface": "a", "servers": ["x"]}, "an address of IPv4")],
)
def test_mistakes_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        DhcpInput(type="dhcp", **options)
