"""The map by which devices are judged: what an outage took off the map still leads to what it has cut off. Pure."""

from collections.abc import Iterator, Set
from typing import Final

from netmon_collector.topology.graph import Graph, Layer, Link

KEPT_MS: Final = 600_000
"""How long a lost link counts where nobody misses what is at its ends."""


class Ways:
    """Keeps links of layer 2 that the map has lost for as long as layer 2 does not join their ends otherwise.

    A switch takes what it saw behind a port off its tables as soon as that port goes down, which may be before anybody
    has missed the device there.
    """

    def __init__(self) -> None:
        self._map = Graph()
        self._lost: list[tuple[Link, int]] = []
        self._graph = self._map

    def follow(self, drawn: Graph, missed: Set[str], now_ms: int) -> Graph:
        """The map as it is drawn now, with the links that still count.

        missed: devices that somebody does not see, whose links count for as long as that is so. now_ms: Unix
        milliseconds.
        """
        is_new = drawn is not self._map
        lost = [*self._lost, *((link, now_ms) for link in self._gone_from(drawn))] if is_new else self._lost
        still = [
            (link, lost_ms)
            for link, lost_ms in lost
            if _are_parted(link, drawn) and (now_ms - lost_ms < KEPT_MS or {link.a.node, link.b.node} & missed)
        ]
        if is_new or len(still) < len(lost):
            self._graph = Graph(drawn.nodes, (*drawn.links, *(link for link, _ in still))) if still else drawn
        self._map, self._lost = drawn, still
        return self._graph

    def _gone_from(self, drawn: Graph) -> Iterator[Link]:
        present = {link.key for link in drawn.links}
        return (link for link in self._map.links if link.layer is Layer.LINK and link.key not in present)


def _are_parted(link: Link, drawn: Graph) -> bool:
    """Whether both ends are on the map, in two parts of layer 2."""
    one, other = drawn.islands.get(link.a.node), drawn.islands.get(link.b.node)
    return one is not None and other is not None and one != other
