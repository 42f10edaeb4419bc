"""What a host knows by itself: checked against systemd, iproute2 and lldpd."""

import asyncio
import contextlib
import json
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netmon_agent.surroundings import netlink, report
from netmon_agent.surroundings.ears import Ears, read_lldpd
from netmon_agent.surroundings.lldp import Heard, Malformed, decode
from netmon_agent.surroundings.machine import machine_id
from netmon_agent.surroundings.teller import FORGET_TRAFFIC_S, Teller
from netmon_proto.model import FactTable
from tests.lab.inside import run_inside
from tests.support.clocks import HandClock
from tests.support.namespaces import Lab, needs_namespaces

APPLICATION = "b3f6a1c05d0e4d1a9c556a7d2f0e4b91"
SWITCH = Heard(
    120,
    "00:1a:2b:3c:4d:5e",
    4,
    "ge-0/0/7",
    5,
    port_descr="to the attic",
    name="core.example",
    descr="a switch",
    address="10.0.0.1",
)


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(value)) + value


def frame(*items: bytes, tag: bytes = b"") -> bytes:
    return bytes.fromhex("0180c200000e001a2b3c4d5e") + tag + b"\x88\xcc" + b"".join(items) + b"\x00\x00"


CHASSIS, PORT, TTL = tlv(1, b"\x04\x00\x1a\x2b\x3c\x4d\x5e"), tlv(2, b"\x05ge-0/0/7"), tlv(3, b"\x00\x78")
MORE = (
    tlv(4, b"to the attic"),
    tlv(5, b"core.example"),
    tlv(6, b"a switch\x00"),
    tlv(8, b"\x05\x01\x0a\x00\x00\x01\x02\x00\x00\x00\x07\x00"),
)


@pytest.fixture
def lab() -> Iterator[Lab]:
    one = Lab()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """lldpd gives up root; pytest's folders are for root alone."""
    folder = Path(tempfile.mkdtemp(prefix="netmon-lldp-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not shutil.which("systemd-id128"), reason="needs systemd-id128")
def test_the_machine_id_is_what_systemd_makes_for_an_application() -> None:
    if not Path("/etc/machine-id").exists():
        pytest.skip("this machine has no machine id")
    said = subprocess.run(
        ["systemd-id128", "-a", APPLICATION, "machine-id"], capture_output=True, text=True, timeout=20
    )
    assert machine_id() == said.stdout.strip()


def test_a_machine_without_an_id_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("uninitialized\n")
    (tmp_path / "zero").write_text("0" * 32)
    assert machine_id((tmp_path / "missing", tmp_path / "empty", tmp_path / "zero")) == ""


@needs_namespaces
def test_neighbours_and_routes_are_those_that_ip_shows(lab: Lab) -> None:
    lab.add("a", "b")
    lab.cable("a", "b")
    for host, device, last in (("a", "to-b", 1), ("b", "to-a", 2)):
        lab.address(host, device, f"10.77.0.{last}/24")
        lab.address(host, device, f"fd00:77::{last}/64")
    for command in (
        "route add default via 10.77.0.2",
        "-6 route add fd01::/48 via fd00:77::2",
        "route add blackhole 10.9.0.0/16",
    ):
        lab.run("a", "ip", *command.split())
    lab.run("a", "ip", "neigh", "add", "10.77.0.9", "lladdr", "02:00:00:00:00:09", "dev", "to-b")

    async def read() -> Any:
        for address in ("10.77.0.2", "fd00:77::2"):
            with contextlib.suppress(ConnectionRefusedError):  # it is asked for its MAC address all the same
                socket.create_connection((address, 9), 5)
        return netlink.neighbours(), netlink.routes()

    near, ways = run_inside(lab.name("a"), read)

    shown = [json.loads(lab.run("a", "ip", "-j", family, "neigh")) for family in ("-4", "-6")]
    mine = {(one.address, one.mac) for one in near}
    assert mine == {(one["dst"], one["lladdr"]) for rows in shown for one in rows if "lladdr" in one}
    assert ("10.77.0.9", "02:00:00:00:00:09") in mine
    assert len({address for address, _ in mine if ":" in address}) >= 1
    mine_routes = {(f"{one.destination}/{one.prefix}", one.next_hop) for one in ways}
    assert mine_routes >= {
        ("0.0.0.0/0", "10.77.0.2"),
        ("10.77.0.0/24", ""),
        ("fd01::/48", "fd00:77::2"),
        ("fd00:77::/64", ""),
    }
    assert not [one for one in mine_routes if one[0].startswith("10.9.")]


@needs_namespaces
@pytest.mark.skipif(not shutil.which("lldpd"), reason="needs lldpd")
def test_the_switch_that_lldpd_speaks_for_is_heard_with_its_port(lab: Lab, open_folder: Path) -> None:
    lab.add("host", "switch")
    lab.cable("host", "switch")
    Path("/run/lldpd").mkdir(exist_ok=True)
    settings = open_folder / "lldpd.conf"
    settings.write_text(
        "configure system hostname core\nconfigure lldp tx-interval 1\nconfigure lldp portidsubtype ifname\n"
    )
    words = ("lldpd", "-d", "-u", str(open_folder / "socket"), "-O", str(settings))
    speaking = subprocess.Popen(lab.within("switch", *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def listen() -> list[tuple[str, Heard]]:
        ears = Ears()
        ears.open()
        try:
            async with asyncio.timeout(20):
                while not ears.neighbours():  # noqa: ASYNC110 - nobody tells when it hears somebody
                    await asyncio.sleep(0.05)
            return ears.neighbours()
        finally:
            ears.close()

    try:
        ((interface, heard),) = run_inside(lab.name("host"), listen)
        asked = ["lldpcli", "-u", str(open_folder / "socket"), "-f", "json0", "show", "chassis"]
        shown = subprocess.run(lab.within("switch", *asked), capture_output=True, text=True, timeout=20, check=True)
    finally:
        speaking.terminate()
        speaking.wait(20)
    chassis = json.loads(shown.stdout)["local-chassis"][0]["chassis"][0]
    assert (interface, heard.name, heard.port, heard.port_type) == ("to-switch", "core", "to-host", 5)
    assert (heard.chassis, heard.chassis_type) == (chassis["id"][0]["value"], 4)


@pytest.mark.parametrize("tag", [b"", b"\x81\x00\x00\x0a"])
def test_a_frame_says_who_sent_it(tag: bytes) -> None:
    assert decode(frame(CHASSIS, PORT, TTL, *MORE, tag=tag)) == SWITCH


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 60,
        frame(CHASSIS, PORT),
        frame(CHASSIS, PORT, tlv(3, b"\x00")),
        frame(tlv(1, b""), PORT, TTL),
        frame(CHASSIS, PORT, TTL)[:-2] + struct.pack(">H", 5 << 9 | 500) + b"short",
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)


def test_hostile_text_is_made_harmless() -> None:
    heard = decode(frame(CHASSIS, PORT, TTL, tlv(5, b"\x1b[2J\xff\n<script>" + b"x" * 400)))
    assert heard.name.isprintable()
    assert len(heard.name) <= 255
    assert heard.name.startswith("[2J")


def test_a_neighbour_that_goes_silent_or_says_goodbye_is_gone() -> None:
    clock = HandClock(0)
    ears = Ears(lambda: clock.now_ms() / 1000)
    ears.hear("eth0", frame(CHASSIS, PORT, TTL))
    ears.hear("eth1", frame(CHASSIS, tlv(2, b"\x05ge2"), TTL))
    ears.hear("eth1", b"noise")
    assert [interface for interface, _ in ears.neighbours()] == ["eth0", "eth1"]
    ears.hear("eth1", frame(CHASSIS, tlv(2, b"\x05ge2"), tlv(3, b"\x00\x00")))
    assert [interface for interface, _ in ears.neighbours()] == ["eth0"]
    clock.pass_ms(121_000)
    assert ears.neighbours() == []


def test_what_lldpd_heard_is_understood() -> None:
    answer = {
        "lldp": [
            {
                "interface": [
                    {
                        "name": "eth0",
                        "chassis": [
                            {
                                "id": [{"type": "mac", "value": SWITCH.chassis}],
                                "name": [{"value": "core.example"}],
                                "descr": [{"value": "a switch"}],
                                "mgmt-ip": [{"value": "10.0.0.1"}, {"value": "fe80::1"}],
                            }
                        ],
                        "port": [
                            {"id": [{"type": "ifname", "value": SWITCH.port}], "descr": [{"value": "to the attic"}]}
                        ],
                    }
                ]
            }
        ]
    }
    ((interface, heard),) = read_lldpd(answer)
    assert (interface, heard.key, heard.address, heard.port_type) == ("eth0", SWITCH.key, "10.0.0.1", 5)
    answers: list[Any] = [{}, [], None, {"lldp": [{"interface": "x"}]}, {"lldp": [{"interface": [{"name": 1}]}]}]
    assert [list(read_lldpd(one)) for one in answers] == [[]] * len(answers)


async def test_the_collector_is_told_when_something_changed_and_when_it_comes_back() -> None:
    clock = HandClock(1_000_000)
    ears = Ears(lambda: clock.now_ms() / 1000)
    teller = Teller("web1", clock.now_ms, ears)
    await teller.look("id")
    first = await teller.next()
    tables = {one.kind: one for one in first.tables}
    assert (first.device, first.is_last) == ("", True)
    assert tables["device"].columns == {"machine_id": ("id",), "hostname": ("web1",)}
    assert {name for _, name in socket.if_nameindex()} == set(tables["port"].columns["name"])
    assert "127.0.0.1" in tables["address"].columns["address"]

    await teller.look("id")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(teller.next(), 0.01)
    ears.hear("lo", frame(CHASSIS, PORT, TTL, *MORE))
    await teller.look("id")
    (row,) = next(one for one in (await teller.next()).tables if one.kind == "neighbour").rows()
    assert (row["name"], row["port"], row["local_port"], row["ifIndex"]) == ("core.example", "ge-0/0/7", "lo", "1")
    teller.tell_all_again()
    assert (await teller.next()).tables


async def test_a_busy_neighbour_cache_is_told_of_once_a_minute() -> None:
    clock = HandClock(1_000_000)
    near: list[str] = []
    teller = Teller("web1", clock.now_ms, read=lambda *_: (FactTable("port"), FactTable("arp", {"mac": tuple(near)})))
    await teller.look("id")
    await teller.next()
    near.append("02:00:00:00:00:09")
    await teller.look("id")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(teller.next(), 0.01)
    clock.pass_ms(round(FORGET_TRAFFIC_S * 1000))
    await teller.look("id")
    assert FactTable("arp", {"mac": ("02:00:00:00:00:09",)}) in (await teller.next()).tables


def test_all_tables_have_the_fields_that_the_map_reads() -> None:
    found = {one.kind: set(one.columns) for one in report.tables("web1", "", [("lo", SWITCH)])}
    assert found["neighbour"] >= {
        "protocol",
        "ifIndex",
        "chassis",
        "chassis_type",
        "port",
        "port_type",
        "name",
        "address",
    }
    assert found["address"] == {"address", "prefix", "ifIndex"}
