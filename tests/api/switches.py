"""Three switches in a row and a laptop, as pollers would tell of them."""

from typing import Any

from netmon_proto.model import DeviceFacts, FactTable
from tests.api.lab import NOW_MS, Lab, have_polled

LAPTOP = "3c:22:00:00:00:01"
SWITCHES = {"core": 1, "east": 2, "hall": 3}
TRUNKS = {"core": "10 20", "east": "10 20", "hall": "10"}
"""The VLANs that each tags on its cables."""
CABLES = {"core": [(1, "east", 8)], "east": [(8, "core", 1), (2, "hall", 8)], "hall": [(8, "east", 2)]}


def mac(device: str, port: int = 0) -> str:
    return f"00:1a:00:00:{SWITCHES[device]:02x}:{port:02x}"


def facts(device: str, hosts: dict[str, int] | None = None, cables: dict[str, Any] = CABLES) -> DeviceFacts:
    """What a switch tells: eight ports, who is at the other end of cables, and where hosts are."""
    ports = {"ifIndex": [str(n) for n in range(1, 9)], "name": [f"ge{n}" for n in range(1, 9)]}
    near = cables[device]
    neighbours = {
        "protocol": ["lldp"] * len(near),
        "ifIndex": [str(mine) for mine, _, _ in near],
        "chassis": [mac(other) for _, other, _ in near],
        "chassis_type": ["4"] * len(near),
        "port": [f"ge{theirs}" for _, _, theirs in near],
        "port_type": ["5"] * len(near),
    }
    seen = hosts or {}
    fdb = {"mac": list(seen), "ifIndex": [str(port) for port in seen.values()], "status": ["3"] * len(seen)}
    tagged = [(str(mine), vlan) for mine, _, _ in near for vlan in TRUNKS[device].split()]
    vlans = {
        "ifIndex": [*(port for port, _ in tagged), "4"],
        "vlan": [*(vlan for _, vlan in tagged), "10"],
        "tagged": [*("yes" for _ in tagged), "no"],
    }
    arp = {"address": ["10.0.0.50"], "mac": ["3c:22:00:00:00:01"], "ifIndex": ["1"]} if device == "core" else {}
    return DeviceFacts(
        device,
        NOW_MS,
        (
            FactTable("device", {"bridge_address": [mac(device)], "engine_id": [f"8000{SWITCHES[device]:04x}"]}),
            FactTable("port", ports),
            FactTable("neighbour", neighbours),
            FactTable("fdb", fdb),
            FactTable("vlan-port", vlans),
            FactTable("arp", arp),
            FactTable("address", {"address": [f"10.9.0.{SWITCHES[device]}"], "prefix": ["24"], "ifIndex": ["1"]}),
        ),
    )


async def have_three_switches(lab: Lab) -> None:
    """Has core, east and hall polled, in a row, with a laptop at hall."""
    for device in SWITCHES:
        await have_polled(lab, device)
    await lab.atlas.learn(facts("core", {LAPTOP: 1}))
    await lab.atlas.learn(facts("east", {LAPTOP: 2}))
    await lab.atlas.learn(facts("hall", {LAPTOP: 4}))
    await lab.atlas.redraw()
