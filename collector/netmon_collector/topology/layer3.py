"""Links of layer 3: routing neighbours, next hops, and the networks that devices have addresses in."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from netmon_collector.topology.directory import Directory
from netmon_collector.topology.graph import End, Evidence, Kind, Layer, Link, Node
from netmon_collector.topology.told import OwnAddress, Told

SURENESS: Final = {"ospf": 0.9, "bgp": 0.8, "subnet": 0.6, "route": 0.5}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def routing_links(told: Iterable[Told], directory: Directory) -> Iterator[Link]:
    """A link for each routing neighbour and each next hop that is a device's own address."""
    by_device = {one.device: one for one in told}
    for one in by_device.values():
        hops = {route.next_hop: f"routes through {route.next_hop}" for route in one.routes}
        wanted = [
            *((peer.protocol, peer.address, peer.router, f"neighbour {peer.address}") for peer in one.peers),
            *(("route", address, "", text) for address, text in sorted(hops.items())),
        ]
        for source, address, router, text in wanted:
            other = directory.by_address(address, one.site) or (router and directory.by_router(router, one.site))
            if not other or other == one.device:
                continue
            evidence = Evidence(source, one.device, SURENESS.get(source, 0.5), text)
            here = End(one.device, _port_towards(one, address))
            yield Link(here, End(other, _port_of(by_device[other], address)), Layer.NETWORK, (evidence,))


def subnet_links(told: Iterable[Told]) -> tuple[list[Node], list[Link]]:
    """Networks that two devices or more have addresses in: a link where there are two, else a node and its links."""
    members: defaultdict[tuple[str, Network], dict[str, End]] = defaultdict(dict)
    for one in told:
        for own in one.addresses:
            network = network_of(own)
            if network is not None:
                members[one.site, network].setdefault(one.device, End(one.device, one.label(own.index)))
    nodes, links = [], []
    for (site, network), ends in sorted(members.items(), key=lambda one: (one[0][0], str(one[0][1]))):
        evidence = [Evidence("subnet", device, SURENESS["subnet"], str(network)) for device in sorted(ends)]
        if len(ends) == 2:
            a, b = ends.values()
            links.append(Link(a, b, Layer.NETWORK, tuple(evidence)))
        elif len(ends) > 2:
            node = Node(f"subnet:{site}:{network}", Kind.SEGMENT, str(network), "subnet", site)
            nodes.append(node)
            links += [Link(ends[one.told_by], End(node.id), Layer.NETWORK, (one,)) for one in evidence]
    return nodes, links


def network_of(own: OwnAddress) -> Network | None:
    """The network that an address is in; None where it is not known, or has no room for anybody else."""
    if own.prefix is None:
        return None
    try:
        interface = ipaddress.ip_interface(f"{own.address}/{own.prefix}")
    except ValueError:
        return None
    network = interface.network
    if interface.ip.is_loopback or interface.ip.is_link_local or network.prefixlen in (0, network.max_prefixlen):
        return None
    return network


def _port_towards(told: Told, address: str) -> str:
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        return ""
    for own in told.addresses:
        network = network_of(own)
        if network is not None and wanted in network:
            return told.label(own.index)
    return ""


def _port_of(told: Told, address: str) -> str:
    return next((told.label(own.index) for own in told.addresses if own.address == address), "")


def merged(links: Iterable[Link]) -> list[Link]:
    """Links of layer 3 with the evidence of all that join the same two nodes; ports that any of them knows."""
    by_pair: defaultdict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in links:
        by_pair[link.a.node, link.b.node].append(link)
    return [_merged(ones) for _, ones in sorted(by_pair.items())]


def _merged(links: list[Link]) -> Link:
    evidence: Mapping[tuple[str, str], Evidence] = {
        (one.source, one.told_by): one for link in reversed(links) for one in link.evidence
    }
    a = next((link.a for link in links if link.a.port), links[0].a)
    b = next((link.b for link in links if link.b.port), links[0].b)
    return Link(a, b, Layer.NETWORK, tuple(sorted(evidence.values())))
