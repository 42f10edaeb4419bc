"""Which addresses a sweep may touch: the one gate that every packet of it has passed."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Network
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LINK: Final = 64
MOST_ADDRESSES: Final = 65_536
"""Of one sweep, also with all neighbours that are followed."""


class Outside(ValueError):
    """Networks that cannot be swept; says which and why."""


class Scope:
    """The networks of a sweep. Each address is given out once, as text."""

    def __init__(self, networks: Sequence[str], follow: Sequence[str] = ()) -> None:
        """Raises Outside for what is no network, is too large, or can't be asked address by address."""
        self._networks = [_network(text) for text in networks]
        self._follow = [_network(text) for text in follow]
        if not self._networks:
            raise Outside("there is no network to sweep")
        self.links = [one for one in self._networks if isinstance(one, IPv6Network) and _hosts(one) > MOST_ADDRESSES]
        """Networks of IPv6 that are too large to be asked address by address: who is there is asked on the link."""
        self._networks = [one for one in self._networks if one not in self.links]
        for one in self.links:
            if one.prefixlen < _LINK:
                raise Outside(f"{one} is more than a link: ask for a /{_LINK} that an agent is in, or for less")
        self.size = sum(_hosts(one) for one in self._networks)
        if self.size > MOST_ADDRESSES:
            raise Outside(f"{self.size:,} addresses are too many for one sweep: at most {MOST_ADDRESSES:,}")
        self._given: set[Address] = set()

    def addresses(self) -> Iterator[str]:
        """All addresses of the networks, without those of a network itself and of its broadcast."""
        for network in self._networks:
            for address in network.hosts():
                if address not in self._given:
                    self._given.add(address)
                    yield str(address)

    def neighbours(self, texts: Iterable[str]) -> list[str]:
        """Those of these addresses that may be followed and were not given out yet."""
        return self._new(texts, self._follow)

    def on_links(self, texts: Iterable[str]) -> list[str]:
        """Those of these addresses that are on the links of the sweep and were not given out yet."""
        return self._new(texts, self.links)

    def _new(self, texts: Iterable[str], networks: Sequence[Network]) -> list[str]:
        found = []
        for text in texts:
            address = _address(text)
            if address is None or address in self._given or len(self._given) >= MOST_ADDRESSES:
                continue
            if self._is_host_of(address, networks):
                self._given.add(address)
                found.append(str(address))
        return found

    def admits(self, text: str) -> bool:
        """Whether an address may be sent anything."""
        address = _address(text)
        return address is not None and self._is_host_of(address, [*self._networks, *self.links, *self._follow])

    def _is_host_of(self, address: Address, networks: Iterable[Network]) -> bool:
        return any(
            address in one and (one.num_addresses <= 2 or address not in (one.network_address, one.broadcast_address))
            for one in networks
        )


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise Outside(f"{text[:64]!r} is no network: write it as 10.0.0.0/24") from None
    if network.is_multicast or network.is_unspecified or not network.prefixlen:
        raise Outside(f"{network} is not a network of hosts")
    return network


def _hosts(network: Network) -> int:
    return network.num_addresses if network.num_addresses <= 2 else network.num_addresses - 2


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    is_somebody = not (address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local)
    return address if is_somebody or address.is_loopback else None
