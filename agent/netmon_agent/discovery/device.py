"""Who a host is by SNMP, and whom it knows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from netmon_proto.model import FactTable, SnmpCredential

if TYPE_CHECKING:
    from netmon_configs.library import Library

PORT: Final = 161
BUDGET_S: Final = 20.0
GREETING_S: Final = 3.0
"""How long a host may take to answer to a credential at all; most have no use for it, and say nothing."""
_TOLD: Final = "profile vendor os model version serial object_id name descr location contact".split()
_KNOWS: Final = {
    "neighbour": "address",
    "arp": "address",
    "route": "next_hop",
    "ospf-neighbour": "address",
    "bgp-peer": "address",
}
"""The tables of facts that name others, and the field that has their address."""
_MOST_NEIGHBOURS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """The credential that a device answers to, what it says of itself, and its neighbours' addresses by table."""

    credential: str
    told: dict[str, str]
    neighbours: dict[str, str] = field(default_factory=dict)


class Devices:
    """Asks hosts by SNMP; the library of profiles is read when the first one answers."""

    def __init__(self, credentials: Sequence[SnmpCredential], library: Callable[[], Awaitable["Library"]]) -> None:
        self._credentials = credentials
        self._library = library

    async def ask(self, address: str, *, with_neighbours: bool) -> Known | None:
        """None where the host answers to none of the credentials, or not in time."""
        from netmon_agent.snmp.session import SnmpError

        for credential in self._credentials:
            try:
                async with asyncio.timeout(BUDGET_S):
                    return await self._ask(address, credential, with_neighbours)
            except (SnmpError, TimeoutError):
                continue
        return None

    async def _ask(self, address: str, given: SnmpCredential, with_neighbours: bool) -> Known:
        from netmon_agent.polling.asking import credential_of
        from netmon_agent.snmp.device import Target, reach
        from netmon_agent.snmp.identify import greet, identify
        from netmon_agent.snmp.memory import Memory
        from netmon_agent.snmp.poll import poll
        from netmon_agent.snmp.reader import Reader

        target = Target(address, [credential_of(given)], PORT, GREETING_S)
        (await reach(target, Memory(), 0.0)).close()
        session = await reach(replace(target, budget_s=BUDGET_S), Memory(), 0.0)
        try:
            library = await self._library()
            if with_neighbours:
                found = await poll(session, library)
                who, tables = found.identity, found.facts or ()
            else:
                reader = Reader(session)
                who, tables = await identify(reader, library, await greet(reader)), ()
        finally:
            session.close()
        return Known(given.name, {name: getattr(who, name)[:1024] for name in _TOLD}, neighbours_in(tables))


def neighbours_in(tables: Sequence[FactTable]) -> dict[str, str]:
    """Addresses that a device's tables name, each with the first table that does."""
    found: dict[str, str] = {}
    for table in tables:
        for address in table.columns.get(_KNOWS.get(table.kind, ""), ()):
            if address and len(found) < _MOST_NEIGHBOURS:
                found.setdefault(address, table.kind)
    return found
