"""Queries and answers of the routes about the map."""

from typing import Annotated, Literal

from pydantic import Field

from netmon_api.models import Answer, PageQuery, Query, QueryTime, Text, Time

NodeKind = Literal["device", "unmanaged", "segment"]


Vlan = Annotated[int, Field(ge=1, le=4094)]


class MapQuery(Query):
    """`at`: as it was at that time; `device`: only what is near it, up to `hops` links away; `vlan`: only links that
    carry it; `site`: only what is there."""

    at: QueryTime | None = None
    device: Text | None = None
    hops: int = Field(default=1, ge=0, le=100)
    layer: Literal["2", "3"] | None = None
    vlan: Vlan | None = None
    site: Text | None = None


class LinksQuery(PageQuery):
    """Links of any of these devices that any of these sources tells of, and that carry any of these VLANs."""

    device: list[Text] = Field(default=[], max_length=100)
    source: list[Text] = Field(default=[], max_length=100)
    layer: Literal["2", "3"] | None = None
    vlan: list[Vlan] = Field(default=[], max_length=100)


class ChangesQuery(PageQuery):
    """Changes from `since` (a day ago unless given) until `until` (now)."""

    since: QueryTime | None = None
    until: QueryTime | None = None


class WhereQuery(Query):
    """A MAC address, a network address, or a name."""

    q: Text


class PathQuery(Query):
    """Between two nodes of the map; `vlan`: without leaving it."""

    a: Text
    b: Text
    vlan: Vlan | None = None


class DownstreamQuery(Query):
    """What is behind a device, as seen from another one."""

    of: Text
    seen_from: Text


class NodeAnswer(Answer):
    """A device by its instance, or what lies between devices: a neighbour that nobody asks, a segment, a subnet."""

    id: str
    kind: NodeKind
    name: str
    detail: str
    site: str


class EndAnswer(Answer):
    """`name` is for people: what a neighbour calls itself; of a device its instance. `stp` is how the port stands in
    the spanning tree, empty where it does not tell."""

    node: str
    name: str
    port: str
    stp: str = ""


class EvidenceAnswer(Answer):
    source: str
    told_by: str
    confidence: float
    detail: str


class LinkAnswer(Answer):
    """Two ends that are joined; `blocked` is held in reserve by spanning tree, `gone` is null while it is there.
    `tagged` and `untagged` are the VLANs that pass, such as `1,10-20`; both are empty where nobody tells."""

    a: EndAnswer
    b: EndAnswer
    layer: Literal[2, 3]
    confidence: float
    evidence: list[EvidenceAnswer]
    first_seen: Time
    last_seen: Time
    gone: Time | None = None
    blocked: bool
    bundle: str
    tagged: str
    untagged: str


class MapAnswer(Answer):
    """The whole map, or a part of it; `notes` are what could not be made sense of. When one of `cuts` fails,
    others are parted that are more than neighbours of it alone."""

    drawn: Time | None
    took_s: float
    devices: int
    nodes: list[NodeAnswer]
    links: list[LinkAnswer]
    cuts: list[str]
    notes: list[str]
    truncated: bool


class StayAnswer(Answer):
    """A time that a host spent at a port. Not `sure`: it may be at a device behind that port."""

    mac: str
    addresses: list[str]
    device: str
    port: str
    sure: bool
    since: Time
    last_seen: Time


class WhereAnswer(Answer):
    """`devices` are those that are meant themselves, `now` the places of hosts, `before` where these were earlier."""

    query: str
    devices: list[str]
    now: list[StayAnswer]
    before: list[StayAnswer]
    links: list[LinkAnswer]


class StepAnswer(Answer):
    """From one node to the next, with all links that join them."""

    start: str
    goal: str
    links: list[LinkAnswer]


class PathAnswer(Answer):
    """A shortest way; `cuts` are the nodes that no way between its ends avoids."""

    nodes: list[str]
    steps: list[StepAnswer]
    cuts: list[str]


class DownstreamAnswer(Answer):
    """What cannot be reached when `of` fails, sorted."""

    of: str
    seen_from: str
    nodes: list[str]
