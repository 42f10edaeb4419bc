"""What the hosts of agents are known by that tell no facts: their ids, names and the MAC addresses in their metrics."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, Protocol

from netmon_collector.atlas import Atlas
from netmon_collector.fleet import Device
from netmon_collector.identity.witness import witnesses
from netmon_collector.repeat import keep_at
from netmon_collector.store.base import Matcher, MatchOp, Store
from netmon_collector.topology.told import Port, Told, mac_number
from netmon_configs.logs import EventLog
from netmon_configs.options import is_loopback, split_address

log = EventLog("netmon.collector.atlas")

LOOK_EVERY_S: Final = 60.0


class Hosts(Protocol):
    """Where agents' devices come from."""

    def devices(self) -> Sequence[Device]: ...


class AgentHosts:
    """Looks now and then which hosts have agents, and tells the atlas of them."""

    def __init__(self, fleet: Hosts, store: Store, atlas: Atlas) -> None:
        self._fleet = fleet
        self._store = store
        self._atlas = atlas

    async def run(self) -> None:
        """Until cancelled."""
        await keep_at(
            self.look,
            LOOK_EVERY_S,
            failing=lambda error: log.warning("agents.not_seen", error=error),
            recovered=lambda: log.info("agents.seen_again"),
        )

    async def look(self) -> None:
        """Tells of every agent's host as it is known now. Raises what the store raises."""
        macs: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for labels in await self._store.series([Matcher("__name__", MatchOp.EQUAL, "node_network_info")]):
            told = dict(labels)
            macs[told.get("instance", "")][told.get("device", "")] = told.get("address", "")
        for device in self._fleet.devices():
            if device.job == "node":
                await self._tell(device, macs.get(device.instance, {}))

    async def _tell(self, device: Device, macs: dict[str, str]) -> None:
        ports = tuple(
            Port(number, name, mac=mac_number(mac)) for number, (name, mac) in enumerate(sorted(macs.items()), 1)
        )
        told = Told(device.instance, names=tuple(dict.fromkeys((device.hostname, device.name))), ports=ports)
        seen = witnesses(
            agent=device.agent_id, name=device.hostname, macs=macs.values(), addresses=_addresses(device.address)
        )
        await self._atlas.see_agent(device.instance, told, seen)


def _addresses(peer: str | None) -> list[str]:
    """The address that an agent connects from, unless that says nothing of it."""
    if not peer or "/" in peer:
        return []
    host = split_address(peer)[0]
    return [] if is_loopback(host) else [host]
