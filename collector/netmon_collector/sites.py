"""Which site a device or an address is at. Private addresses mean something within one site only, and names too."""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from netmon_collector.state.devices import DeviceRecord

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Site:
    """A site: what is in its networks, as seen by its agents. Empty networks are all of them, empty agents any.

    `is_fixed`: it stands in the configuration, and only there it is changed.
    """

    name: str
    networks: tuple[Network, ...] = ()
    agents: tuple[str, ...] = ()
    is_fixed: bool = False

    def closeness(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, agent: str) -> int | None:
        """How narrowly this is the site of an address that an agent asks; None where it is not."""
        if self.agents and agent not in self.agents:
            return None
        if not self.networks:
            return 0 if self.agents else None
        lengths = [one.prefixlen for one in self.networks if address is not None and address in one]
        return 1 + max(lengths) if lengths else None


class Kept(Protocol):
    """Where sites are kept that people make. Calls are synchronous."""

    def all(self) -> list[Site]: ...

    def put(self, site: Site) -> None: ...

    def remove(self, name: str) -> None: ...


class Sites:
    """All sites. Of several for an address the one with the narrowest network counts, then one of few agents."""

    def __init__(self, kept: Kept, configured: Iterable[Site], name_of: Callable[[str], str]) -> None:
        """`name_of` gives an agent's instance by its id."""
        self._kept = kept
        self._name_of = name_of
        self._sites = {one.name: one for one in (*kept.all(), *configured)}

    def all(self) -> list[Site]:
        """All of them, sorted by name."""
        return [self._sites[name] for name in sorted(self._sites)]

    def one(self, name: str) -> Site | None:
        return self._sites.get(name)

    def of_device(self, record: "DeviceRecord") -> str:
        """The site of a polled device: what people say of it, else that of its address as its agent sees it."""
        return record.site or self.at(record.host, record.agent_id)

    def at(self, address: str, agent_id: str) -> str:
        """The site of an address that an agent asks; empty where none is for it."""
        return self._best([address], self._name_of(agent_id))

    def of_agent(self, agent: str, addresses: Sequence[str]) -> str:
        """The site of an agent's own host, by its instance: one that names it, else one of its addresses' networks."""
        named = [one for one in self.all() if agent in one.agents]
        return named[0].name if len(named) == 1 else self._best(addresses, agent)

    def mates(self, agent_id: str) -> set[str]:
        """The agents that sites name beside this one, by instance."""
        own = self._name_of(agent_id)
        return {other for one in self._sites.values() if own in one.agents for other in one.agents} - {own}

    def put(self, site: Site) -> None:
        """Keeps a site instead of the one of its name. Blocks on the database."""
        self._kept.put(site)
        self._sites[site.name] = site

    def remove(self, name: str) -> None:
        """Forgets a site. Blocks on the database."""
        self._kept.remove(name)
        del self._sites[name]

    def _best(self, addresses: Sequence[str], agent: str) -> str:
        found: list[tuple[int, bool, str]] = []
        for text in addresses or ("",):
            address = _parsed(text)
            for one in self.all():
                closeness = one.closeness(address, agent)
                if closeness is not None:
                    found.append((-closeness, not one.agents, one.name))
        return min(found)[2] if found else ""


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
