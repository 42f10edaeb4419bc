"""What a sweep learns of hosts that run what hosts run: avahi, nmbd, a UPnP server, snmpd; over IPv4 and IPv6."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from netmon_agent.discovery.all_nodes import NotAttached, on_link
from netmon_agent.discovery.names import names_of
from netmon_agent.discovery.scope import Scope
from netmon_agent.discovery.sweeper import Sweeper
from netmon_proto.model import Found, SnmpCredential, Sweep, SweepNews
from tests.lab.inside import run_inside
from tests.support.namespaces import Lab, needs_namespaces

pytestmark = needs_namespaces
T = TypeVar("T")

HOST, HOST6 = "10.78.0.2", "fd00:78::2"
_SSDP = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 1900))
while True:
    asked, sender = s.recvfrom(2048)
    if asked.startswith(b"M-SEARCH") and b"ssdp:discover" in asked:
        about = b"ST: upnp:rootdevice\\r\\nSERVER: Linux/6.1 UPnP/1.1 attic/2\\r\\n\\r\\n"
        s.sendto(b"HTTP/1.1 200 OK\\r\\n" + about, sender)
"""
"""Answers a search as the UPnP Device Architecture has it: Debian has no responder that runs by itself."""


class Attic:
    """A host at the other end of a cable, and what runs on it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        lab.add("probe", "attic")
        lab.cable("probe", "attic")
        for host, device, last in (("probe", "to-attic", 1), ("attic", "to-probe", 2)):
            lab.address(host, device, f"10.78.0.{last}/24")
            lab.address(host, device, f"fd00:78::{last}/64")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self._running.append(subprocess.Popen(self.lab.within("attic", *command), stdout=log, stderr=log))

    def ask(self, work: Callable[[], T]) -> T:
        """What is found from the other end; asked again until something is, for some seconds."""
        deadline = time.monotonic() + 20
        while not (found := work()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def names(self, address: str = HOST) -> dict[str, str]:
        async def look() -> dict[str, str]:
            return await names_of(address, 0.5)

        return run_inside(self.lab.name("probe"), look)

    def close(self) -> None:
        for one in self._running:
            one.terminate()
            one.wait(20)


@pytest.fixture
def attic() -> Iterator[Attic]:
    lab, folder = Lab(), Path(tempfile.mkdtemp(prefix="netmon-attic-"))
    folder.chmod(0o755)
    host = Attic(lab, folder)
    try:
        yield host
    finally:
        host.close()
        lab.close()
        shutil.rmtree(folder)


@pytest.mark.skipif(not shutil.which("avahi-daemon"), reason="needs avahi-daemon")
def test_avahi_tells_its_name(attic: Attic) -> None:
    settings = attic.folder / "avahi.conf"
    settings.write_text("[server]\nhost-name=attic\nenable-dbus=no\n[publish]\npublish-addresses=yes\n")
    # It keeps its process id in a place of the whole machine: that is one of its own here.
    place = "mkdir -p /run/avahi-daemon; mount -t tmpfs none /run/avahi-daemon"
    attic.start("sh", "-c", f"{place}; exec avahi-daemon --no-drop-root --no-chroot -f {settings}")
    assert attic.ask(lambda: attic.names().get("mdns")) == "attic.local"


@pytest.mark.skipif(not shutil.which("nmbd"), reason="needs nmbd, of the Debian package samba")
def test_samba_tells_its_name(attic: Attic) -> None:
    settings = attic.folder / "smb.conf"
    places = "".join(f"{name} directory = {attic.folder}\n" for name in ("lock", "state", "cache", "pid", "private"))
    settings.write_text(f"[global]\nnetbios name = ATTIC\nworkgroup = HOME\n{places}interfaces = {HOST}/24\n")
    attic.start(
        "nmbd", "--foreground", "--no-process-group", f"--configfile={settings}", f"--log-basename={attic.folder}"
    )
    assert attic.ask(lambda: attic.names().get("netbios")) == "ATTIC"


def test_a_upnp_server_tells_what_it_is(attic: Attic) -> None:
    attic.start(sys.executable, "-IS", "-c", _SSDP)
    assert attic.ask(lambda: attic.names().get("ssdp")) == "Linux/6.1 UPnP/1.1 attic/2"


def test_who_is_on_a_link_of_ipv6_is_found_without_asking_each_address(attic: Attic) -> None:
    network = Scope(["fd00:78::/64"]).links[0]

    async def look() -> list[str]:
        return await on_link(network, 1.0)

    assert attic.ask(lambda: run_inside(attic.lab.name("probe"), look)) == [HOST6]


def test_a_link_that_the_agent_is_not_on_is_told(attic: Attic) -> None:
    async def look() -> list[str]:
        return await on_link(Scope(["fd00:99::/64"]).links[0], 0.1)

    with pytest.raises(NotAttached, match="fd00:99::/64 is too large to be asked address by address"):
        run_inside(attic.lab.name("probe"), look)


@pytest.mark.skipif(not shutil.which("snmpd", path="/usr/sbin:/usr/bin"), reason="needs snmpd")
def test_a_sweep_finds_a_host_by_ipv6_and_version_3_where_other_credentials_do_not_work(attic: Attic) -> None:
    settings = attic.folder / "snmpd.conf"
    settings.write_text("createUser ops SHA-256 authpass123 AES privpass123\nrouser ops priv\nsysName attic\n")
    script = f"export SNMP_PERSISTENT_DIR={attic.folder}; exec snmpd -f -Le -C -c {settings} -I -smux udp:161 udp6:161"
    attic.start("sh", "-c", script)
    wrong = SnmpCredential("public", community="public")
    right = SnmpCredential(
        "ops", "3", user="ops", auth="sha256", auth_password="authpass123", priv="aes128", priv_password="privpass123"
    )
    sweep = Sweep(7, ("fd00:78::/64", f"{HOST}/32"), credentials=(wrong, right), packets_per_s=1000)

    async def look() -> list[Found]:
        sweeper, found = Sweeper(), list[Found]()
        await sweeper.take(sweep)
        while True:
            news: SweepNews = await sweeper.next()
            found += news.found
            if news.is_over:
                assert news.trouble == ""
                return found if all(one.credential for one in found) else []

    found = {one.address: one for one in attic.ask(lambda: run_inside(attic.lab.name("probe"), look))}
    assert found.keys() == {HOST, HOST6}
    assert {one.credential for one in found.values()} == {"ops"}
    assert {one.told["name"] for one in found.values()} == {"attic"}
    assert "ndp" in found[HOST6].answered
    assert found[HOST].mac == found[HOST6].mac != ""
