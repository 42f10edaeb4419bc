"""What a cause hits: devices that are cut off or slow, services, whole sites, links that will be overloaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from netmon_analytics.cause.blocks import Blocks
from netmon_analytics.cause.evidence import Observations
from netmon_analytics.cause.judge import Cause
from netmon_analytics.cause.network import Bools, Floats, Ints, Network
from netmon_analytics.cause.nouns import Fault, Sign
from netmon_analytics.cause.traffic import loads_without
from netmon_analytics.cause.ways import Ways

FULL: Final = 0.9
"""The part of a link's capacity from which on it is overloaded."""
MOSTLY: Final = 0.5
"""A device is hit by a full link if so much of its traffic goes over it."""
SEVERITIES: Final = ("critical", "error", "warning", "info")


def no_floats() -> Floats:
    return np.empty(0)


def no_pairs() -> Ints:
    return np.empty((0, 2), np.intp)


@dataclass(frozen=True)
class Estate:
    """What a network is for. home: the node to which all have to get, such as the data centre's core. sites: a number
    for each node, -1 for none. needs: pairs of a node and the node whose service it needs. load, capacity: of each link
    in one unit, local: what starts and ends at each node beside that; expected: the most that each link carries in the
    coming hours as long as nothing is wrong. NaN or empty where nobody knows.
    """

    home: int
    sites: Ints
    needs: Ints = field(default_factory=no_pairs)
    load: Floats = field(default_factory=no_floats)
    capacity: Floats = field(default_factory=no_floats)
    local: Floats = field(default_factory=no_floats)
    expected: Floats = field(default_factory=no_floats)


@dataclass(frozen=True, slots=True)
class Impact:
    """devices: hit themselves, sorted. services: nodes whose service fails for some. needing: nodes that miss one.
    sites: hit as a whole. overloaded: links, and the part of their capacity that they are to carry. filling: those
    that are not, and will be in the coming hours.
    """

    devices: tuple[int, ...]
    services: tuple[int, ...]
    needing: tuple[int, ...]
    sites: tuple[int, ...]
    overloaded: tuple[tuple[int, float], ...]
    filling: tuple[tuple[int, float], ...] = ()


def impact(network: Network, estate: Estate, cause: Cause, seen: Observations) -> Impact:
    """What a cause hits, by what is known of the network; also what nobody has seen yet."""
    after = passable(network, cause)
    overloaded = _overloaded(network, estate, after, estate.load)
    hit = _hit(network, estate, cause, after, seen) | _slow(estate, after, overloaded)
    missed = _missed(network, estate, cause, after, hit, seen)
    whole = [
        int(site)
        for site in np.unique(estate.sites[hit])
        if site >= 0 and hit[estate.sites == site].all() and np.count_nonzero(estate.sites == site) > 1
    ]
    full = {link for link, _ in overloaded}
    later = _overloaded(network, estate, after, estate.expected)
    return Impact(
        tuple(np.flatnonzero(hit).tolist()),
        tuple(np.unique(estate.needs[missed, 1]).tolist()),
        tuple(np.unique(estate.needs[missed, 0]).tolist()),
        tuple(whole),
        overloaded,
        tuple((link, use) for link, use in later if link not in full),
    )


def passable(network: Network, cause: Cause) -> Network:
    """What is left of the network for traffic."""
    if cause.fault is Fault.LINK:
        return network.without(frozenset(), frozenset({cause.subject}))
    if cause.fault is Fault.POWER:
        return network.without(frozenset(network.groups[cause.subject].tolist()), frozenset())
    if cause.fault in (Fault.DEVICE, Fault.ROUTING):
        return network.without(frozenset({cause.subject}), frozenset())
    return network


def priority(severity: str, hit: Impact, score: float, known: int, times_before: int) -> float:
    """How soon somebody should look, 0 to 100: what is said, what is hit, how often it came before.

    Half of it is the severity of the worst alert. The rest grows with the logarithm of what is hit, so that a tenth of
    all `known` devices counts about as much as a step in severity; and that it keeps coming back counts a little.
    """
    said = 1.0 - (SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)) / len(SEVERITIES)
    mass = len(hit.devices) + len(hit.needing) + 3 * len(hit.overloaded) + 5 * len(hit.sites) + 3 * len(hit.services)
    reach = float(np.log1p(mass * (0.5 + score / 2)) / np.log1p(max(known, 20)))
    again = min(1.0, float(np.log2(1 + times_before)) / 3)
    return round(100 * (0.5 * said + 0.4 * min(1.0, reach) + 0.1 * again), 1)


def _hit(network: Network, estate: Estate, cause: Cause, after: Network, seen: Observations) -> Bools:
    if cause.fault in (Fault.VIEW, Fault.NAMES):
        return np.zeros(network.nodes, np.bool_)
    if cause.fault is Fault.CONGESTION:
        is_full = np.arange(network.links) == cause.subject
        return np.asarray(Ways.of(network, estate.home).over(is_full) >= MOSTLY)
    if cause.fault is Fault.CONFIGURATION:
        return _seen_hit(network, estate, cause, seen)
    hit = network.reached(estate.home) & ~after.reached(estate.home)
    if cause.fault is Fault.HOST:
        hit[cause.subject] = True
    return np.asarray(hit)


def _slow(estate: Estate, after: Network, overloaded: Sequence[tuple[int, float]]) -> Bools:
    """Nodes most of whose traffic goes over links that are to carry more than they can."""
    is_over = np.zeros(after.links, np.bool_)
    is_over[[link for link, use in overloaded if use > 1]] = True
    if not is_over.any():
        return np.zeros(after.nodes, np.bool_)
    return np.asarray(Ways.of(after, estate.home).over(is_over) >= MOSTLY)


def _seen_hit(network: Network, estate: Estate, cause: Cause, seen: Observations) -> Bools:
    """What a change broke is known only by what it shows: what does not answer, and what is behind ports that are down
    or behind the neighbours by which such things are reached."""
    mine = cause.explained
    gone = set(seen.node[mine[seen.sign[mine] == int(Sign.UNREACHABLE)]].tolist())
    links = set(seen.link[mine[seen.sign[mine] == int(Sign.LINK_DOWN)]].tolist()) - {-1}
    hit = network.reached(estate.home) & ~network.without(frozenset(), frozenset(links)).reached(estate.home)
    hit[sorted(gone)] = True
    looks = np.flatnonzero(seen.sign == int(Sign.UNREACHABLE))
    ports = np.array([link for _, link in network.beside(cause.subject)], np.intp)
    row, node = Blocks.of(network).seen_from(estate.home).behind_nodes(ports + network.nodes, network.nodes)
    for number in np.unique(row).tolist():
        branch = np.zeros(network.nodes, np.bool_)
        branch[node[row == number]] = True
        watched = looks[branch[seen.node[looks]]]
        if not branch[cause.subject] and len(watched) and np.mean(seen.seen[watched]) > MOSTLY:
            hit |= branch
    return np.asarray(hit)


def _missed(network: Network, estate: Estate, cause: Cause, after: Network, hit: Bools, seen: Observations) -> Bools:
    """Which needs are not met."""
    who, whom = estate.needs[:, 0], estate.needs[:, 1]
    missed = hit[who] | hit[whom]
    if cause.fault in (Fault.NAMES, Fault.HOST):
        missed |= whom == cause.subject
    if cause.fault is Fault.CONFIGURATION:
        return np.asarray(missed | _failing(network, cause, who, whom, seen))
    servers = np.unique(whom)
    for server, before, left in zip(
        servers.tolist(), network.reached_by(servers), after.reached_by(servers), strict=True
    ):
        mine = whom == server
        missed[mine] |= (before & ~left)[who[mine]]
    return np.asarray(missed)


def _failing(network: Network, cause: Cause, who: Ints, whom: Ints, seen: Observations) -> Bools:
    """The needs that were seen not to be met because of a change, and those whose way is the same."""
    mine = cause.explained[np.isin(seen.sign[cause.explained], (int(Sign.SERVICE), int(Sign.NAMES)))]
    if not len(mine):
        return np.zeros(len(who), np.bool_)
    found = np.zeros(len(who), np.bool_)
    over = (network.ends == cause.subject).any(axis=1)
    for server in np.unique(whom).tolist():
        row = np.flatnonzero(whom == server)
        found[row] = Ways.of(network, server).over(over)[who[row]] / 2 >= MOSTLY
    return found


def _overloaded(network: Network, estate: Estate, after: Network, load: Floats) -> tuple[tuple[int, float], ...]:
    """Links that this load fills when it moves, and does not where it is."""
    if not len(load) or after is network:
        return ()
    known = np.isfinite(load) & np.isfinite(estate.capacity) & (estate.capacity > 0)
    load = np.where(known, load, 0.0)
    local = estate.local if len(estate.local) else np.zeros(network.nodes)
    capacity = np.where(known, estate.capacity, np.inf)
    use = loads_without(network, after, load, local) / capacity
    chosen = np.flatnonzero((use > FULL) & (load / capacity <= FULL))
    return tuple((int(link), round(float(use[link]), 2)) for link in chosen[np.argsort(-use[chosen], kind="stable")])
