"""Lays what is known of a time onto the map: who does not answer, which ports are down, what fires, what changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netmon_analytics.cause import NOBODY, Change, Changed, Observation, Sign
from netmon_collector.causes.plan import Plan
from netmon_collector.causes.reading import HOST_CHANGES, change_of_event, sign_of_alert, sign_of_event, sign_of_name
from netmon_collector.changes import KIND as CHANGED
from netmon_collector.reachability.standing import Standing, State
from netmon_collector.state.events import NewEvent
from netmon_collector.topology.graph import Link
from netmon_collector.topology.told import Told
from netmon_proto.model import NAME

PORT_LABELS: Final = ("ifName", "ifDescr", "port", "interface", "device_port")
_GONE: Final = frozenset({State.DOWN, State.UNREACHABLE})
_SEEN: Final = frozenset({State.UP, State.DEGRADED})
_AT_PORTS: Final = frozenset({Sign.LINK_DOWN, Sign.BUSY_LINK, Sign.ERRORS, Sign.PEER_LOST})

Labelled = tuple[Mapping[str, str], float]
"""A series' labels and its value."""


@dataclass(frozen=True)
class Matter:
    """What is known of a time; times are Unix seconds.

    standings: as they are now, or were at the end. watched_by: who looks at each device. alerts: those that fired, with
    since when. checks: of targets, 1.0 where all was well. names: of name servers likewise. losses: parts of packets.
    oddities: series that were odd, with when. consumers: who takes what of each host, in words. new_links: that came in
    this time. hosts: which device is at an address.
    """

    standings: Mapping[str, Standing] = field(default_factory=dict)
    watched_by: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    events: Sequence[NewEvent] = ()
    alerts: Sequence[Labelled] = ()
    checks: Sequence[Labelled] = ()
    names: Sequence[Labelled] = ()
    losses: Sequence[Labelled] = ()
    oddities: Sequence[Labelled] = ()
    consumers: Mapping[str, str] = field(default_factory=dict)
    new_links: Sequence[Link] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)

    def answers(self) -> dict[str, bool]:
        """Whether each device does."""
        return {device: standing.state in _SEEN for device, standing in self.standings.items()}

    def servers(self) -> list[str]:
        """Devices whose services are checked from elsewhere."""
        found = (self.target(labels) for labels, _ in (*self.names, *self.checks))
        return sorted({one for one in found if one})

    def target(self, labels: Mapping[str, str]) -> str:
        """The device that a check looks at, "" where it is none that is known."""
        text = labels.get("target", "").removeprefix("https://").removeprefix("http://").partition("/")[0]
        host = text.rpartition(":")[0] if text.count(":") == 1 else text.strip("[]")
        return self.hosts.get(host, "")


LOSSY: Final = 0.05


class Laying:
    """Observations and changes as they are laid onto a plan."""

    def __init__(self, plan: Plan, matter: Matter, until_s: float) -> None:
        self._plan = plan
        self._matter = matter
        self._until_s = until_s
        self._found: dict[tuple[int, Sign, int, int], Observation] = {}

    def observations(self) -> list[Observation]:
        """One of each kind at each place; what was seen once counts as seen, since the first time."""
        self._lay_events()
        self._lay_alerts()
        self._lay_standings()
        self._lay_ports()
        self._lay_checks()
        for labels, at_s in self._matter.oddities:
            self._at_labels(labels, sign_of_name(labels.get(NAME, "")), at_s)
        return list(self._found.values())

    def changes(self, seen: Sequence[Observation]) -> list[Changed]:
        """What was changed, at which node, when. What is noticed by asking was changed some time before: where the
        device gave a sign meanwhile, just before that."""
        found = []
        for event in self._matter.events:
            change = change_of_event(event)
            if change is None or event.device not in self._plan.numbers:
                continue
            node, at_s, detail = self._plan.numbers[event.device], event.time_ms / 1000, ""
            if event.kind == CHANGED:
                told = event.fields
                what = "" if told.get("what") == change else f"{told.get('what', '')} "
                detail = f"{what}from {told.get('before', '')} to {told.get('after', '')}"
                since_s = float(told.get("unchanged_ms", event.time_ms)) / 1000
                signs = (one.at_s for one in seen if one.seen and one.node == node and since_s <= one.at_s <= at_s)
                at_s = min(signs, default=at_s)
            elif event.kind in HOST_CHANGES:
                detail = event.text
            found.append(Changed(node, change, at_s, detail))
        for link in self._matter.new_links:
            ends = (self._plan.numbers.get(end.node) for end in (link.a, link.b))
            found += [Changed(node, Change.LINKS, link.first_seen_ms / 1000) for node in ends if node is not None]
        return list(dict.fromkeys(found))

    def _lay(self, node: int, sign: Sign, seen: bool, at_s: float, link: int = NOBODY, viewer: int = NOBODY) -> None:
        key = (node, sign, link, viewer)
        known = self._found.get(key)
        if known is None or (seen, -at_s) > (known.seen, -known.at_s):
            self._found[key] = Observation(node, sign, seen, at_s, link, viewer)

    def _lay_events(self) -> None:
        for event in self._matter.events:
            sign = sign_of_event(event)
            if sign is None or event.device not in self._plan.numbers:
                continue
            at_s = event.time_ms / 1000
            if sign is Sign.UNREACHABLE:
                self._lay_look(event.device, True, at_s)
            else:
                self._at_labels({"instance": event.device, **self._port_of(event)}, sign, at_s)

    def _port_of(self, event: NewEvent) -> dict[str, str]:
        """The port that an event is about, by the name that it has on the map."""
        told = self._matter.told.get(event.device)
        index = next((text for name, text in event.fields.items() if name.startswith("ifIndex") and text.isdigit()), "")
        if told is not None and index and int(index) in told.port_by_index:
            return {"ifName": told.label(int(index))}
        named = (text for name, text in event.fields.items() if name.startswith(("ifName", "ifDescr")))
        return {"ifName": name} if (name := next(named, "")) else {}

    def _lay_alerts(self) -> None:
        for labels, at_s in self._matter.alerts:
            sign = sign_of_alert(labels)
            target = self._matter.target(labels)
            asker = labels.get("instance", "")
            if sign is Sign.UNREACHABLE and labels.get("instance", "") in self._plan.numbers:
                self._lay_look(labels["instance"], True, at_s)
            elif target and sign in (Sign.LOSS, Sign.LATENCY):
                self._lay(self._plan.numbers[target], sign, True, at_s, viewer=self._plan.viewer(asker))
            elif not target or sign not in (Sign.SERVICE, Sign.NAMES):  # those are laid with their checks
                self._at_labels(labels, sign, at_s)

    def _at_labels(self, labels: Mapping[str, str], sign: Sign, at_s: float) -> None:
        """Lays a sign at the device, and where it is about a port of a link at that."""
        device = next((labels[name] for name in ("instance", "device") if labels.get(name) in self._plan.numbers), "")
        if not device:
            return
        ports = (labels[name] for name in PORT_LABELS if name in labels) if sign in _AT_PORTS else ()
        link = next((self._plan.ports[device, one] for one in ports if (device, one) in self._plan.ports), NOBODY)
        self._lay(self._plan.numbers[device], sign, True, at_s, link)

    def _lay_look(self, device: str, seen: bool, at_s: float) -> None:
        viewer = self._plan.viewer(self._matter.watched_by.get(device, ""))
        self._lay(self._plan.numbers[device], Sign.UNREACHABLE, seen, at_s, viewer=viewer)

    def _lay_standings(self) -> None:
        judged = {device: one for device, one in self._matter.standings.items() if one.state in _GONE | _SEEN}
        for device, standing in judged.items():
            if device in self._plan.numbers:
                self._lay_look(device, standing.state in _GONE, standing.since_ms / 1000)
        # What a blind poller sees is judged again when it sees again: then it is not what keeps a device down.
        blind = {event.device for event in self._matter.events if event.kind == "poller.blind"}
        for device, viewer in self._matter.watched_by.items():
            if viewer in blind and device in self._plan.numbers and device not in judged:
                self._lay_look(device, True, self._until_s)

    def _lay_ports(self) -> None:
        """Ports of links as devices told of them last; one that does not answer tells nothing."""
        for device, told in self._matter.told.items():
            standing = self._matter.standings.get(device)
            if standing is not None and standing.state not in _SEEN:
                continue
            for port in told.ports:
                link = self._plan.ports.get((device, port.label))
                if link is not None and port.is_up is not None:
                    at_s = told.time_ms / 1000
                    self._lay(self._plan.numbers[device], Sign.LINK_DOWN, not port.is_up, at_s, link)

    def _lay_checks(self) -> None:
        pinged = {_who(labels) for labels, _ in self._matter.losses}
        named = {_who(labels) for labels, _ in self._matter.names}
        for labels, part in self._matter.losses:
            target = self._matter.target(labels)
            if target:
                viewer = self._plan.viewer(labels.get("instance", ""))
                self._lay(self._plan.numbers[target], Sign.LOSS, LOSSY < part < 1.0, self._until_s, viewer=viewer)
        others = [one for one in self._matter.checks if _who(one[0]) not in pinged | named]
        for sign, checks in ((Sign.NAMES, self._matter.names), (Sign.SERVICE, others)):
            for labels, well in checks:
                target, asker = self._matter.target(labels), labels.get("instance", "")
                if target and asker in self._plan.numbers:
                    at_s, viewer = self._until_s, self._plan.viewer(target)
                    self._lay(self._plan.numbers[asker], sign, well < 1.0, at_s, viewer=viewer)


def needs_of(plan: Plan, matter: Matter) -> list[tuple[int, int]]:
    """Which nodes need which others for a service, by what is checked from where."""
    pairs: Iterable[tuple[str, str]] = (
        (labels.get("instance", ""), matter.target(labels)) for labels, _ in (*matter.names, *matter.checks)
    )
    known = {(one, other) for one, other in pairs if one in plan.numbers and other in plan.numbers and one != other}
    return sorted((plan.numbers[one], plan.numbers[other]) for one, other in known)


def _who(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("instance", ""), labels.get("target", "")
