"""The nouns that agent and collector share: series, layouts, gathers, batches, receipts, and special values."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

Labels = tuple[tuple[str, str], ...]
"""The identity of a series: (name, value) pairs sorted by name, the metric's name under `__name__`."""

NAME = "__name__"

STALE_BITS = 0x7FF0000000000002
"""Prometheus' stale marker: the NaN that says "this series ends here" (prometheus/model/value)."""

STALE: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]


def is_stale(value: float) -> bool:
    """Whether a value is the stale marker, bit by bit; any other NaN is an ordinary value."""
    return value != value and struct.unpack("<Q", struct.pack("<d", value))[0] == STALE_BITS


class Kind(IntEnum):
    """What the values of a series mean."""

    UNKNOWN = 0
    GAUGE = 1
    COUNTER = 2


class Severity(IntEnum):
    """How grave an event is: RFC 5424, section 6.2.1, each one higher; the lower the graver."""

    UNSPECIFIED = 0
    EMERGENCY = 1
    ALERT = 2
    CRITICAL = 3
    ERROR = 4
    WARNING = 5
    NOTICE = 6
    INFO = 7
    DEBUG = 8


class Reason(IntEnum):
    """Why a batch will never be stored."""

    UNSPECIFIED = 0
    TOO_LARGE = 1
    UNKNOWN_SERIES = 2
    MALFORMED = 3
    IN_FUTURE = 4
    TOO_OLD = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what an agent sends; bytes are encoded bytes. `any_names`: of UTF-8, as names.is_name has them."""

    frame_bytes: int = 4 << 20
    batch_bytes: int = 2 << 20
    batch_samples: int = 100_000
    batches_in_flight: int = 64
    batch_events: int = 5_000
    any_names: bool = True


@dataclass(frozen=True, slots=True)
class Hello:
    """Who an agent is and where its spool stands; times are Unix milliseconds."""

    agent_id: str
    agent_key: bytes
    hostname: str
    version: str
    platform: str
    clock_ms: int
    interval_ms: int
    epoch: int
    first_sequence: int
    last_sequence: int
    events_epoch: int = 0
    events_first_sequence: int = 0
    events_last_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Welcome:
    """The collector's answer to a hello; `highest_acked` is 0 where nothing of the epoch was acked."""

    clock_ms: int
    instance: str
    highest_acked: int
    limits: Limits
    events_highest_acked: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """A series as an agent names it; `labels` hold neither the metric's name nor whom it is about."""

    id: int
    name: str
    labels: Mapping[str, str]
    kind: Kind


@dataclass(frozen=True, slots=True)
class SeriesDefinitions:
    """Series that following layouts may use."""

    series: Sequence[Series]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which series the columns of a gather are; `device` is empty for the agent's own host."""

    id: int
    input: str
    job: str
    device: str
    series: Sequence[int]


@dataclass(frozen=True, slots=True)
class Gather:
    """What one input read at one time: a value per column of the layout."""

    layout: int
    time_ms: int
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit of spooling, sending and receipt; see ingest.proto for `clock_ms` and `age_ms`."""

    epoch: int
    sequence: int
    clock_ms: int
    age_ms: int
    gathers: Sequence[Gather]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; see ingest.proto for what the texts hold and their bounds."""

    time_ms: int
    source: str
    kind: str
    severity: Severity
    text: str
    count: int = 1
    device: str = ""
    address: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events as they are spooled, sent and answered; see ingest.proto for `clock_ms` and `age_ms`."""

    epoch: int
    sequence: int
    clock_ms: int
    age_ms: int
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Acked:
    """The batch is on disk at the collector."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The batch was not stored and is to be sent again, not before `after_ms`."""

    after_ms: int
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The batch will never be stored."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one batch."""

    epoch: int
    sequence: int
    outcome: Acked | Retry | Refused


@dataclass(frozen=True, slots=True)
class SnmpCredential:
    """One way to ask a device; what does not go with the version is empty. Secrets are not shown."""

    name: str = ""
    version: str = "2c"
    community: str = field(default="", repr=False)
    user: str = ""
    auth: str = ""
    auth_password: str = field(default="", repr=False)
    priv: str = ""
    priv_password: str = field(default="", repr=False)
    key_expansion: str = "blumenthal"


@dataclass(frozen=True, slots=True)
class Job:
    """A device to poll by SNMP every `interval_ms`, and its facts every `facts_interval_ms` (0: every 10 minutes).

    Credentials are tried in order. `profile` is empty where the best one is to be found; `speeds_bps` are people's word
    on the speed of ports, by their name or ifIndex.
    """

    device: str
    host: str
    port: int
    interval_ms: int
    credentials: tuple[SnmpCredential, ...]
    facts_interval_ms: int = 0
    profile: str = ""
    speeds_bps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Jobs:
    """All that an agent has to poll, instead of what it was told before."""

    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class PollNow:
    """Devices to poll at once; those in `afresh` as if for the first time. `ports` are polled alone, by ifIndex."""

    devices: tuple[str, ...]
    afresh: tuple[str, ...] = ()
    ports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """Who a polled device is, and whether it answers; of one that does not, all facts are empty."""

    device: str
    time_ms: int
    answered: bool
    trouble: str = ""
    profile: str = ""
    vendor: str = ""
    os: str = ""
    model: str = ""
    version: str = ""
    serial: str = ""
    object_id: str = ""
    name: str = ""
    descr: str = ""
    location: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class FactTable:
    """Things of one kind that a device lists, as equally long columns of text by field; docs/facts.md has the kinds.

    A value is empty where the device tells none. Where not `is_complete`, what is missing is not known to be gone.
    """

    kind: str
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_complete: bool = True

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def rows(self) -> Iterator[dict[str, str]]:
        """Each thing by itself, without the fields that are empty."""
        for values in zip(*self.columns.values(), strict=True):
            yield {name: value for name, value in zip(self.columns, values, strict=True) if value}


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device has and whom it knows, at one time; of several parts the last has `is_last`.

    There is a table, if an empty one, for each kind that the device was asked for.
    """

    device: str
    time_ms: int
    tables: tuple[FactTable, ...] = ()
    part: int = 0
    is_last: bool = True

    def table(self, kind: str) -> FactTable | None:
        """The table of a kind; None where the device was not asked for it."""
        return next((one for one in self.tables if one.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Networks (CIDR) to look at once, and how; in `follow` neighbours of what is found are looked at too."""

    id: int
    networks: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    credentials: tuple[SnmpCredential, ...] = ()
    packets_per_s: int = 100
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What is at an address: how it answered (arp, icmp, tcp, snmp), its names by source, what it told by SNMP."""

    address: str
    answered: tuple[str, ...] = ()
    mac: str = ""
    rtt_s: float = 0.0
    ports: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    credential: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    via: str = ""


@dataclass(frozen=True, slots=True)
class SweepNews:
    """How a sweep goes: addresses looked at and to be looked at, and what was found since the news before."""

    id: int
    done: int = 0
    total: int = 0
    found: tuple[Found, ...] = ()
    is_over: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class AssignedCheck:
    """A check to make for the collector: `options` are those of an input of an agent, as JSON, with secrets in them.

    `devices` are handles by target; `revision` is another one whenever the check is.
    """

    name: str
    revision: int
    options: str = field(repr=False)
    devices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checks:
    """All checks that an agent has to make for the collector, instead of those that it was told before."""

    checks: tuple[AssignedCheck, ...] = ()


class CheckOutcome(IntEnum):
    """What came of a check: all targets are well, or not, or it could not be made."""

    UNSPECIFIED = 0
    UP = 1
    DOWN = 2
    BROKEN = 3


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What came of an assigned check, and why it is not well."""

    check: str
    revision: int
    time_ms: int
    outcome: CheckOutcome
    trouble: str = ""
    duration_s: float = 0.0


AgentMessage = (
    Hello | SeriesDefinitions | Layout | Batch | DeviceReport | DeviceFacts | EventBatch | SweepNews | CheckReport
)
CollectorMessage = Welcome | Receipt | Jobs | PollNow | Sweep | Checks
