"""Hosts with agents are on the map, and known again when they are polled too."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from netmon_collector.agent_hosts import AgentHosts
from netmon_collector.identity.records import Step
from netmon_collector.identity.witness import witnesses
from netmon_proto.model import DeviceFacts, DeviceReport, FactTable
from tests.api.assembly import running
from tests.api.lab import NOW_MS, WEB1, FleetOf, Lab, have_polled, labels

MAC = "52:54:00:00:00:01"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as one:
        yield one


async def test_a_host_with_an_agent_hangs_at_the_port_where_its_address_was_seen(lab: Lab) -> None:
    await lab.keep({labels("node_network_info", instance="web1", device="eth0", address=MAC): 1.0})
    await have_polled(lab, "sw1")
    fdb = FactTable("fdb", {"mac": (MAC,), "ifIndex": ("3",), "status": ("3",)})
    await lab.atlas.learn(DeviceFacts("sw1", NOW_MS, (FactTable("port", {"ifIndex": ("3",), "name": ("ge3",)}), fdb)))

    await AgentHosts(FleetOf(WEB1), lab.store, lab.atlas).look()
    await lab.atlas.redraw()

    link = lab.atlas.sheet.graph.at("web1")[0]
    assert {(one.node, one.port) for one in (link.a, link.b)} == {("sw1", "ge3"), ("web1", "eth0")}


async def test_hosts_are_looked_at_again_and_again(lab: Lab) -> None:
    await lab.keep({labels("node_network_info", instance="web1", device="eth0", address=MAC): 1.0})
    fleet = FleetOf(WEB1)
    hosts = AgentHosts(fleet, lab.store, lab.atlas)
    await hosts.look()
    fleet.members.append(replace(WEB1, instance="web2", agent_id="00000000-0000-4000-8000-000000000002"))
    await hosts.look()
    assert set(lab.atlas.register.registry.sources) == {"web1", "web2"}


def _of_web1(**more: tuple[str, ...]) -> DeviceFacts:
    """What web1's agent tells of its host, which hears sw1."""
    neighbour = {"protocol": "lldp", "ifIndex": "2", "chassis": "00:1a:00:00:00:01", "chassis_type": "4", "port": "ge3"}
    return DeviceFacts(
        "",
        NOW_MS,
        (
            FactTable("device", {"machine_id": ("m1",), "hostname": ("web1",), **more}),
            FactTable("port", {"ifIndex": ("2",), "name": ("eth0",), "mac": (MAC,)}),
            FactTable("address", {"address": ("10.0.0.7",), "prefix": ("24",), "ifIndex": ("2",)}),
            FactTable(
                "route", {"destination": ("0.0.0.0",), "prefix": ("0",), "next_hop": ("10.0.0.1",), "type": ("4",)}
            ),
            FactTable("neighbour", {name: (text,) for name, text in neighbour.items()}),
        ),
    )


async def _have_switch(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    port = FactTable("port", {"ifIndex": ("3",), "name": ("ge3",), "mac": ("00:1a:00:00:00:01",)})
    address = FactTable("address", {"address": ("10.0.0.1",), "prefix": ("24",), "ifIndex": ("3",)})
    await lab.atlas.learn(DeviceFacts("sw1", NOW_MS, (port, address)))


async def test_what_an_agent_tells_of_its_host_places_it_on_both_layers(lab: Lab) -> None:
    await _have_switch(lab)
    lab.facts.tell(lab.atlas)
    await lab.facts.told(WEB1.agent_id, _of_web1(), host="web1")
    await lab.atlas.redraw()

    links = {int(one.layer): one for one in lab.atlas.sheet.graph.at("web1")}
    assert [(one.node, one.port) for one in (links[2].a, links[2].b)] == [("sw1", "ge3"), ("web1", "eth0")]
    assert {one.source for one in links[2].evidence} == {"lldp"}
    assert {one.source for one in links[3].evidence} == {"route", "subnet"}
    source = lab.atlas.register.registry.sources["web1"].witnesses
    assert (source.agent, source.machine, source.name) == (WEB1.agent_id, "m1", "web1")


async def test_facts_outweigh_what_metrics_tell_of_a_host(lab: Lab) -> None:
    await _have_switch(lab)
    lab.facts.tell(lab.atlas)
    await lab.facts.told(WEB1.agent_id, _of_web1(), host="web1")
    await lab.atlas.redraw()
    await AgentHosts(FleetOf(WEB1), lab.store, lab.atlas).look()
    await lab.atlas.redraw()
    assert len(lab.atlas.sheet.graph.at("web1")) == 2


async def test_a_host_that_is_polled_too_is_one_device(lab: Lab) -> None:
    lab.facts.tell(lab.atlas)
    await lab.facts.told(WEB1.agent_id, _of_web1(), host="web1")
    await have_polled(lab, "10.0.0.7", name="web1-snmp")
    await lab.polling.reported(lab.have_agent("poller1"), DeviceReport("web1-snmp", NOW_MS, True, name="web1"))
    facts = _of_web1()
    await lab.atlas.learn(DeviceFacts("web1-snmp", NOW_MS, facts.tables[1:3]))
    await lab.atlas.redraw()

    assert lab.atlas.register.registry.handles_of("web1-snmp") in (["web1", "web1-snmp"], ["web1-snmp", "web1"])


async def test_a_polled_device_does_not_speak_for_an_agent(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    claims = FactTable("device", {"machine_id": ("m1",), "hostname": ("web1",)})
    await lab.atlas.learn(DeviceFacts("sw1", NOW_MS, (claims,)))
    await lab.atlas.redraw()
    assert lab.atlas.register.registry.sources["sw1"].witnesses == witnesses()


async def test_an_agent_and_a_polled_address_of_one_host_are_one_device(lab: Lab) -> None:
    await lab.keep({labels("node_network_info", instance="web1", device="eth0", address=MAC): 1.0})
    await AgentHosts(FleetOf(replace(WEB1, address="10.0.0.7:5000")), lab.store, lab.atlas).look()

    polled = witnesses(name="web1", macs=[MAC], addresses=["10.0.0.7"])
    outcome = await lab.atlas.register.see("10.0.0.7", "", polled)

    assert (outcome.step, outcome.record) == (Step.MERGED, "web1")
