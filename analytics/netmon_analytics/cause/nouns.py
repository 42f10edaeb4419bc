"""What a cause is made of: the kinds of fault, the signs by which they show, how a sign stands to a fault."""

from enum import IntEnum, StrEnum


class Fault(StrEnum):
    """What may have gone wrong. The subject is a node, but for LINK and CONGESTION a link, for POWER a group of nodes,
    for VIEW a viewer."""

    LINK = "link"
    DEVICE = "device"
    POWER = "power"
    """All that shares a feed, a rack or a site is without power."""
    ROUTING = "routing"
    """A node is there and forwards nothing, or not the right way."""
    CONGESTION = "congestion"
    CONFIGURATION = "configuration"
    """Somebody changed the node shortly before."""
    NAMES = "names"
    """A name server is there and answers wrongly, slowly or not at all."""
    HOST = "host"
    """A node has no processor, memory or disk left."""
    VIEW = "view"
    """Whoever looks has lost its own network, or does not get round to looking: nothing else is wrong."""


class Sign(IntEnum):
    """What can be seen to be wrong, at a node or at the port of a node that leads to a link."""

    UNREACHABLE = 0
    """A viewer gets no answer."""
    LINK_DOWN = 1
    PEER_LOST = 2
    """A routing neighbour is gone."""
    LOSS = 3
    LATENCY = 4
    BUSY_LINK = 5
    ERRORS = 6
    LOAD = 7
    """Processor, memory or disk."""
    NAMES = 8
    """Names are answered wrongly, slowly or not at all."""
    SERVICE = 9
    """A service does not answer as it should."""
    RESTART = 10
    POWER = 11
    """A power supply has failed, or runs on its battery."""
    LATE = 12
    """A viewer's own work is late, or it sees nothing of what it must always see."""
    OTHER = 13


class Relation(IntEnum):
    """How the place of a sign stands to the subject of a fault. Of several the first counts."""

    OWN = 0
    FACING = 1
    """At a neighbour's port that leads to the subject."""
    NEEDING = 2
    """The node needs the subject for a service: the subject is where it was seen from."""
    BEHIND = 3
    """The viewer has no other way to the node than through the subject."""
    CROSSING = 4
    """The viewer's shortest ways to the node go over the subject."""
    VIEWED = 5
    """The subject is who looked."""
    MOVED = 6
    """Without the subject, traffic to the node, or over the link, takes ways that it did not take before."""


class Change(StrEnum):
    """What somebody or something changed about a node."""

    CONFIGURATION = "configuration"
    SOFTWARE = "software"
    RESTART = "restart"
    HARDWARE = "hardware"
    LINKS = "links"
    """Links of the node came or went on the map, or its ports are others."""
