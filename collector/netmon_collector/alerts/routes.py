"""The tree that says who is told of an alert, and which alerts are told of together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netmon_collector.alerts.matching import Matcher, matches_all, written
from netmon_proto.model import Labels
from netmon_proto.names import label_text, quoted


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree, with all that it has from those above it.

    key: its place, as Alertmanager writes it: the matchers of all nodes on the way to it.
    group_by: names of the labels by which alerts are grouped; None: by all of them, so that each is on its own.
    goes_on: whether the nodes after it are asked too when this one has matched.
    mute_times, active_times: names of times in which nobody is told, and outside which nobody is.
    escalation: the name of who else is told where nobody cares, "" for nobody; None: what fits by its matchers.
    """

    key: str
    receiver: str
    matchers: tuple[Matcher, ...]
    group_by: frozenset[str] | None
    goes_on: bool
    group_wait_ms: int
    group_interval_ms: int
    repeat_interval_ms: int
    mute_times: tuple[str, ...] = ()
    active_times: tuple[str, ...] = ()
    escalation: str | None = None
    routes: tuple["Route", ...] = ()

    def find(self, labels: Mapping[str, str]) -> list["Route"]:
        """The nodes that an alert comes to: the deepest that match, in the order of the tree; none where the matchers
        of this node don't match."""
        if not matches_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for route in self.routes:
            deeper = route.find(labels)
            found += deeper
            if deeper and not route.goes_on:
                break
        return found or [self]

    def group_labels(self, labels: Labels) -> Labels:
        """Those labels of an alert by which it is grouped, sorted by name."""
        by = self.group_by
        return tuple(sorted(pair for pair in labels if by is None or pair[0] in by))

    def walk(self) -> Iterator["Route"]:
        """This node and all below it, in the order of the tree."""
        yield self
        for route in self.routes:
            yield from route.walk()


def key_of(above: str, matchers: tuple[Matcher, ...]) -> str:
    """The key of a node; `above` is its parent's, "" for the root."""
    return f"{above}/{written(matchers)}" if above else written(matchers)


def group_key(route: Route, labels: Labels) -> str:
    """What Alertmanager calls a group in its webhooks."""
    inner = ", ".join(f"{label_text(name)}={quoted(value)}" for name, value in labels)
    return f"{route.key}:{{{inner}}}"
