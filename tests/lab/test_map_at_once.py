"""The short form of the lab, without daemons of ours: each device is asked, and the map drawn from what it tells."""

import asyncio
import time

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.device import Target, poll_device
from netmon_agent.snmp.memory import Memory
from netmon_collector.topology.draw import Drawing, draw
from netmon_collector.topology.graph import Layer
from netmon_collector.topology.reading import read_told
from netmon_collector.topology.told import mac_number
from netmon_configs.library import Library, open_library
from netmon_proto.model import DeviceFacts
from tests.lab import plan, services
from tests.lab.conftest import Lab
from tests.lab.inside import run_inside


async def _ask(node: str, address: str, library: Library) -> DeviceFacts:
    target = Target(address, [Credential(name="public", community="public")])
    found = await poll_device(target, library, Memory(), time.monotonic())
    assert found.facts is not None
    return DeviceFacts(node, 1, found.facts)


async def _ask_all(library: Library) -> list[DeviceFacts]:
    return await asyncio.gather(*(_ask(node, at, library) for node, at in plan.addresses_polled().items()))


def _links(drawing: Drawing, layer: Layer) -> set[frozenset[str]]:
    ends = [(one.a, one.b) for one in drawing.graph.links if one.layer is layer]
    return {frozenset(f"{end.node} {end.port}".strip() for end in pair) for pair in ends}


def test_the_map_found_is_the_map_built(lab: Lab) -> None:
    services.wait_until_reachable(lab.network, lab.folder)
    library, deadline = open_library(), time.monotonic() + 20
    while True:
        facts = run_inside(lab.network.name("p1"), lambda: _ask_all(library))
        drawing = draw([read_told(one) for one in facts], 1)
        at = {host: drawing.places.get(mac_number(plan.mac(host, 1)) or 0) for host in plan.AT}
        places = {host: (one.device, one.port) for host, one in at.items() if one}
        found = _links(drawing, Layer.LINK), _links(drawing, Layer.NETWORK), places
        built = plan.links_of_cables(), plan.links_of_networks(), {h: (s, f"to-{h}") for h, s in plan.AT.items()}
        if found == built or time.monotonic() > deadline:
            break
        time.sleep(0.5)  # neighbours are heard once a second
    assert found == built
    blocked = [one for one in drawing.graph.links if one.is_blocked]
    assert [{one.a.node, one.b.node} for one in blocked] == [{"s2", "s3"}]
