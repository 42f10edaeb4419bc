"""What the packaged profiles make of what vendors' MIBs and documents say devices answer, beyond the captures."""

import pytest

from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.poll import poll
from netmon_agent.snmp.session import Value
from netmon_configs.library import Library, open_library

FORTIGATE = "1.3.6.1.4.1.12356.101"
CISCO = "1.3.6.1.4.1.9"
BIG_IP = "1.3.6.1.4.1.3375.2"


@pytest.fixture(scope="module")
def library() -> Library:
    return open_library()


async def found_on(library: Library, object_id: str, descr: str, values: dict[str, Value]) -> Findings:
    me: dict[str, Value] = {"1.3.6.1.2.1.1.1.0": descr.encode(), "1.3.6.1.2.1.1.2.0": object_id}
    return await poll(Capture({**me, "1.3.6.1.2.1.1.3.0": 100, **values}), library)


@pytest.mark.parametrize(
    ("object_id", "descr", "os", "model", "version"),
    [
        ("1.3.6.1.4.1.33049.1.1.1.3700", "MSN3700,Onyx,SWv3.9.0914", "mlnx-os", "MSN3700", "3.9.0914"),
        ("1.3.6.1.4.1.33049.1.1.1.6036", "Mellanox SX6036,MLNX-OS,SWvSX_3.4.0012", "mlnx-os", "SX6036", "3.4.0012"),
        ("1.3.6.1.4.1.40310", "Cumulus-Linux 4.2.1 (Linux Kernel 4.19.94)", "cumulus", "", "4.2.1"),
        (
            "1.3.6.1.4.1.8072.3.2.8",
            "FreeBSD edge1 13.2-RELEASE-p3 FreeBSD 13.2-RELEASE-p3 stable/23.7-n254781-c35b2b SMP amd64",
            "opnsense",
            "amd64",
            "23.7",
        ),
        (
            "1.3.6.1.4.1.8072.3.2.8",
            "FreeBSD host1 13.2-STABLE FreeBSD 13.2-STABLE stable/13-n254781-c35b2b GENERIC amd64",
            "freebsd",
            "amd64",
            "13.2-STABLE",
        ),
    ],
)
async def test_what_a_device_is_stands_in_its_description(
    library: Library, object_id: str, descr: str, os: str, model: str, version: str
) -> None:
    identity = (await found_on(library, object_id, descr, {})).identity
    assert (identity.os, identity.model, identity.version) == (os, model, version)


async def test_a_fortigate_tells_sessions_of_each_domain_and_not_their_rate(library: Library) -> None:
    domain = f"{FORTIGATE}.3.2.1.1"
    values: dict[str, Value] = {f"{domain}.2.1": b"root", f"{domain}.7.1": 812, f"{domain}.8.1": 9}
    found = await found_on(library, f"{FORTIGATE}.1.641", "", values)
    read = {one.name: one.value for one in found.readings if one.labels.get("fgVdEntName") == "root"}
    assert read == {"fgVdEntSesCount": 812, "fgVdEntSesRate": 9}


async def test_a_fortigate_tells_clients_of_each_access_point_and_which_is_gone(library: Library) -> None:
    index, points = "1.3.65.80.49", f"{FORTIGATE}.14.4"
    values: dict[str, Value] = {
        f"{points}.3.1.3.{index}": b"lobby",
        f"{points}.4.1.7.{index}": 1,
        f"{points}.4.1.17.{index}": 12,
    }
    found = await found_on(library, f"{FORTIGATE}.1.641", "", values)
    clients = [one for one in found.readings if one.name == "fgWcWtpSessionWtpStationCount"]
    assert [(one.labels["fgWcWtpConfigWtpName"], one.value) for one in clients] == [("lobby", 12)]
    assert [(one.name, one.severity) for one in found.sensors] == [("Access point lobby", "critical")]


async def test_a_card_that_failed_is_critical(library: Library) -> None:
    values: dict[str, Value] = {"1.3.6.1.2.1.47.1.1.1.1.7.22": b"module 2", f"{CISCO}.9.117.1.2.1.1.2.22": 7}
    found = await found_on(library, f"{CISCO}.12.3.1.3.1163", "Cisco NX-OS(tm) n7000", values)
    assert [(one.name, one.severity, one.meaning) for one in found.sensors] == [("module 2", "critical", "failed")]


async def test_a_balancer_tells_its_virtual_servers_and_pools_by_name(library: Library) -> None:
    server, pool = "4.47.119.101.98", "5.47.112.111.111.108"
    values: dict[str, Value] = {
        f"{BIG_IP}.2.10.1.2.1.1.{server}": b"/web",
        f"{BIG_IP}.2.10.2.3.1.12.{server}": 31,
        f"{BIG_IP}.2.10.13.2.1.2.{server}": 1,
        f"{BIG_IP}.2.5.1.2.1.1.{pool}": b"/pool",
        f"{BIG_IP}.2.5.1.2.1.8.{pool}": 2,
    }
    found = await found_on(library, f"{BIG_IP}.1.3.4.43", "Linux bigip1", values)
    read = {(one.name, *one.labels.values()): one.value for one in found.readings if one.name.startswith("ltm")}
    assert read == {
        ("ltmVsStatusAvailState", "/web"): 1,
        ("ltmVirtualServStatClientCurConns", "/web"): 31,
        ("ltmPoolActiveMemberCnt", "/pool"): 2,
    }
