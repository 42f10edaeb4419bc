"""What devices list becomes tables of facts: indexes taken apart, places looked up, tables joined."""

from pathlib import Path
from typing import Any

import pytest

from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.index import index_parts
from netmon_agent.snmp.poll import poll
from netmon_agent.snmp.session import NoAnswer, Value
from netmon_configs.library import open_library
from netmon_proto.model import FactTable

SYSTEM: dict[str, Value] = {"1.3.6.1.2.1.1.1.0": b"A switch", "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.99999.1"}
PORTS: dict[str, Value] = {
    **{f"1.3.6.1.2.1.2.2.1.2.{n}": f"port {n}".encode() for n in (501, 502)},
    **{f"1.3.6.1.2.1.31.1.1.1.1.{n}": f"ge-0/0/{n - 501}".encode() for n in (501, 502)},
    **{f"1.3.6.1.2.1.17.1.4.1.2.{n}": 500 + n for n in (1, 2)},
}
MAC = bytes.fromhex("001a2b3c4d5e")


async def facts_of(values: dict[str, Value]) -> dict[str, FactTable]:
    found = await poll(Capture({**SYSTEM, **PORTS, **values}), open_library())
    assert found.facts is not None
    return {table.kind: table for table in found.facts}


def rows(table: FactTable) -> list[dict[str, str]]:
    return list(table.rows())


@pytest.mark.parametrize(
    ("index", "kinds", "parts"),
    [
        ("7.10.0.0.1", {"ifIndex": "number", "address": "ip"}, {"ifIndex": "7", "address": "10.0.0.1"}),
        ("7.1.4.10.0.0.1", {"_if": "number", "address": "inet"}, {"address": "10.0.0.1"}),
        ("2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1", {"address": "inet"}, {"address": "2001:db8::1"}),
        ("4.20.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.3", {"address": "inet"}, {"address": "fe80::1"}),
        ("0.0", {"address": "inet"}, {"address": ""}),
        ("10.0.26.43.60.77.94", {"vlan": "number", "mac": "mac"}, {"vlan": "10", "mac": "00:1a:2b:3c:4d:5e"}),
        ("255.255.254.0", {"prefix": "mask"}, {"prefix": "23"}),
        ("2.104.105.1", {"name": "text", "n": "number"}, {"name": "hi", "n": "1"}),
        ("2.0.0.5", {"policy": "oid", "n": "number"}, {"policy": "0.0", "n": "5"}),
        ("1.2", {}, {}),
    ],
)
def test_an_index_is_taken_apart(index: str, kinds: Any, parts: dict[str, str]) -> None:
    assert index_parts(index, kinds) == parts


@pytest.mark.parametrize(
    ("index", "kind"),
    [("10.0.0", "ip"), ("10.0.0.1.2", "ip"), ("1.4.10.0.0", "inet"), ("0.26.43.60.77.999", "mac"), ("9", "text")],
)
def test_an_index_that_is_made_otherwise_is_no_row(index: str, kind: Any) -> None:
    assert index_parts(index, {"part": kind}) is None


async def test_neighbours_stand_at_the_port_that_the_device_means() -> None:
    remote = "1.0.8802.1.1.2.1.4.1.1"
    neighbours: dict[str, Value] = {}
    for local, name in ((1, b"by bridge port"), (502, b"by ifIndex"), (7, b"by name")):
        neighbours |= {
            f"{remote}.4.0.{local}.1": 4, f"{remote}.5.0.{local}.1": MAC, f"{remote}.6.0.{local}.1": 5,
            f"{remote}.7.0.{local}.1": b"Gi0/1", f"{remote}.9.0.{local}.1": name,
        }  # fmt: skip
    neighbours["1.0.8802.1.1.2.1.3.7.1.3.7"] = b"ge-0/0/1"
    neighbours["1.0.8802.1.1.2.1.4.2.1.3.0.7.1.1.4.192.0.2.9"] = 2
    found = {one["name"]: one for one in rows((await facts_of(neighbours))["neighbour"])}
    assert {name: one["ifIndex"] for name, one in found.items()} == {
        "by bridge port": "501",
        "by ifIndex": "502",
        "by name": "502",
    }
    assert found["by name"] == {
        "protocol": "lldp",
        "ifIndex": "502",
        "local_port": "ge-0/0/1",
        "chassis": "00:1a:2b:3c:4d:5e",
        "chassis_type": "4",
        "port": "Gi0/1",
        "port_type": "5",
        "name": "by name",
        "address": "192.0.2.9",
    }


async def test_six_letters_are_no_mac_address_unless_the_device_says_so() -> None:
    remote = "1.0.8802.1.1.2.1.4.1.1"
    told: dict[str, Value] = {
        f"{remote}.6.0.1.1": 5,
        f"{remote}.7.0.1.1": b"Gi1/48",
        f"{remote}.4.0.1.1": 7,
        f"{remote}.5.0.1.1": b"core-1",
    }
    (found,) = rows((await facts_of(told))["neighbour"])
    assert (found["chassis"], found["port"]) == ("core-1", "Gi1/48")


async def test_a_mac_address_is_seen_at_a_port_and_in_a_vlan() -> None:
    told: dict[str, Value] = {
        "1.3.6.1.2.1.17.7.1.4.2.1.3.0.100": 4096,  # VLAN 100 keeps its addresses in database 4096
        "1.3.6.1.2.1.17.7.1.2.2.1.2.4096.0.26.43.60.77.94": 2,
        "1.3.6.1.2.1.17.7.1.2.2.1.3.4096.0.26.43.60.77.94": 3,
        "1.3.6.1.2.1.17.7.1.2.2.1.2.30.0.26.43.60.77.95": 9,  # a port that the bridge does not have
        "1.3.6.1.2.1.17.4.3.1.2.0.26.43.60.77.94": 2,  # the same again, without VLAN
    }
    assert rows((await facts_of(told))["fdb"]) == [
        {"mac": "00:1a:2b:3c:4d:5f", "vlan": "30"},
        {"mac": "00:1a:2b:3c:4d:5e", "vlan": "100", "ifIndex": "502", "status": "3"},
    ]


async def test_sets_of_ports_become_a_row_for_each_port() -> None:
    told: dict[str, Value] = {
        "1.3.6.1.2.1.17.7.1.4.2.1.4.0.100": b"\xe0",  # bridge ports 1, 2 and 3, of which there is no third
        "1.3.6.1.2.1.17.7.1.4.2.1.5.0.100": b"\x40",
    }
    assert rows((await facts_of(told))["vlan-port"]) == [
        {"vlan": "100", "ifIndex": "501", "tagged": "yes"},
        {"vlan": "100", "ifIndex": "502", "tagged": "no"},
    ]


async def test_addresses_and_routes_are_read_from_either_table() -> None:
    told: dict[str, Value] = {
        "1.3.6.1.2.1.4.20.1.2.192.0.2.1": 501,
        "1.3.6.1.2.1.4.20.1.3.192.0.2.1": "255.255.255.0",
        "1.3.6.1.2.1.4.34.1.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1": 502,
        "1.3.6.1.2.1.4.34.1.5.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1": "1.3.6.1.2.1.4.32.1.5.502.2.16.32.1.0.64",
        "1.3.6.1.2.1.4.24.4.1.5.10.0.0.0.255.0.0.0.0.192.0.2.254": 501,
        "1.3.6.1.2.1.4.24.4.1.6.10.0.0.0.255.0.0.0.0.192.0.2.254": 4,
    }
    facts = await facts_of(told)
    assert rows(facts["address"]) == [
        {"address": "192.0.2.1", "prefix": "24", "ifIndex": "501"},
        {"address": "2001:db8::1", "prefix": "64", "ifIndex": "502"},
    ]
    assert rows(facts["route"]) == [
        {"destination": "10.0.0.0", "prefix": "8", "next_hop": "192.0.2.254", "ifIndex": "501", "type": "4"}
    ]


async def test_parts_tell_their_ports() -> None:
    part = "1.3.6.1.2.1.47.1.1.1.1"
    told: dict[str, Value] = {
        f"{part}.5.9": 10, f"{part}.7.9": b"Port 1", f"{part}.4.9": 1,
        "1.3.6.1.2.1.47.1.3.2.1.2.9.0": "1.3.6.1.2.1.2.2.1.1.501",
    }  # fmt: skip
    (found,) = rows((await facts_of(told))["part"])
    assert (found["index"], found["within"], found["ifIndex"]) == ("9", "1", "501")


async def test_an_empty_table_is_told_and_what_could_not_be_read_is_no_empty_table() -> None:
    facts = await facts_of({})
    assert (len(facts["arp"]), facts["arp"].is_complete) == (0, True)
    assert "neighbour-address" not in facts, "it is part of another kind"

    class Mute(Capture):
        async def walk(self, oid: str, rows: int = 0, most: int = 0) -> Any:
            if oid == "1.3.6.1.2.1.4.22.1.2":
                raise NoAnswer("no answer to 3 requests")
            return await super().walk(oid, rows)

    found = await poll(Mute({**SYSTEM, **PORTS}), open_library())
    assert found.facts is not None
    assert {table.kind for table in found.facts if not table.is_complete} == {"arp"}


async def test_no_more_rows_are_read_than_the_rule_says(tmp_path: Path) -> None:
    (tmp_path / "few.yaml").write_text(
        "extends: []\nsystems: [{os: few, vendor: Few, match: {sysObjectID: 1.3.6.1.4.1.99999.*}}]\n"
        "entries: [{kind: thing, rows: 1.3.6.1.4.1.99999.2, most: 3, index: {n: number}}]\n"
    )
    values: dict[str, Value] = {**SYSTEM, **{f"1.3.6.1.4.1.99999.2.{n}": n for n in range(1, 10)}}
    found = await poll(Capture(values), open_library(tmp_path))
    assert found.facts is not None
    (table,) = found.facts
    assert (table.kind, table.is_complete, len(table)) == ("thing", False, 4)
    assert [one.text for one in found.troubles] == ["1.3.6.1.4.1.99999.2: more than 3 values"]
