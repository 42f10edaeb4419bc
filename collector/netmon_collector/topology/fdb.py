"""Links between bridges, and where hosts are, from nothing but their forwarding tables.

A bridge knows behind which of its ports each MAC address lies. Bridges hang together as a tree, whatever else is
plugged in, because spanning tree or their owner keeps loops open. Seen from one bridge as the root, each other has one
port towards it; all that it sees behind its other ports lies below it, and what is below one bridge is either all or
not at all below another. So the parent of a bridge is the lowest of those that see it below themselves. Bridges with
the same parent behind the same port of it share something in between that does not answer: an unmanaged switch.

That complementary sets behind two ports mean a link is the criterion of Breitbart et al. (Topology Discovery in
Heterogeneous IP Networks, INFOCOM 2000). Where a bridge's own address was seen by nobody, hosts that both know decide,
by the fewest contradictions, after Lowekamp, O'Hallaron and Gross (Topology Discovery for Large Ethernet Networks,
SIGCOMM 2001), who also show that tables need not be complete for it. The tree from a root is that of Bejerano (Taking
the Skeletons Out of the Closets, INFOCOM 2006). All steps are sorts and sums over whole arrays: n rows take O(n log n).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from netmon_collector.topology.columns import components, count_pairs, first_of, lookup, pack, pair_keys
from netmon_collector.topology.told import Macs, Numbers

_SHARED: Final = 3
"""Addresses that two bridges must both know to be taken for parts of one network where neither knows the other."""
_GROUP: Final = 8
"""How many hosts beside a bridge speak for it."""
_AGREEING: Final = 0.8
_NOWHERE: Final = -1


@dataclass(frozen=True)
class Rows:
    """The tables of all bridges: bridges are numbered from 0, a row is (bridge, port, MAC address).

    `owners` gives each bridge's own addresses: `owner_macs[i]` belongs to bridge `owner_bridges[i]`.
    """

    bridges: Numbers
    ports: Numbers
    macs: Macs
    owner_macs: Macs
    owner_bridges: Numbers
    count: int


@dataclass(frozen=True)
class Join:
    """A port and what is joined to it; `hosts_between` were seen from both sides, so something lies in between."""

    bridge: int
    port: int
    below: tuple[tuple[int, int], ...]
    hosts_between: int


@dataclass(frozen=True)
class Inferred:
    """Joins, and for each host's MAC address the bridge and port that it is nearest to.

    Not `is_sure`: other bridges are behind that port, and it may be that one of them has forgotten the host.
    `dropped_rows` named two ports of a bridge for one address; `unplaced` bridges could not be related to the others.
    """

    joins: tuple[Join, ...]
    macs: Macs
    bridges: Numbers
    ports: Numbers
    is_sure: NDArray[np.bool_]
    dropped_rows: int
    unplaced: tuple[int, ...]


def infer(rows: Rows) -> Inferred:
    """Joins and places out of the forwarding tables of all bridges."""
    rows, dropped = _unambiguous(rows)
    owner = lookup(rows.owner_macs, rows.owner_bridges, rows.macs, _NOWHERE)
    foreign = owner != rows.bridges
    rows, owner = _chosen(rows, foreign), owner[foreign]
    island = _islands(rows, owner)
    roots = _roots(rows, island)
    up = _ports_up(rows, owner, island, roots)
    is_root = np.zeros(rows.count, bool)
    is_root[roots] = True
    placed = is_root | (up != _NOWHERE)
    below = placed[rows.bridges] & (rows.ports != up[rows.bridges])
    size = np.bincount(rows.bridges[below], minlength=rows.count)
    lower, lower_owner = _chosen(rows, below), owner[below]
    macs, places = _nearest(lower, -size)
    parent, parent_port = _parents(rows, owner, below, placed & ~is_root, (macs, lower.bridges[places]), size)
    macs, places = _nearest(lower, _depths(parent))
    at_bridges, at_ports = lower.bridges[places], lower.ports[places]
    is_host = lower_owner[places] == _NOWHERE
    macs, at_bridges, at_ports = macs[is_host], at_bridges[is_host], at_ports[is_host]
    between, is_sure = _between(rows, up, parent, parent_port, macs, at_bridges, at_ports)
    unplaced = np.flatnonzero(~is_root & (parent == _NOWHERE))
    joins = _joins(parent, parent_port, up, between)
    return Inferred(joins, macs, at_bridges, at_ports, is_sure, dropped, tuple(unplaced.tolist()))


def _chosen(rows: Rows, mask: NDArray[np.bool_]) -> Rows:
    return Rows(rows.bridges[mask], rows.ports[mask], rows.macs[mask], rows.owner_macs, rows.owner_bridges, rows.count)


def _unambiguous(rows: Rows) -> tuple[Rows, int]:
    """Each address once per bridge, and how many rows were dropped because a bridge gave two ports for one address."""
    order = np.lexsort((rows.ports, rows.macs, rows.bridges))
    bridges, ports, macs = rows.bridges[order], rows.ports[order], rows.macs[order]
    same = np.zeros(len(order), bool)
    same[1:] = (bridges[1:] == bridges[:-1]) & (macs[1:] == macs[:-1])
    start = np.flatnonzero(~same)
    last = np.append(start[1:], len(order)) - 1
    agree = ports[start] == ports[last] if len(order) else np.empty(0, bool)
    lengths = last - start + 1
    kept = start[agree]
    one = Rows(bridges[kept], ports[kept], macs[kept], rows.owner_macs, rows.owner_bridges, rows.count)
    return one, int(lengths[~agree].sum())


def _islands(rows: Rows, owner: Numbers) -> Numbers:
    """Per bridge a number that those share which are in one network: who sees another, or knows the same hosts."""
    seen = owner != _NOWHERE
    order = np.argsort(rows.macs, kind="stable")
    macs, bridges = rows.macs[order], rows.bridges[order]
    first = first_of(macs)
    pairs, counts = count_pairs(bridges, bridges[first])
    known = np.bincount(rows.bridges, minlength=rows.count)
    smaller = np.minimum(known[pairs[:, 0]], known[pairs[:, 1]])
    enough = (counts >= _SHARED) | (counts * 2 >= smaller)
    edges = np.concatenate([pairs[enough], np.stack([rows.bridges[seen], owner[seen]], axis=1)])
    return components(rows.count, edges)


def _roots(rows: Rows, island: Numbers) -> Numbers:
    """Of each island the bridge that knows the most; one that routes between parts of it is likely that."""
    known = np.bincount(rows.bridges, minlength=rows.count)
    order = np.lexsort((-known, island))
    return order[np.unique(island[order], return_index=True)[1]]


def _ports_up(rows: Rows, owner: Numbers, island: Numbers, roots: Numbers) -> Numbers:
    """Per bridge its port towards the root of its island; for the root itself, and where nothing tells, -1."""
    root_of = np.empty(rows.count, np.int64)
    root_of[island[roots]] = roots
    target = root_of[island]
    up = np.full(rows.count, _NOWHERE)
    _set_majority(up, rows, owner == target[rows.bridges])
    is_root = np.zeros(rows.count, bool)
    is_root[roots] = True
    open_ = (up == _NOWHERE) & ~is_root
    if open_.any():
        _set_by_hosts(up, rows, target, open_, is_root)
    while True:  # behind a router of the island the root itself is not seen, but bridges on its side are
        placed = is_root | (up != _NOWHERE)
        seen = (owner != _NOWHERE) & ~placed[rows.bridges]
        seen[seen] = placed[owner[seen]]
        if not seen.any():
            return up
        _set_majority(up, rows, seen)


def _set_majority(up: Numbers, rows: Rows, votes: NDArray[np.bool_]) -> None:
    """Sets each bridge's port to that which most of its rows vote for."""
    pairs, counts = count_pairs(rows.bridges[votes], rows.ports[votes])
    order = np.lexsort((counts, pairs[:, 0]))
    up[pairs[order, 0]] = pairs[order, 1]


def _set_by_hosts(
    up: Numbers, rows: Rows, target: Numbers, open_: NDArray[np.bool_], is_root: NDArray[np.bool_]
) -> None:
    """Ports up by the hosts that bridge and root both know.

    With x the bridge's port to the root and y the root's port to the bridge, no host can lie behind another port of
    both: the pair with the fewest such contradictions is right.
    """
    mine, theirs = open_[rows.bridges], is_root[rows.bridges]
    wanted = pack(target[rows.bridges[mine]], rows.macs[mine])
    there = lookup(pack(rows.bridges[theirs], rows.macs[theirs]), rows.ports[theirs], wanted, _NOWHERE)
    both = there != _NOWHERE
    bridge = rows.bridges[mine][both]
    total = np.bincount(bridge, minlength=rows.count)
    at, x, explained = _explained(bridge, rows.ports[mine][both], there[both])
    good = (explained >= _AGREEING * total[at]) & (total[at] >= _SHARED)
    order = np.lexsort((explained[good], at[good]))
    up[at[good][order]] = x[good][order]


def _explained(bridge: Numbers, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """For (bridge, port x, root's port y) of each host: bridge and x of each pair (x, y), and the hosts it explains.

    A pair with no host at both was seen by nobody; it can be right only if one of its ports is the busiest there is.
    """
    by_x, in_x = count_pairs(bridge, x)
    by_y, in_y = count_pairs(bridge, y)
    of_x = lookup(pack(by_x[:, 0], by_x[:, 1]), np.arange(len(by_x)), pack(bridge, x), 0)
    of_y = lookup(pack(by_y[:, 0], by_y[:, 1]), np.arange(len(by_y)), pack(bridge, y), 0)
    cells, in_both = count_pairs(of_x, of_y)
    top_x, top_y = _busiest(by_x[:, 0], in_x), _busiest(by_y[:, 0], in_y)
    every_x, every_y = np.arange(len(by_x)), np.arange(len(by_y))
    pairs = np.stack(
        [
            np.concatenate([cells[:, 0], every_x, top_x[by_y[:, 0]]]),
            np.concatenate([cells[:, 1], top_y[by_x[:, 0]], every_y]),
        ],
        axis=1,
    )
    shared = lookup(pair_keys(cells), in_both, pair_keys(pairs), 0)
    return by_x[pairs[:, 0], 0], by_x[pairs[:, 0], 1], in_x[pairs[:, 0]] + in_y[pairs[:, 1]] - shared


def _busiest(bridges: Numbers, counts: Numbers) -> Numbers:
    """Per bridge the place with the highest count."""
    order = np.lexsort((counts, bridges))
    top = np.zeros(int(bridges.max()) + 1 if len(bridges) else 0, np.int64)
    top[bridges[order]] = order
    return top


def _nearest(lower: Rows, depth: Numbers) -> tuple[Macs, Numbers]:
    """Each address that lies below some bridge, and the row of the deepest such bridge."""
    order = np.lexsort((-depth[lower.bridges], lower.macs))
    macs, start = np.unique(lower.macs[order], return_index=True)
    return macs, order[start]


def _parents(
    rows: Rows,
    owner: Numbers,
    below: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    nearest: tuple[Macs, Numbers],
    size: Numbers,
) -> tuple[Numbers, Numbers]:
    """Per bridge the lowest one that has it below itself, and behind which port of that one; -1 for none.

    A bridge is where its own addresses are, and where a few hosts are that are nearest to it.
    """
    speaker = np.where(owner != _NOWHERE, owner, _speakers(rows, nearest))
    votes = (speaker != _NOWHERE) & (speaker != rows.bridges)
    above, of, port, is_below = rows.bridges[votes], speaker[votes], rows.ports[votes], below[votes]
    pairs, counts = count_pairs(above, of)
    number = lookup(pack(pairs[:, 0], pairs[:, 1]), np.arange(len(pairs)), pack(above, of), 0)
    cells, cell_counts = count_pairs(number[is_below], port[is_below])
    best = np.lexsort((cell_counts, cells[:, 0]))
    chosen_port, chosen_count = np.full(len(pairs), _NOWHERE), np.zeros(len(pairs), np.int64)
    chosen_port[cells[best, 0]], chosen_count[cells[best, 0]] = cells[best, 1], cell_counts[best]
    sure = (chosen_count * 2 > counts) & wanted[pairs[:, 1]]
    above, of, port = pairs[sure, 0], pairs[sure, 1], chosen_port[sure]
    depth = np.bincount(of, minlength=rows.count)
    parent, parent_port = np.full(rows.count, _NOWHERE), np.full(rows.count, _NOWHERE)
    order = np.lexsort((-size[above], depth[above], of))
    parent[of[order]], parent_port[of[order]] = above[order], port[order]
    return parent, parent_port


def _depths(parent: Numbers) -> Numbers:
    """How many bridges are above each; by leaps of twice the length each time, so that no circle is walked for ever."""
    above = np.append(parent, _NOWHERE)  # the last one stands for nowhere, and is above itself
    depth = (above != _NOWHERE).astype(np.int64)
    for _ in range(len(parent).bit_length()):
        depth = depth + depth[above]
        above = above[above]
    inner: Numbers = depth[:-1]
    return inner


def _speakers(rows: Rows, nearest: tuple[Macs, Numbers]) -> Numbers:
    """For each row the bridge that its address speaks for, being one of the first hosts there; -1 for most."""
    macs, at = nearest
    order = np.argsort(at, kind="stable")
    rank = np.empty(len(at), np.int64)
    rank[order] = np.arange(len(at)) - first_of(at[order])
    chosen = rank < _GROUP
    return lookup(macs[chosen], at[chosen], rows.macs, _NOWHERE)


def _between(
    rows: Rows,
    up: Numbers,
    parent: Numbers,
    parent_port: Numbers,
    macs: Macs,
    at_bridges: Numbers,
    at_ports: Numbers,
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Per bridge how many hosts are between it and its parent, and for each host whether its place is sure.

    One in between is nearest to the parent, behind the port of the bridge, and seen from the bridge on its way up.
    """
    children = np.flatnonzero(parent != _NOWHERE)
    joined = np.isin(pack(at_bridges, at_ports), pack(parent[children], parent_port[children]))
    place = lookup(macs[joined], np.flatnonzero(joined), rows.macs, _NOWHERE)
    seen = (place != _NOWHERE) & (rows.ports == up[rows.bridges])
    bridge, place = rows.bridges[seen], place[seen]
    here = (at_bridges[place] == parent[bridge]) & (at_ports[place] == parent_port[bridge])
    is_sure = ~joined
    is_sure[place[here]] = True
    return np.bincount(bridge[here], minlength=rows.count), is_sure


def _joins(parent: Numbers, parent_port: Numbers, up: Numbers, between: Numbers) -> tuple[Join, ...]:
    children = np.flatnonzero(parent != _NOWHERE)
    order = children[np.lexsort((parent_port[children], parent[children]))]
    found: dict[tuple[int, int], list[int]] = {}
    for child in order.tolist():
        found.setdefault((int(parent[child]), int(parent_port[child])), []).append(child)
    return tuple(
        Join(bridge, port, tuple((one, int(up[one])) for one in ones), _least(between, ones))
        for (bridge, port), ones in found.items()
    )


def _least(between: Numbers, children: Sequence[int]) -> int:
    return int(between[list(children)].min())
