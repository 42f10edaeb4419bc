"""Hosts with agents are on the map, and known again when they are polled too."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from netmon_collector.agent_hosts import AgentHosts
from netmon_collector.identity.records import Step
from netmon_collector.identity.witness import witnesses
from netmon_proto.model import DeviceFacts, FactTable
from tests.api.lab import NOW_MS, WEB1, FleetOf, Lab, have_polled, labels, running

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


async def test_an_agent_and_a_polled_address_of_one_host_are_one_device(lab: Lab) -> None:
    await lab.keep({labels("node_network_info", instance="web1", device="eth0", address=MAC): 1.0})
    await AgentHosts(FleetOf(replace(WEB1, address="10.0.0.7:5000")), lab.store, lab.atlas).look()

    polled = witnesses(name="web1", macs=[MAC], addresses=["10.0.0.7"])
    outcome = await lab.atlas.register.see("10.0.0.7", "", polled)

    assert (outcome.step, outcome.record) == (Step.MERGED, "web1")
