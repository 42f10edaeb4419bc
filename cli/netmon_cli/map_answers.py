"""What commands read out of the collector's answers about the map."""

from pydantic import AwareDatetime, BaseModel


class End(BaseModel):
    node: str
    name: str
    port: str
    stp: str


class Evidence(BaseModel):
    source: str
    told_by: str
    detail: str


class Link(BaseModel):
    a: End
    b: End
    layer: int
    confidence: float
    evidence: list[Evidence]
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    gone: AwareDatetime | None
    blocked: bool
    bundle: str
    tagged: str
    untagged: str


class Links(BaseModel):
    results: list[Link]


class Node(BaseModel):
    id: str
    kind: str
    name: str
    detail: str


class Map(BaseModel):
    """GET /api/v1/topology"""

    drawn: AwareDatetime | None
    devices: int
    nodes: list[Node]
    links: list[Link]
    cuts: list[str]
    notes: list[str]
    truncated: bool


class Stay(BaseModel):
    mac: str
    addresses: list[str]
    device: str
    port: str
    sure: bool
    since: AwareDatetime
    last_seen: AwareDatetime


class Where(BaseModel):
    """GET /api/v1/where"""

    devices: list[str]
    now: list[Stay]
    before: list[Stay]
    links: list[Link]


class Step(BaseModel):
    start: str
    goal: str
    links: list[Link]


class Path(BaseModel):
    """GET /api/v1/paths"""

    nodes: list[str]
    steps: list[Step]
    cuts: list[str]


class Downstream(BaseModel):
    """GET /api/v1/downstream"""

    of: str
    nodes: list[str]
