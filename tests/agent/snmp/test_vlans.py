"""Cisco's switches tell the addresses of a VLAN to who asks in that VLAN: by community@vlan, or in a context."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.device import Target, poll_device
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.memory import Memory
from netmon_agent.snmp.poll import Wanted
from netmon_configs.library import Library, open_library
from tests.support.simulator import simulator
from tests.support.snmpd import snmpd

SYSTEM = {
    "1.3.6.1.2.1.1.1.0": ("4", "Cisco IOS Software, C2960 Software"),
    "1.3.6.1.2.1.1.2.0": ("6", "1.3.6.1.4.1.9.1.716"),
    "1.3.6.1.2.1.1.3.0": ("67", "4711"),
}
VLANS = {f"1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.{vlan}": ("2", "1") for vlan in (1, 10, 20, 1002)}
NAMES = {f"1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.{vlan}": ("4", f"vlan{vlan}") for vlan in (1, 10, 20, 1002)}
MACS = {1: [], 10: [("0.16.32.0.0.1", 3)], 20: [("0.16.32.0.0.2", 3), ("0.16.32.0.0.3", 4)]}
"""By VLAN, with the port of the bridge that each is at."""
PORTS = {10: {3: 10103}, 20: {3: 10103, 4: 10104}}
EXPECTED = {
    ("10", "00:10:20:00:00:01", "10103"),
    ("20", "00:10:20:00:00:02", "10103"),
    ("20", "00:10:20:00:00:03", "10104"),
}


def capture(folder: Path, name: str, values: dict[str, tuple[str, str]]) -> None:
    ordered = sorted(values.items(), key=lambda one: tuple(map(int, one[0].split("."))))
    (folder / f"{name}.snmprec").write_text("".join(f"{oid}|{tag}|{value}\n" for oid, (tag, value) in ordered))


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A switch of two VLANs that have something; the community is sw."""
    folder = tmp_path_factory.mktemp("captures")
    capture(folder, "sw", SYSTEM | VLANS | NAMES)
    capture(folder, "plain", SYSTEM | VLANS | NAMES)
    for vlan, macs in MACS.items():
        fdb = {f"1.3.6.1.2.1.17.4.3.1.2.{mac}": ("2", str(port)) for mac, port in macs}
        ports = {f"1.3.6.1.2.1.17.1.4.1.2.{at}": ("2", str(index)) for at, index in PORTS.get(vlan, {}).items()}
        capture(folder, f"sw@{vlan}", SYSTEM | fdb | ports)
    with simulator(folder, tmp_path_factory.mktemp("snmpsim"), "sw") as port:
        yield port


@pytest.fixture(scope="module")
def library() -> Library:
    return open_library()


def addresses(found: Findings) -> set[tuple[str, str, str]]:
    assert found.facts is not None
    (table,) = [one for one in found.facts if one.kind == "fdb"]
    return {(row.get("vlan", ""), row.get("mac", ""), row.get("ifIndex", "")) for row in table.rows()}


async def test_each_vlans_addresses_are_asked_for_by_a_community_of_its_own(switch: int, library: Library) -> None:
    target = Target("127.0.0.1", [Credential.model_validate({"community": "sw"})], switch)
    memory = Memory()
    found = await poll_device(target, library, memory, 0.0)
    assert (found.identity.vendor, addresses(found)) == ("Cisco", EXPECTED)
    assert memory.in_vlans
    assert not [one for one in found.troubles if "fdb" in one.part]


async def test_a_device_that_knows_no_such_communities_is_asked_so_once(switch: int, library: Library) -> None:
    target = Target("127.0.0.1", [Credential.model_validate({"community": "plain"})], switch)
    memory = Memory()
    found = await poll_device(target, library, memory, 0.0)
    assert (found.answered, addresses(found), memory.in_vlans) == (True, set(), False)
    assert found.facts is not None
    assert not next(one for one in found.facts if one.kind == "fdb").is_complete
    assert memory.tries.known == 0


@pytest.mark.parametrize("user", ["sealed", "sealed256", "sealed512"])
async def test_version_3_asks_in_contexts(switch: int, library: Library, tmp_path: Path, user: str) -> None:
    proxies = "".join(f"proxy -Cn vlan-{vlan} -v 2c -c sw@{vlan} 127.0.0.1:{switch} .1.3.6.1.2.1.17\n" for vlan in MACS)
    proxies += f"proxy -v 2c -c sw 127.0.0.1:{switch} .1.3.6.1.4.1.9\nview all included .1\n"
    users = "".join(f"rouser {one} priv -V all vlan-*\n" for one in ("sealed", "sealed256", "sealed512"))
    kinds = {"sealed": ("sha1", "aes128"), "sealed256": ("sha256", "aes128"), "sealed512": ("sha512", "aes256")}
    auth, priv = kinds[user]
    secrets = {"auth": auth, "auth_password": "authpass123", "priv": priv, "priv_password": "privpass123"}
    credential = Credential.model_validate({"version": "3", "user": user, **secrets})
    with snmpd(tmp_path, more=proxies + users) as port:
        target = Target("127.0.0.1", [credential], port, wanted=Wanted("cisco"))
        found = await poll_device(target, library, Memory(), 0.0)
    assert addresses(found) == EXPECTED
