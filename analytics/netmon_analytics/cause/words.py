"""What a cause and its evidence are in words, in the order of what they are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netmon_analytics.cause.judge import Cause, Shown
from netmon_analytics.cause.network import Network
from netmon_analytics.cause.nouns import Change, Fault, Relation, Sign

_WHAT: Final = {
    Fault.LINK: "the link {} is broken",
    Fault.DEVICE: "{} has failed",
    Fault.POWER: "{} has no power",
    Fault.ROUTING: "{} does not forward",
    Fault.CONGESTION: "the link {} is full",
    Fault.CONFIGURATION: "the change of {} has broken something",
    Fault.NAMES: "{} does not answer names as it should",
    Fault.HOST: "{} has no resources left",
    Fault.VIEW: "{} does not see: its own network or its work is at fault",
}
_SIGNS: Final = {
    Sign.UNREACHABLE: ("does not answer", "do not answer"),
    Sign.LINK_DOWN: ("is down", "are down"),
    Sign.PEER_LOST: ("has lost its routing neighbour", "have lost their routing neighbour"),
    Sign.LOSS: ("loses packets", "lose packets"),
    Sign.LATENCY: ("answers slowly", "answer slowly"),
    Sign.BUSY_LINK: ("is busy", "are busy"),
    Sign.ERRORS: ("has errors", "have errors"),
    Sign.LOAD: ("is short of processor, memory or disk", "are short of processor, memory or disk"),
    Sign.NAMES: ("gets no right names", "get no right names"),
    Sign.SERVICE: ("gets no right answer from a service", "get no right answer from a service"),
    Sign.RESTART: ("has started anew", "have started anew"),
    Sign.POWER: ("tells of its power", "tell of their power"),
    Sign.LATE: ("is late or blind", "are late or blind"),
    Sign.OTHER: ("is odd", "are odd"),
}
_WHERE: Final = {
    Relation.FACING: ("the neighbour's port to it", "neighbours' ports to it"),
    Relation.BEHIND: ("what is behind it", "places behind it"),
    Relation.CROSSING: ("the way over it", "places to which the way leads over it"),
    Relation.NEEDING: ("the one that needs it", "places that need it"),
    Relation.VIEWED: ("what it looks at", "places that it looks at"),
    Relation.MOVED: ("what its traffic moved onto", "places onto which or by which its traffic moved"),
}
_PORTS: Final = (Sign.LINK_DOWN, Sign.BUSY_LINK, Sign.ERRORS)
_CHANGES: Final = {
    Change.CONFIGURATION: "its configuration was changed",
    Change.SOFTWARE: "its software was changed",
    Change.RESTART: "it was restarted",
    Change.HARDWARE: "a part of it was changed",
    Change.LINKS: "its links or ports changed",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence: in words, and by how much it changes the logarithm of the odds."""

    text: str
    worth: float


def subject_name(cause: Cause, network: Network, nodes: Sequence[str], groups: Sequence[str]) -> str:
    """What the subject of a cause is called, by the names of nodes and groups."""
    if cause.fault in (Fault.LINK, Fault.CONGESTION):
        one, other = network.ends[cause.subject].tolist()
        return f"{nodes[one]} - {nodes[other]}"
    if cause.fault is Fault.POWER:
        return groups[cause.subject]
    return nodes[int(network.viewers[cause.subject])] if cause.fault is Fault.VIEW else nodes[cause.subject]


def title(cause: Cause, subject: str) -> str:
    """The cause in a sentence."""
    return _WHAT[cause.fault].format(subject)


def evidence(cause: Cause, load: str = "") -> list[Piece]:
    """What speaks for a cause and against it, the first what it explains. load: who takes what its node is short of."""
    shown = [one for one in cause.shown if one.number or one.worth < -0.5]
    pieces = [Piece(_shown(one, cause.fault) + _taken(one, load), one.worth) for one in shown]
    if cause.change is not None:
        before_s = cause.first_s - cause.change.at_s
        when = f"{_span(before_s)} before the first sign" if before_s > 0 else "at that time"
        detail = f" ({cause.change.detail})" if cause.change.detail else ""
        pieces.append(Piece(f"{_CHANGES[cause.change.kind]} {when}{detail}", cause.change_worth))
    if cause.late_worth < -0.5:
        pieces.append(
            Piece(f"its own signs came {_span(cause.late_s)} after the first of the others", cause.late_worth)
        )
    if cause.earlier:
        times = "once" if cause.earlier == 1 else f"{cause.earlier} times"
        pieces.append(Piece(f"it was the cause {times} before", cause.earlier_worth))
    if cause.unexplained:
        signs = "one other sign" if cause.unexplained == 1 else f"{cause.unexplained} other signs"
        pieces.append(Piece(f"{signs} not explained by it", cause.unexplained_worth))
    return pieces


def _taken(one: Shown, load: str) -> str:
    is_load = one.sign is Sign.LOAD and one.relation is Relation.OWN and one.number
    return f": {load}" if load and is_load else ""


def _shown(one: Shown, fault: Fault) -> str:
    single, several = _SIGNS[one.sign]
    if one.relation is Relation.OWN and fault is not Fault.POWER:
        if one.sign not in _PORTS:
            witnesses = f" ({one.number} of {one.of} witnesses)" if one.of > 1 else ""
            return f"it {single}{witnesses}" if one.number else f"not so: it {single}{witnesses}"
        names = ("its port", "its ports")
    else:
        names = ("its device", "its devices") if one.relation is Relation.OWN else _WHERE[one.relation]
    if not one.number:
        return f"none of {one.of} {names[1]} {several}" if one.of > 1 else f"not so: {names[0]} {single}"
    if one.of == 1:
        return f"{names[0]} {single}"
    return f"{one.number} of {one.of} {names[1]} {single if one.number == 1 else several}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
