"""What a poll finds: who the device is, what it is made of, and how its parts are. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from netmon_agent.inputs.base import Reading
from netmon_proto.model import FactTable


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers; `reasons` say why this profile was chosen."""

    profile: str
    vendor: str
    os: str
    model: str = ""
    version: str = ""
    serial: str = ""
    name: str = ""
    descr: str = ""
    object_id: str = ""
    location: str = ""
    contact: str = ""
    uptime_s: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor; `oid` is what was read."""

    oid: str
    index: str
    name: str
    percent: float


@dataclass(frozen=True, slots=True)
class Amount:
    """A pool of memory or a file system; what the device doesn't tell is None."""

    oid: str
    index: str
    name: str
    kind: str
    total_bytes: float | None
    used_bytes: float | None
    percent: float | None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor; a state has the device's own number as value, and its severity and meaning."""

    oid: str
    index: str
    name: str
    type: str
    unit: str
    value: float
    severity: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a device lists: a port, a neighbour, an address, a part."""

    kind: str
    index: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part of the poll that failed; what else was read is kept."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one poll of one device found. A device that did not answer is known by no identity.

    `facts` are the entries as tables; None where the poll did not ask for them.
    """

    identity: Identity
    answered: bool = True
    readings: list[Reading] = field(default_factory=list)
    processors: list[Processor] = field(default_factory=list)
    memory: list[Amount] = field(default_factory=list)
    storage: list[Amount] = field(default_factory=list)
    sensors: list[Sensor] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    facts: tuple[FactTable, ...] | None = None
