"""Which site an address is at, and that private addresses of two sites are kept apart."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from netmon_collector.discovery.records import Plan
from netmon_collector.sites import Site, Sites
from netmon_proto.model import DeviceFacts, FactTable, Found, SnmpCredential, SweepNews
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, have_polled

OSLO = Site("oslo", (ip_network("10.1.0.0/16"),))
NORWAY = Site("norway", (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
BERGEN = Site("bergen", (ip_network("10.0.0.0/8"),), ("bergen-gw",))
SHIP = Site("ship", (), ("ship-gw",))


class Nothing:
    def all(self) -> list[Site]:
        return []

    def put(self, site: Site) -> None: ...

    def remove(self, name: str) -> None: ...


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as one:
        yield one


@pytest.mark.parametrize(
    ("address", "agent", "site"),
    [
        ("10.1.2.3", "mon", "oslo"),
        ("10.2.2.3", "mon", "norway"),
        ("2001:db8::1", "mon", "norway"),
        ("10.2.2.3", "bergen-gw", "bergen"),
        ("10.1.2.3", "bergen-gw", "oslo"),  # the narrower network
        ("192.0.2.1", "bergen-gw", ""),
        ("192.0.2.1", "ship-gw", "ship"),
        ("10.2.2.3", "ship-gw", "norway"),
        ("router.example", "ship-gw", "ship"),
        ("router.example", "mon", ""),
    ],
)
def test_the_narrowest_network_counts_as_its_agent_sees_it(address: str, agent: str, site: str) -> None:
    sites = Sites(Nothing(), [OSLO, NORWAY, BERGEN, SHIP], lambda agent_id: agent_id)
    assert sites.at(address, agent) == site


def test_an_agent_is_where_it_is_said_to_be_else_where_its_addresses_are() -> None:
    sites = Sites(Nothing(), [OSLO, NORWAY, BERGEN, SHIP], str)
    assert sites.of_agent("bergen-gw", ["10.1.0.1"]) == "bergen"
    assert sites.of_agent("web1", ["192.0.2.1", "10.1.0.1"]) == "oslo"
    assert sites.of_agent("web1", []) == ""


async def _have_site(lab: Lab, name: str, agent: str, networks: list[str]) -> None:
    body = {"networks": networks, "agents": [agent]}
    async with lab.client.put(f"/api/v1/sites/{name}", json=body) as response:
        assert response.status == 200, await response.text()


def _told(device: str, number: int) -> DeviceFacts:
    """A router with the private addresses that all routers of its kind come with, and a neighbour by name alone."""
    mac = f"00:1a:00:00:00:{number:02x}"
    tables: list[tuple[str, dict[str, Any]]] = [
        ("port", {"ifIndex": ("1",), "name": ("lan",), "mac": (mac,)}),
        ("address", {"address": ("192.168.0.1",), "prefix": ("24",), "ifIndex": ("1",)}),
        ("arp", {"address": ("192.168.0.9",), "mac": (f"00:1a:00:00:09:{number:02x}",), "ifIndex": ("1",)}),
        ("neighbour", {"protocol": ("lldp",), "ifIndex": ("1",), "name": ("printer",)}),
    ]
    return DeviceFacts(device, NOW_MS, tuple(FactTable(kind, columns) for kind, columns in tables))


async def test_the_same_private_network_at_two_sites_stays_two(lab: Lab) -> None:
    for number, agent in enumerate(("oslo-gw", "bergen-gw"), 1):
        lab.have_agent(agent)
        await _have_site(lab, agent.removesuffix("-gw"), agent, ["192.168.0.0/16"])
        await have_polled(lab, "192.168.0.1", poller=agent, name=f"router{number}")
        await lab.atlas.learn(_told(f"router{number}", number))
    await lab.atlas.redraw()

    registry = lab.atlas.register.registry
    assert {one.site for one in registry.sources.values()} == {"oslo", "bergen"}
    assert registry.record_of("router1") != registry.record_of("router2")
    assert not list(registry.questions.open())
    graph = lab.atlas.sheet.graph
    assert "router2" not in graph.reachable("router1")
    assert {one.id for one in graph.nodes.values() if one.kind.value == "unmanaged"} == {
        "unmanaged:oslo/printer",
        "unmanaged:bergen/printer",
    }
    at_oslo = await lab.get("/api/v1/topology", ("site", "oslo"))
    assert {one["id"] for one in at_oslo["nodes"]} == {"router1", "unmanaged:oslo/printer"}
    both = await lab.get("/api/v1/sites")
    assert [(one["name"], one["devices"]) for one in both["results"]] == [("bergen", 1), ("oslo", 1)]


async def test_what_a_sweep_finds_is_not_taken_for_the_same_address_of_another_site(lab: Lab) -> None:
    for agent in ("oslo-gw", "bergen-gw"):
        lab.have_agent(agent)
        await _have_site(lab, agent.removesuffix("-gw"), agent, ["192.168.0.0/16"])
    await have_polled(lab, "192.168.0.1", poller="oslo-gw", name="router1")
    await lab.polling.keep_credential("public", SnmpCredential("public", community="public"))
    bergen = next(one.agent_id for one in lab.fleet.members if one.instance == "bergen-gw")
    sweep = await lab.discovery.start(Plan(bergen, ("192.168.0.0/24",), credentials=("public",), accepts_new=True))
    found = Found("192.168.0.1", ("snmp",), credential="public", told={"name": "router"})
    await lab.discovery.told(bergen, SweepNews(sweep.wire_id, 1, 1, (found,), True))

    (find,) = lab.discovery.finds(sweep.number)
    assert (find.answer.value, find.device) == ("accepted", "router")
    assert [one.record.host for one in lab.polling.all()] == ["192.168.0.1", "192.168.0.1"]


async def test_people_put_a_device_somewhere_else_and_take_that_back(lab: Lab) -> None:
    await have_polled(lab, "192.168.0.1", name="router1")
    await lab.atlas.learn(_told("router1", 1))

    async def change(site: str) -> Any:
        async with lab.client.patch("/api/v1/snmp/devices/router1", json={"site": site}) as response:
            return await response.json()

    assert (await change("depot"))["site"] == "depot"
    await lab.atlas.redraw()
    assert lab.atlas.sheet.graph.nodes["router1"].site == "depot"
    assert lab.atlas.addresses.macs("192.168.0.9") == [0x001A00000901]
    assert (await change(""))["site"] == ""
    await lab.atlas.redraw()
    assert lab.atlas.sheet.graph.nodes["router1"].site == ""


async def test_a_site_that_cannot_be_is_refused_with_the_reason(lab: Lab) -> None:
    async with lab.client.put("/api/v1/sites/oslo", json={"networks": ["10.0.0.0/33"]}) as response:
        assert response.status == 400
        assert "must be an address or a network such as 10.0.0.0/8" in await response.text()
    async with lab.client.put("/api/v1/sites/oslo", json={}) as response:
        assert "needs networks, or agents that are there" in await response.text()
    async with lab.client.delete("/api/v1/sites/oslo") as response:
        assert response.status == 404


async def test_sites_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        await _have_site(lab, "oslo", "oslo-gw", ["10.0.0.0/8"])
    async with running(tmp_path) as lab:
        assert [one["agents"] for one in (await lab.get("/api/v1/sites"))["results"]] == [["oslo-gw"]]
        async with lab.client.delete("/api/v1/sites/oslo") as response:
            assert response.status == 200
        assert (await lab.get("/api/v1/sites"))["count"] == 0
