"""A network that is made up: what has failed in it, and what witnesses see of it."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from netmon_collector.alerts.rehearsal.language import Ear, Topology, names_of
from netmon_collector.reachability.ledger import Ledger
from netmon_collector.reachability.witnesses import Kind, Witness
from netmon_collector.topology.graph import End, Graph, Link
from netmon_collector.topology.reach import Web

_SILENT = frozenset({Kind.AGENT, Kind.ARP, Kind.NEIGHBOUR})
"""Those that say nothing where they see nothing; a neighbour's port says that by itself."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """A witness that looks at a device on its interval, at a phase of its own."""

    target: str
    witness: Witness
    phase_ms: int
    is_canary: bool = False


class Network:
    """Nodes, links, and who looks at whom."""

    def __init__(self, topology: Topology) -> None:
        self._links = [frozenset(pair) for pair in topology.links]
        self.graph = Graph.of([], [Link(End(one), End(other)) for one, other in topology.links])
        self._probes = list(_probes(topology))
        self._failed: set[str] = set()
        self._cut: set[frozenset[str]] = set()
        self._deaf: set[_Probe] = set()
        self._seen: dict[str, Set[str]] = {}

    @property
    def devices(self) -> Set[str]:
        """All that somebody looks at."""
        return {one.target for one in self._probes if not one.is_canary}

    def fail(self, texts: Sequence[str], *, mends: bool = False) -> None:
        """Has devices and links fail, or work again."""
        for text in texts:
            nodes = {name for part in text.split(" - ") for name in names_of(part.strip())}
            if " - " in text:
                pairs = {pair for pair in self._links if pair <= nodes}
                self._cut = self._cut - pairs if mends else self._cut | pairs
            else:
                self._failed = self._failed - nodes if mends else self._failed | nodes
        self._seen.clear()

    def deafen(self, ears: Sequence[Ear], *, hears: bool = False) -> None:
        """Has probes that are not answered, or are again."""
        for ear in ears:
            chosen = {one for one in self._probes if _is_meant(one, ear)}
            self._deaf = self._deaf - chosen if hears else self._deaf | chosen

    def tell(self, ledger: Ledger, after_ms: int, until_ms: int, start_ms: int) -> None:
        """Has all witnesses tell what they see, each at its times after one and up to another."""
        for probe in self._probes:
            interval_ms = probe.witness.interval_ms
            first_ms = start_ms + probe.phase_ms
            turn = max((after_ms - first_ms) // interval_ms + 1, 0)
            for at_ms in range(first_ms + turn * interval_ms, until_ms + 1, interval_ms):
                self._ask(ledger, probe, at_ms)

    def expect(self, ledger: Ledger, at_ms: int) -> None:
        """Has a collector that begins wait for all agents from a time on."""
        for probe in self._probes:
            if probe.witness.kind is Kind.AGENT:
                ledger.expect(probe.target, probe.witness, at_ms)

    def _ask(self, ledger: Ledger, probe: _Probe, at_ms: int) -> None:
        if probe.witness.by in self._failed:
            return  # who is gone tells nothing
        ok = probe not in self._deaf and self._sees(probe)
        if probe.is_canary:
            ledger.tell_canary(probe.target, probe.witness, ok, at_ms)
        elif ok or probe.witness.kind not in _SILENT:
            ledger.tell(probe.target, probe.witness, ok, at_ms)

    def _sees(self, probe: _Probe) -> bool:
        seeker = probe.witness.by
        if probe.target in self._failed:
            return False
        if seeker not in self.graph or probe.target not in self.graph:
            return True
        if seeker not in self._seen:
            ways = [tuple(pair) for pair in self._links if len(pair) > 1 and pair not in self._cut]
            web = Web(self.graph.nodes, [(one, other) for one, other in ways])
            self._seen[seeker] = web.reachable(seeker, self._failed)
        return probe.target in self._seen[seeker]


def _probes(topology: Topology) -> Iterator[_Probe]:
    for several in topology.probes:
        for number, device in enumerate(several.devices):
            for kind in several.kinds:
                witness = Witness(kind, several.by, several.every_ms)
                yield _Probe(device, witness, number * 1000 % several.every_ms)
    for poller, targets in topology.canaries.items():
        for target in targets:
            yield _Probe(target, Witness(Kind.ICMP, poller, 10_000), 0, is_canary=True)


def _is_meant(probe: _Probe, ear: Ear) -> bool:
    kinds, by = ear.kinds or (probe.witness.kind,), ear.by or (probe.witness.by,)
    return probe.target in ear.devices and probe.witness.kind in kinds and probe.witness.by in by
