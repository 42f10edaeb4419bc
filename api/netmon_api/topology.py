"""The map: links and their history, where hosts are, ways between devices."""

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_api.topology_models import (
    ChangesQuery,
    DownstreamAnswer,
    DownstreamQuery,
    EndAnswer,
    EvidenceAnswer,
    LinkAnswer,
    LinksQuery,
    MapAnswer,
    MapQuery,
    NodeAnswer,
    PathAnswer,
    PathQuery,
    StayAnswer,
    StepAnswer,
    WhereAnswer,
    WhereQuery,
)
from netmon_collector.atlas import Atlas
from netmon_collector.topology.graph import End, Graph, Kind, Layer, Link
from netmon_collector.topology.history import Stay
from netmon_collector.topology.told import mac_number, mac_text
from netmon_collector.topology.vlans import ranges

MOST_LINKS: Final = 20_000
"""In one answer that is not paged."""
MOST_HOSTS: Final = 1_000
DAY_MS: Final = 86_400_000


async def show_map(call: Call[MapQuery]) -> MapAnswer:
    query, atlas = call.query, call.services.atlas
    graph = atlas.sheet.graph
    if query.at is not None:
        then = await asyncio.to_thread(atlas.kept.links_at, query.at)
        graph = Graph.of((one for one in graph.nodes.values()), then)
    links: Sequence[Link] = graph.links
    nodes = set(graph.nodes)
    if query.device is not None:
        nodes = _near(graph, _node(call, query.device), query.hops)
        links = [one for one in links if one.a.node in nodes and one.b.node in nodes]
    links, nodes = _chosen(graph, links, nodes, query)
    shown = links[:MOST_LINKS]
    return MapAnswer(
        drawn=None if atlas.sheet.drawn_ms is None else rfc3339(atlas.sheet.drawn_ms),
        took_s=round(atlas.sheet.took_s, 3),
        devices=atlas.sheet.devices,
        nodes=[
            NodeAnswer(id=one.id, kind=one.kind.value, name=one.name, detail=one.detail, site=one.site)
            for one in (graph.nodes[name] for name in sorted(nodes))
        ],
        links=[link_answer(one, graph) for one in shown],
        cuts=sorted(_parting(graph) & nodes),
        notes=list(atlas.sheet.notes),
        truncated=len(shown) < len(links),
    )


async def list_links(call: Call[LinksQuery]) -> Listing[LinkAnswer]:
    query = call.query
    devices = {_node(call, one) for one in query.device}
    found = [
        one
        for one in call.services.atlas.sheet.graph.links
        if (not devices or devices & {one.a.node, one.b.node})
        and (not query.source or {piece.source for piece in one.evidence} & set(query.source))
        and query.layer in (None, str(int(one.layer)))
        and (not query.vlan or any(vlan in one.vlans for vlan in query.vlan))
    ]
    found.sort(key=lambda one: (one.a, one.b, one.layer))
    graph = call.services.atlas.sheet.graph
    results = [link_answer(one, graph) for one in page_of(found, query)]
    return listing(call.request.path, len(found), results, query)


async def list_changes(call: Call[ChangesQuery]) -> Listing[LinkAnswer]:
    query, now_ms = call.query, call.services.now_ms()
    until_ms = now_ms if query.until is None else query.until
    since_ms = until_ms - DAY_MS if query.since is None else query.since
    found = await asyncio.to_thread(call.services.atlas.kept.changes, since_ms, until_ms)
    graph = call.services.atlas.sheet.graph
    results = [link_answer(link, graph, gone_ms) for link, gone_ms in page_of(found, query)]
    return listing(call.request.path, len(found), results, query)


async def find(call: Call[WhereQuery]) -> WhereAnswer:
    atlas, text = call.services.atlas, call.query.q.strip()
    macs, devices = _meant(atlas, text)
    if not macs and not devices:
        raise ApiError("not_found", f"nothing is known of {text[:100]!r}: no host, address or device of that name")
    now = [one for mac in macs[:MOST_HOSTS] if (one := atlas.hosts.stays.get(mac))]
    known = {(one.mac, one.device, one.port, one.first_seen_ms) for one in now}
    before = await asyncio.to_thread(atlas.kept.stays_of, macs) if macs else []
    links = [link for device in devices for link in atlas.sheet.graph.at(device) if link.layer is Layer.LINK]
    return WhereAnswer(
        query=text,
        devices=devices,
        now=[_stay(atlas, one) for one in now],
        before=[_stay(atlas, one) for one in before if (one.mac, one.device, one.port, one.first_seen_ms) not in known][
            :MOST_HOSTS
        ],
        links=[link_answer(one, atlas.sheet.graph) for one in links[:MOST_HOSTS]],
    )


async def show_path(call: Call[PathQuery]) -> PathAnswer:
    graph = call.services.atlas.sheet.graph
    start, goal = _node(call, call.query.a), _node(call, call.query.b)
    within = graph if call.query.vlan is None else graph.within(call.query.vlan)
    path = await asyncio.to_thread(within.between, start, goal)
    if path is None:
        where = "" if call.query.vlan is None else f" within VLAN {call.query.vlan}"
        raise ApiError("not_found", f"the map knows no way from {start} to {goal}{where}")
    pairs = zip(path.nodes, path.nodes[1:], path.steps, strict=False)
    steps = [StepAnswer(start=a, goal=b, links=[link_answer(one, graph) for one in links]) for a, b, links in pairs]
    return PathAnswer(nodes=list(path.nodes), steps=steps, cuts=list(path.cuts))


async def show_downstream(call: Call[DownstreamQuery]) -> DownstreamAnswer:
    of, seen_from = _node(call, call.query.of), _node(call, call.query.seen_from)
    nodes = await asyncio.to_thread(call.services.atlas.sheet.graph.downstream, of, seen_from)
    return DownstreamAnswer(of=of, seen_from=seen_from, nodes=sorted(nodes))


def link_answer(link: Link, graph: Graph, gone_ms: int | None = None) -> LinkAnswer:
    layer: Literal[2, 3] = 2 if link.layer is Layer.LINK else 3
    return LinkAnswer(
        a=_end(link.a, graph, link.states[0]),
        b=_end(link.b, graph, link.states[1]),
        layer=layer,
        confidence=round(link.confidence, 4),
        evidence=[
            EvidenceAnswer(source=one.source, told_by=one.told_by, confidence=one.confidence, detail=one.detail)
            for one in link.evidence
        ],
        first_seen=rfc3339(link.first_seen_ms),
        last_seen=rfc3339(link.last_seen_ms),
        gone=None if gone_ms is None else rfc3339(gone_ms),
        blocked=link.is_blocked,
        bundle=link.bundle,
        tagged=ranges(link.vlans.tagged),
        untagged=ranges(link.vlans.untagged),
    )


def _chosen(graph: Graph, links: Sequence[Link], nodes: set[str], query: MapQuery) -> tuple[Sequence[Link], set[str]]:
    """The links of a layer and VLAN, and what they join; of a site what is there, with the links that leave it."""
    if query.site is not None:
        there = {one for one in nodes if graph.nodes[one].site == query.site}
        links = [one for one in links if one.a.node in there or one.b.node in there]
        nodes = there | {end.node for one in links for end in (one.a, one.b)}
    links = [one for one in links if query.layer in (None, str(int(one.layer)))]
    if query.vlan is not None:
        links = [one for one in links if query.vlan in one.vlans]
    ends = {end.node for one in links for end in (one.a, one.b)}
    if query.vlan is not None:
        nodes &= ends
    elif query.layer is not None:
        nodes = {one for one in nodes if one in ends or graph.nodes[one].kind is Kind.DEVICE}
    return links, nodes


def _end(end: End, graph: Graph, state: str) -> EndAnswer:
    """An end with a name; one that has gone is called by what its id says."""
    known = graph.nodes.get(end.node)
    name = known.name if known is not None and known.kind is not Kind.DEVICE else ""
    prefixed = end.node.startswith(("unmanaged:", "segment:", "subnet:"))
    plain = end.node.partition(":")[2].lstrip(":") if prefixed else end.node
    return EndAnswer(node=end.node, name=name or plain, port=end.port, stp=state)


def _parting(graph: Graph) -> set[str]:
    """Cuts, but for those that part nothing but single neighbours that nobody asks."""
    leaves = {one.id for one in graph.nodes.values() if one.kind is Kind.UNMANAGED and len(graph.at(one.id)) == 1}
    nodes = [one for one in graph.nodes.values() if one.id not in leaves]
    return Graph.of(nodes, (one for one in graph.links if not leaves & {one.a.node, one.b.node})).cuts()


def _node(call: Call[MapQuery] | Call[LinksQuery] | Call[PathQuery] | Call[DownstreamQuery], text: str) -> str:
    """A node by its id, by any handle of its device, or by a name that only one has. Raises ApiError."""
    atlas = call.services.atlas
    graph = atlas.sheet.graph
    if text in graph:
        return text
    found = _named(graph, text) or [one for one in atlas.register.registry.handles_of(text) if one in graph]
    if len(found) == 1:
        return found[0]
    if found:
        raise ApiError("bad_request", f"{text[:100]!r} is what several are called: {', '.join(sorted(found)[:5])}")
    raise ApiError("not_found", f"the map has no {text[:100]!r}")


def _named(graph: Graph, text: str) -> list[str]:
    wanted = text.strip().lower()
    return [one.id for one in graph.nodes.values() if wanted and wanted in (one.id.lower(), one.name.lower())]


def _meant(atlas: Atlas, text: str) -> tuple[list[int], list[str]]:
    """The hosts and devices that a text may mean: a MAC address, a network address, a name."""
    graph = atlas.sheet.graph
    mac = mac_number(text)
    if mac is not None:
        return [mac], [one for one in graph.nodes if mac in _macs(atlas, one)]
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        devices = _named(graph, text) or [one for one in (atlas.register.registry.record_of(text),) if one in graph]
        return sorted({mac for one in devices for mac in _macs(atlas, one)} & atlas.hosts.stays.keys()), devices
    owners = [one for one in graph.nodes if address in _addresses(atlas, one)]
    return atlas.addresses.macs(address), owners


def _macs(atlas: Atlas, device: str) -> Iterable[int]:
    told = atlas.told(device)
    return told.macs if told else ()


def _addresses(atlas: Atlas, device: str) -> Iterable[str]:
    told = atlas.told(device)
    return {one.address for one in told.addresses} if told else ()


def _near(graph: Graph, start: str, hops: int) -> set[str]:
    near, edge = {start}, {start}
    for _ in range(hops):
        edge = {link.other(one) for one in edge for link in graph.at(one)} - near
        near |= edge
    return near


def _stay(atlas: Atlas, stay: Stay) -> StayAnswer:
    return StayAnswer(
        mac=mac_text(stay.mac),
        addresses=atlas.addresses.addresses(stay.mac),
        device=stay.device,
        port=stay.port,
        sure=stay.is_sure,
        since=rfc3339(stay.first_seen_ms),
        last_seen=rfc3339(stay.last_seen_ms),
    )
