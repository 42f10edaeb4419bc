"""What stands between devices now, for whoever asks why something fires: by how they stand, and by the map of links."""

from collections.abc import Callable, Collection, Set
from typing import Final

from netmon_collector.reachability.ledger import Ledger
from netmon_collector.reachability.standing import State
from netmon_collector.topology.graph import Graph, Kind

SETTLES_MS: Final = 120_000
"""So long after a device is no longer unreachable its alerts may still be those of the outage before it."""


class Outlook:
    """See alerts.kinship.Surroundings."""

    def __init__(self, ledger: Ledger, graph: Callable[[], Graph], now_ms: Callable[[], int]) -> None:
        self._ledger = ledger
        self._graph = graph
        self._now_ms = now_ms

    def before(self, device: str) -> tuple[str, ...] | None:
        standing = self._ledger.standings.get(device)
        if standing is None or standing.state is State.UNKNOWN:
            return None
        if standing.state is State.UNREACHABLE:
            return standing.shadowed_by or None
        return None if self._now_ms() - standing.since_ms < SETTLES_MS else ()

    def behind(self, device: str) -> Collection[str]:
        return self._ledger.shadows.get(device, ())

    def beside(self, device: str) -> Set[str]:
        graph = self._graph()
        others = {link.other(device) for link in graph.at(device)}
        return {one for one in others if graph.nodes[one].kind is Kind.DEVICE}

    def back_ms(self, device: str) -> int | None:
        standing = self._ledger.standings.get(device)
        if standing is None or standing.state is not State.UP or not standing.downs:
            return None
        return standing.since_ms if self._now_ms() - standing.since_ms < SETTLES_MS else None
