"""What witnesses tell of devices, from what the collector knows: agents, polls, checks, ports, neighbours."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence, Set
from typing import Final

from netmon_collector.fleet import Fleet
from netmon_collector.reachability.ledger import Ledger
from netmon_collector.reachability.witnesses import Kind, Witness
from netmon_collector.store.base import Latest, Matcher, MatchOp, StoreError
from netmon_collector.topology.graph import Graph
from netmon_collector.topology.graph import Kind as Node
from netmon_proto.model import NAME, is_stale

GRACE_MS: Final = 60_000
"""After the collector's start agents have that long to find it again, beside their patience."""
_USUAL_MS: Final = 10_000
"""The interval of a check that is made by somebody of whom nothing else is known."""
_PORT_IS_UP: Final = 1.0
"""ifOperStatus, RFC 2863."""

Newest = Callable[[Sequence[Matcher]], Awaitable[Latest]]
"""The newest sample of each series."""


class Hearing:
    """Has a ledger told what every witness has to say by now.

    check_interval_ms: of an assigned check by name, 0 where that of the agent counts. here: what the collector's own
    host is called, whose agent says nothing of the network.
    """

    def __init__(
        self,
        ledger: Ledger,
        fleet: Fleet,
        newest: Newest,
        check_interval_ms: Callable[[str], int],
        here: str,
    ) -> None:
        self._ledger = ledger
        self._fleet = fleet
        self._newest = newest
        self._check_interval_ms = check_interval_ms
        self._here = here

    async def hear(self, graph: Graph) -> Set[str]:
        """Hears all of them; gives the devices that there are. graph: which ports lead to whom."""
        devices = {*self._agents(), *self._polls()}
        self._ledger.keep(devices)
        intervals_ms = {voice.instance: voice.interval_ms for voice in self._fleet.voices()}
        hosts = self._hosts()
        try:
            await self._checks(hosts, intervals_ms)
            await self._canaries(intervals_ms)
            if troubled := self._ledger.troubled():
                await self._ports(troubled, graph)
                await self._neighbours({host: here for host, here in hosts.items() if here.keys() & troubled})
        except StoreError:
            return devices  # it says so itself; what was told before still counts
        return devices

    def _agents(self) -> Iterator[str]:
        for voice in self._fleet.voices():
            by = voice.instance if voice.hostname == self._here else self._here
            witness = Witness(Kind.AGENT, by, voice.interval_ms)
            if voice.heard_ms is None:
                self._ledger.expect(voice.instance, witness, voice.since_ms + GRACE_MS)
            else:
                self._ledger.tell(voice.instance, witness, ok=True, at_ms=voice.heard_ms)
            yield voice.instance

    def _polls(self) -> Iterator[str]:
        for polled, poller in self._fleet.polls():
            record = polled.record
            witness = Witness(Kind.SNMP, poller, record.interval_ms)
            if polled.heard_ms is not None and polled.up is not None:
                self._ledger.tell(record.instance, witness, polled.up, polled.heard_ms)
            yield record.instance

    def _hosts(self) -> Mapping[str, Mapping[str, str]]:
        """The devices at each address that is polled, each with its poller: several sites may have the same one."""
        hosts: dict[str, dict[str, str]] = defaultdict(dict)
        for polled, poller in self._fleet.polls():
            hosts[polled.record.host][polled.record.instance] = poller
        return hosts

    async def _checks(self, hosts: Mapping[str, Mapping[str, str]], intervals_ms: Mapping[str, int]) -> None:
        """Checks of a polled device's address, as far as agents make them; of an assigned one the device is known.

        Pings and connections alone: a page that is wrong says nothing of the way there.
        """
        if not hosts:
            return
        async for told, at_ms, value in self._told("probe_success"):
            target = told.get("target", "")
            host, port = _address_of(target)
            by = told.get("instance", "")
            device = _device_at(hosts.get(host, {}), by) or ("" if "://" in target else told.get("device", ""))
            if device:
                own_ms = self._check_interval_ms(told.get("check", ""))
                witness = Witness(Kind.TCP if port else Kind.ICMP, by, own_ms or intervals_ms.get(by, _USUAL_MS))
                self._ledger.tell(device, witness, value > 0, at_ms)

    async def _canaries(self, intervals_ms: Mapping[str, int]) -> None:
        """What pollers must always see."""
        known = set()
        async for told, at_ms, value in self._told("netmon_canary_success"):
            by, target = told.get("instance", ""), told.get("target", "")
            known.add((by, target))
            witness = Witness(Kind.ICMP, by, intervals_ms.get(by, _USUAL_MS))
            self._ledger.tell_canary(target, witness, value > 0, at_ms)
        self._ledger.keep_canaries(known)

    async def _ports(self, troubled: Set[str], graph: Graph) -> None:
        """The ports of neighbours that lead to devices which somebody does not see."""
        ports: dict[tuple[str, str], list[str]] = defaultdict(list)
        for device in troubled:
            for link in graph.at(device):
                far = link.b if link.a.node == device else link.a
                if far.port and far.node != device and graph.nodes[far.node].kind is Node.DEVICE:
                    ports[far.node, far.port].append(device)
        if not ports:
            return
        intervals_ms = {polled.record.instance: polled.record.interval_ms for polled, _ in self._fleet.polls()}
        names = "|".join(re.escape(node) for node in sorted({node for node, _ in ports}))
        async for told, at_ms, value in self._told("ifOperStatus", Matcher("instance", MatchOp.REGEX, names)):
            node, port = told.get("instance", ""), told.get("ifName", "")
            witness = Witness(Kind.NEIGHBOUR, f"{node} {port}", intervals_ms.get(node, _USUAL_MS))
            for device in ports.get((node, port), ()):
                self._ledger.tell(device, witness, value == _PORT_IS_UP, at_ms)

    async def _neighbours(self, hosts: Mapping[str, Mapping[str, str]]) -> None:
        """When the hosts of pollers were last answered by such addresses on their own networks (ARP, NDP)."""
        if not hosts:
            return
        async for told, at_ms, age_s in self._told("netmon_neighbour_confirmed_age_seconds"):
            by = told.get("instance", "")
            device = _device_at(hosts.get(told.get("address", ""), {}), by)
            if device:
                self._ledger.tell(device, Witness(Kind.ARP, by, _USUAL_MS), True, at_ms - round(age_s * 1000))

    async def _told(self, name: str, *more: Matcher) -> AsyncIterator[tuple[dict[str, str], int, float]]:
        """The newest samples of a metric: labels, time and value."""
        found = await self._newest([Matcher(NAME, MatchOp.EQUAL, name), *more])
        for labels, at_ms, value in zip(found.labels, found.times.tolist(), found.values.tolist(), strict=True):
            if not is_stale(value):
                yield dict(labels), at_ms, value


def _device_at(here: Mapping[str, str], by: str) -> str:
    """The device at an address that somebody looks at: of several, the one that it polls; "" where there is none."""
    if len(here) == 1:
        return next(iter(here))
    return next((device for device, poller in here.items() if poller == by), "")


def _address_of(target: str) -> tuple[str, str]:
    """Host and port of a check's target; only a name or an IPv4 address may have a port without brackets."""
    if target.startswith("["):
        host, _, rest = target[1:].partition("]")
        return host, rest.removeprefix(":")
    if target.count(":") > 1:
        return target, ""
    host, _, port = target.partition(":")
    return host, port
