"""Whose event it is: by what the event says of itself, and what is known of devices' addresses, engines and names."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Final, Protocol

from netmon_collector.fleet import Device
from netmon_collector.polling import Polling
from netmon_configs.options import split_address
from netmon_proto.model import DeviceFacts, Event

FRESH_S: Final = 2.0
RESOLVE_EVERY_S: Final = 300.0
RESOLVE_WITHIN_S: Final = 5.0


class Members(Protocol):
    """The hosts that agents run on, and the devices that they poll."""

    def devices(self) -> Iterable[Device]: ...


class Facts(Protocol):
    """The newest facts of devices."""

    async def of(self, device: str) -> DeviceFacts | None: ...


class Owners:
    """Finds the device that an event is of. What several devices claim is nobody's.

    In this order: what the agent names itself; the engine of SNMP that the event comes from; the address that a
    notification names as its origin; the host name in a line of syslog, which a relay passes on; the address that it
    came from. A message from an agent's own host is of that host.
    """

    def __init__(
        self, polling: Polling, members: Members, facts: Facts, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._polling = polling
        self._members = members
        self._facts = facts
        self._monotonic_s = monotonic_s
        self._told: dict[str, tuple[str, ...]] = {}
        self._resolved: dict[str, str] = {}
        self._index: dict[str, str] = {}
        self._index_s = float("-inf")

    def of(self, event: Event, agent: str, agent_id: str) -> str:
        """The handle of the device that an event is of; empty where nobody knows. `agent`, a handle, sent it."""
        if event.device and self._polling.one(event.device) is not None:
            return event.device
        fields, from_here = event.fields, not event.address or _is_here(event.address)
        for claim in (
            f"engine {fields['engine_id']}" if "engine_id" in fields else "",
            fields.get("agent_address", ""),
            fields.get("hostname", "").lower(),
            event.address,
        ):
            if claim and (owner := self._owner(claim, agent_id if from_here else "")):
                return owner
        return agent if from_here else ""

    def device_at(self, host: str, agent_id: str) -> str:
        """The handle of the device that a name or an address is, seen from an agent; empty where nobody knows."""
        return self._owner(host.lower(), agent_id)

    def _owner(self, claim: str, agent_id: str) -> str:
        """Whose a claim is. Each machine has a localhost: it is a device only to the agent that polls that device."""
        owner = self._fresh_index().get(claim, "")
        if owner and (claim.partition(".")[0] == "localhost" or _is_here(claim)):
            polled = self._polling.one(owner)
            return owner if polled is not None and polled.record.agent_id == agent_id else ""
        return owner

    async def learn(self, facts: DeviceFacts) -> None:
        """Takes note of the addresses and the engine that a device tells."""
        found = []
        if (table := facts.table("address")) is not None:
            found += [row["address"] for row in table.rows() if "address" in row and _is_own(row["address"])]
        if (table := facts.table("device")) is not None:
            found += [f"engine {row['engine_id'].lower()}" for row in table.rows() if "engine_id" in row]
        self._told[facts.device] = tuple(found)

    async def run(self) -> None:
        """Reads what was told before, and then looks up the addresses of devices' names, again and again."""
        for polled in self._polling.all():
            if (facts := await self._facts.of(polled.record.instance)) is not None:
                await self.learn(facts)
        while True:
            for polled in self._polling.all():
                await self._resolve(polled.record.host)
            await asyncio.sleep(RESOLVE_EVERY_S if self._polling.all() else FRESH_S)

    async def _resolve(self, host: str) -> None:
        if _is_address(host):
            return
        try:
            async with asyncio.timeout(RESOLVE_WITHIN_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, None)
        except (OSError, UnicodeError, TimeoutError):
            return  # it stays where it was
        self._resolved[host] = str(found[0][4][0])

    def _fresh_index(self) -> dict[str, str]:
        now_s = self._monotonic_s()
        if now_s - self._index_s > FRESH_S:
            self._index, self._index_s = dict(self._build()), now_s
        return self._index

    def _build(self) -> Iterator[tuple[str, str]]:
        """Claims and their owners; where a device is polled counts more than what devices say of themselves."""
        owners: dict[str, set[str]] = {}
        for claim, owner in self._hearsay():
            owners.setdefault(claim, set()).add(owner)
        sure: dict[str, set[str]] = {}
        for claim, owner in self._certain():
            sure.setdefault(claim, set()).add(owner)
        for claim, claimants in (owners | sure).items():
            if len(claimants) == 1:
                yield claim, next(iter(claimants))

    def _certain(self) -> Iterator[tuple[str, str]]:
        for polled in self._polling.all():
            record = polled.record
            yield str(self._resolved.get(record.host, record.host)).lower(), record.instance
        for device in self._members.devices():
            if device.job == "node" and device.address and not device.address.startswith("unix:"):
                host = split_address(device.address)[0] if ":" in device.address else device.address
                if not _is_here(host):
                    yield host, device.instance

    def _hearsay(self) -> Iterator[tuple[str, str]]:
        for polled in self._polling.all():
            record = polled.record
            for name in {record.instance, record.name, record.host, record.facts.get("sys_name", "")}:
                if name:
                    yield from _names(name, record.instance)
            for claim in self._told.get(record.instance, ()):
                yield claim, record.instance
        for device in self._members.devices():
            if device.job == "node":
                for name in {device.instance, device.hostname}:
                    yield from _names(name, device.instance)


def _names(name: str, owner: str) -> Iterator[tuple[str, str]]:
    """A name, and of one with a domain the host's alone: lines of syslog have either."""
    lowered = name.lower()
    yield lowered, owner
    if "." in lowered and not _is_address(lowered):
        yield lowered.partition(".")[0], owner


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_here(address: str) -> bool:
    return _is_address(address) and ip_address(address).is_loopback


def _is_own(address: str) -> bool:
    """Whether an address can be one device's alone."""
    if not _is_address(address):
        return False
    parsed = ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified)
