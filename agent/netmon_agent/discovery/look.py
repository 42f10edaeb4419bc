"""Looks at some addresses: who answers, by which ways, and what it is."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from netmon_agent.discovery import link
from netmon_agent.discovery.device import Devices
from netmon_agent.discovery.names import names_of
from netmon_agent.discovery.pace import Pace
from netmon_agent.discovery.scope import Scope
from netmon_agent.icmp.pinger import Pinger, Plan
from netmon_agent.icmp.wire import Targets
from netmon_proto.model import Found

T = TypeVar("T")

TIMEOUT_S: Final = 1.0
NAME_TIMEOUT_S: Final = 2.0
AT_ONCE: Final = 128
"""Connections, conversations and questions that are open at the same time."""


@dataclass(slots=True)
class _Host:
    answered: list[str] = field(default_factory=list)
    mac: str = ""
    rtt_s: float = 0.0
    ports: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found, and the neighbours that it told of, with whose and by which table."""

    found: list[Found]
    neighbours: dict[str, str]


class Looker:
    """One sweep's ways of looking. `trouble` says what could not be tried."""

    def __init__(self, scope: Scope, ports: Sequence[int], devices: Devices, packets_per_s: int, follows: bool) -> None:
        self._scope = scope
        self._ports = ports
        self._devices = devices
        self._packets_per_s = packets_per_s
        self._follows = follows
        self._pinger = Pinger(packets_per_s)
        self._pace = Pace(packets_per_s)
        self._room = asyncio.Semaphore(AT_ONCE)
        self.trouble = ""

    def close(self) -> None:
        self._pinger.close()

    async def look(self, addresses: Sequence[str], via: dict[str, str]) -> Seen:
        """Looks at addresses, all of which the scope must admit; the ways that send most come one after another."""
        outside = [one for one in addresses if not self._scope.admits(one)]
        if outside:
            raise ValueError(f"{outside[0]} is not in the networks of this sweep")
        hosts = {address: _Host() for address in addresses}
        await self._ping(hosts)
        await self._resolve(hosts)
        beside = link.beside(hosts)
        there = [address for address, host in hosts.items() if host.mac or address not in beside]
        await self._together(self._connect(address, port, hosts) for address in there for port in self._ports)
        alive = [address for address, host in hosts.items() if host.answered]
        neighbours: dict[str, str] = {}
        found = await self._together(self._describe(one, hosts[one], via.get(one, ""), neighbours) for one in alive)
        return Seen(list(found), neighbours)

    async def _ping(self, hosts: dict[str, _Host]) -> None:
        targets = [(address, 0, 0, 0) if ":" in address else (address, 0) for address in hosts]
        try:
            done = await self._pinger.ping(Plan(Targets(targets), timeout_s=TIMEOUT_S))
        except OSError:
            self.trouble = "this agent may not send pings; 'netmon doctor' there says how to allow it"
            return
        for host, rtt_ns in zip(hosts.values(), done.rtt_ns, strict=True):
            if rtt_ns >= 0:
                host.answered.append("icmp")
                host.rtt_s = rtt_ns * 1e-9

    async def _resolve(self, hosts: dict[str, _Host]) -> None:
        """Who answers ARP is there, even where it answers nothing else."""
        asked = await link.ask(list(hosts), self._packets_per_s, TIMEOUT_S)
        for address, mac in {**link.learned(), **asked}.items():
            if address in hosts:
                hosts[address].mac = mac
                hosts[address].answered.append("ndp" if ":" in address else "arp")

    async def _connect(self, address: str, port: int, hosts: dict[str, _Host]) -> None:
        await self._pace.turn()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                _, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            is_open = False
        except OSError:  # unreachable, or nothing came back
            return
        else:
            is_open = True
            writer.close()
        host = hosts[address]
        if "tcp" not in host.answered:
            host.answered.append("tcp")
        if is_open:
            host.ports.append(port)

    async def _describe(self, address: str, host: _Host, via: str, neighbours: dict[str, str]) -> Found:
        await self._pace.turn()
        names = await names_of(address, NAME_TIMEOUT_S)
        known = await self._devices.ask(address, with_neighbours=self._follows)
        if known is not None:
            host.answered.append("snmp")
            for other, table in known.neighbours.items():
                neighbours.setdefault(other, f"{table} of {address}")
        return Found(
            address,
            tuple(sorted(set(host.answered))),
            host.mac,
            host.rtt_s,
            tuple(sorted(host.ports)),
            names,
            known.credential if known else "",
            known.told if known else {},
            via,
        )

    async def _together(self, works: Iterable[Awaitable[T]]) -> list[T]:
        async def within(work: Awaitable[T]) -> T:
            async with self._room:
                return await work

        return await asyncio.gather(*(within(work) for work in works))
