"""Claims that two ports are joined, from any source, and how they become links: those that agree make one link,
those that know less join those that know more, and where one port has several others, something lies in between."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

from netmon_collector.topology.graph import Evidence

NEAR_SOURCES: Final = frozenset({"lldp", "cdp", "fdp", "edp", "ndp"})
"""Protocols whose messages no bridge forwards: who is heard by them is next to the port."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A port of a device by its number, 0: not known; that of an unmanaged neighbour by what it is called."""

    node: str
    index: int = 0
    port: str = ""

    @property
    def is_whole(self) -> bool:
        return bool(self.index or self.port)


Pair = tuple[Spot, Spot]


@dataclass(frozen=True, slots=True)
class Joined:
    """Two spots that are joined, or a spot and a segment; the lower one first."""

    a: Spot
    b: Spot
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """Spots that something unmanaged joins; `id` stays the same while they do."""

    id: str
    spots: tuple[Spot, ...]
    evidence: tuple[Evidence, ...]


class Claims:
    """Collects claims of layer 2; `groups` gives for a port the aggregate that it is a member of."""

    def __init__(self, groups: Mapping[tuple[str, int], int]) -> None:
        self._groups = groups
        self._members: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        for (node, index), group in groups.items():
            self._members[node, group].add(index)
        self._pairs: defaultdict[Pair, dict[tuple[str, str], Evidence]] = defaultdict(dict)
        self._shared: list[tuple[tuple[Spot, ...], Evidence]] = []

    def add(self, one: Spot, another: Spot, evidence: Evidence) -> None:
        """Claims that two spots are joined; of one source and teller the first claim counts."""
        pair = (one, another) if one < another else (another, one)
        self._pairs[pair].setdefault((evidence.source, evidence.told_by), evidence)

    def add_shared(self, spots: Iterable[Spot], evidence: Evidence) -> None:
        """Claims that three or more spots, or two with hosts in between, share something unmanaged."""
        self._shared.append((tuple(sorted(spots)), evidence))

    def heard_pairs(self) -> list[Pair]:
        """Who hears whom, each pair in both orders."""
        pairs = [pair for pair, held in self._pairs.items() if {source for source, _ in held} & NEAR_SOURCES]
        return [*pairs, *((b, a) for a, b in pairs)]

    def settle(self) -> tuple[list[Joined], list[Shared]]:
        """What the claims come to, sorted."""
        self._share_out_bundles()
        self._fill_in()
        shared = self._settle_shared()
        self._drop_farther()
        shared += self._find_shared()
        joined = [Joined(a, b, tuple(sorted(held.values()))) for (a, b), held in self._pairs.items()]
        return sorted(joined, key=lambda one: (one.a, one.b)), sorted(shared, key=lambda one: one.id)

    def _share_out_bundles(self) -> None:
        """A claim about an aggregate supports the links of its members, where these are known."""
        by_group: defaultdict[Pair, list[Pair]] = defaultdict(list)
        for pair in self._pairs:
            outer = self._outer(pair)
            if outer != pair:
                by_group[outer].append(pair)
        for outer, inner in by_group.items():
            held = self._pairs.get(outer)
            if held is None:
                continue
            for pair in inner:
                for key, evidence in held.items():
                    self._pairs[pair].setdefault(key, evidence)
            del self._pairs[outer]

    def _outer(self, pair: Pair) -> Pair:
        a, b = (Spot(one.node, self._groups.get((one.node, one.index), one.index), one.port) for one in pair)
        return (a, b) if a < b else (b, a)

    def _fill_in(self) -> None:
        """A claim that does not know a port joins the one claim that does."""
        at: defaultdict[tuple[Spot, str], list[Pair]] = defaultdict(list)
        between: defaultdict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in self._pairs:
            a, b = pair
            if a.is_whole:
                at[a, b.node].append(pair)
            if b.is_whole:
                at[b, a.node].append(pair)
            between[a.node, b.node].append(pair)
        for pair in sorted(self._pairs, key=lambda one: (one[0].is_whole + one[1].is_whole, one)):
            a, b = pair
            if a.is_whole and b.is_whole:
                continue
            known = at[a, b.node] if a.is_whole else at[b, a.node] if b.is_whole else between[a.node, b.node]
            fuller = [one for one in known if _wholeness(one) > _wholeness(pair) and one in self._pairs]
            if len(fuller) == 1:
                for key, evidence in self._pairs.pop(pair).items():
                    self._pairs[fuller[0]].setdefault(key, evidence)

    def _settle_shared(self) -> list[Shared]:
        """Segments that tables tell of; where each end hears a neighbour by itself, there is none."""
        heard = self._heard()
        found = []
        for spots, evidence in self._shared:
            nodes = {one.node for one in spots}
            if len(spots) == 2 and any(heard.get(one, set()) & nodes for one in spots):
                self.add(spots[0], spots[1], evidence)
            elif not any(heard.get(self._inner(one), set()) - nodes for one in spots):
                inner = {self._inner(one) for one in spots}
                for pair in [one for one in self._pairs if one[0] in inner and one[1] in inner]:
                    del self._pairs[pair]
                found.append(_shared(spots, (evidence,)))
        return found

    def _drop_farther(self) -> None:
        """Tables skip bridges that told nothing: where a port hears its neighbour, only that one is next to it."""
        heard = self._heard()
        for pair, held in list(self._pairs.items()):
            if {source for source, _ in held} & NEAR_SOURCES:
                continue
            for here, there in (pair, pair[::-1]):
                neighbours = set().union(*(heard.get(one, set()) for one in self._spread(here)))
                if neighbours and there.node not in neighbours:
                    del self._pairs[pair]
                    break

    def _find_shared(self) -> list[Shared]:
        """Segments of ports that hear several neighbours: more than two ports hang together."""
        partners: defaultdict[Spot, set[Spot]] = defaultdict(set)
        for pair, held in self._pairs.items():
            if pair[0].is_whole and pair[1].is_whole and {source for source, _ in held} & NEAR_SOURCES:
                partners[pair[0]].add(pair[1])
                partners[pair[1]].add(pair[0])
        found, seen = [], set[Spot]()
        for spot in sorted(partners):
            if spot in seen:
                continue
            group = _reach(spot, partners)
            seen |= group
            if len(group) > 2:
                inside = [pair for pair in self._pairs if pair[0] in group and pair[1] in group]
                evidence = {one for pair in inside for one in self._pairs.pop(pair).values()}
                found.append(_shared(tuple(sorted(group)), tuple(sorted(evidence))))
        return found

    def _heard(self) -> dict[Spot, set[str]]:
        """For each port the nodes that it hears, or is heard by."""
        heard: defaultdict[Spot, set[str]] = defaultdict(set)
        for (a, b), held in self._pairs.items():
            if {source for source, _ in held} & NEAR_SOURCES:
                if a.is_whole:
                    heard[a].add(b.node)
                if b.is_whole:
                    heard[b].add(a.node)
        return heard

    def _spread(self, spot: Spot) -> list[Spot]:
        """A port and, of an aggregate, its members."""
        return [spot, *(Spot(spot.node, index) for index in self._members.get((spot.node, spot.index), ()))]

    def _inner(self, spot: Spot) -> Spot:
        """A port, or the first member of an aggregate."""
        return self._spread(spot)[-1]


def _wholeness(pair: Pair) -> int:
    return pair[0].is_whole + pair[1].is_whole


def _shared(spots: tuple[Spot, ...], evidence: tuple[Evidence, ...]) -> Shared:
    text = "\n".join(f"{one.node}\t{one.index}\t{one.port}" for one in spots)
    digest = blake2s(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return Shared(f"segment:{digest}", spots, evidence)


def _reach(start: Spot, partners: Mapping[Spot, set[Spot]]) -> set[Spot]:
    found, waiting = {start}, [start]
    while waiting:
        for there in partners[waiting.pop()]:
            if there not in found:
                found.add(there)
                waiting.append(there)
    return found
