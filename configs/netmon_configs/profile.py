"""What a profile may say: whom it is for, what to ask, and what the answers mean. Data only.

Objects are named once, under `objects`; all that follows uses the names. docs/profiles.md explains it with examples.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, field_validator

from netmon_configs.options import Options
from netmon_configs.reference import Glob, Pattern, Ref, Reference, Text, resolve_oid

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
EventSeverity = Literal["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
SEVERITIES = ("ok", "unknown", "warning", "critical")
SensorClass = Literal[
    "temperature", "humidity", "voltage", "current", "power", "energy", "frequency", "load", "charge", "runtime",
    "fanspeed", "airflow", "pressure", "dbm", "signal", "snr", "percent", "count", "state", "power_factor", "delay",
    "bitrate", "loss", "distance", "quality", "cooling", "waterflow", "dew_point",
]  # fmt: skip
UNITS: Mapping[SensorClass, str] = {
    "temperature": "celsius", "humidity": "percent", "voltage": "volts", "current": "amperes", "power": "watts",
    "energy": "kilowatthours", "frequency": "hertz", "load": "percent", "charge": "percent", "runtime": "minutes",
    "fanspeed": "rpm", "airflow": "cfm", "pressure": "kilopascals", "dbm": "dbm", "signal": "dbm", "snr": "db",
    "percent": "percent", "count": "", "state": "", "power_factor": "", "delay": "seconds", "bitrate": "bps",
    "loss": "percent", "distance": "meters", "quality": "", "cooling": "watts", "waterflow": "lpm",
    "dew_point": "celsius",
}  # fmt: skip
Convert = Literal["fahrenheit", "milliwatt_dbm", "microwatt_dbm", "watt_dbm"]


def listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


Regexes = Annotated[list[Pattern], BeforeValidator(listed)]


class Match(Options):
    """One way to know a system: all that is given must fit."""

    object_id: Annotated[list[Glob], BeforeValidator(listed)] = Field(default_factory=list, alias="sysObjectID")
    descr: Regexes = Field(default_factory=list, alias="sysDescr")
    except_descr: Regexes = Field(default_factory=list, alias="not_sysDescr")
    gets: dict[str, Pattern] = Field(default_factory=dict)

    @field_validator("gets", mode="before")
    @classmethod
    def _resolved(cls, value: object, info: ValidationInfo) -> object:
        names = (info.context or {}).get("objects", {})
        return {resolve_oid(key, names): one for key, one in value.items()} if isinstance(value, dict) else value


class Source(Options):
    """One place where a fact about the device may be found, and the piece of it that counts."""

    text: Text
    regex: Pattern | None = None

    def picked(self, text: str) -> str:
        """The piece of a filled-in text that counts: the groups of the match, or all of it; empty where none fits."""
        if self.regex is None:
            return text
        match = self.regex.search(text)
        if match is None:
            return ""
        return " ".join(group for group in match.groups() if group).strip() if match.re.groups else match[0].strip()


def _source(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


Sources = Annotated[list[Annotated[Source, BeforeValidator(_source)]], BeforeValidator(listed)]


class Facts(Options):
    """Where model, version and serial number stand; the first place that yields something counts."""

    model: Sources = Field(default_factory=list)
    version: Sources = Field(default_factory=list)
    serial: Sources = Field(default_factory=list)


class System(Options):
    """An operating system that this profile is for."""

    os: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    vendor: str = Field(min_length=1)
    match: Annotated[list[Match], BeforeValidator(listed)]
    device: Facts = Field(default_factory=Facts)


class Condition(Options):
    """A row counts only where this value looks so."""

    of: Ref
    regex: Pattern


def _conditions(value: object) -> object:
    return [{"of": of, "regex": regex} for of, regex in value.items()] if isinstance(value, dict) else value


Conditioned = Annotated[list[Condition], BeforeValidator(_conditions)]


class Rule(Options):
    """What rows have in common: a name, and which of them count. A `fallback` is asked where nothing was found yet."""

    fallback: bool = False
    name: Text = Field(default_factory=tuple)
    only: Conditioned = Field(default_factory=list)
    skip: Conditioned = Field(default_factory=list)


class Scaled(Rule):
    """A number: `value`, times `multiplier`, over `divisor`; the regular expression picks it out of a text."""

    value: Ref
    regex: Pattern | None = None
    multiplier: float = 1.0
    divisor: float = Field(default=1.0, gt=0)
    skip_values: list[float] = Field(default_factory=list)
    convert: Convert | None = None


class ProcessorRule(Scaled):
    """Processors; `value` is how busy they are in percent, or how idle."""

    idle: bool = False

    @property
    def leading(self) -> list[Reference]:
        """The object that is there for each row."""
        return [self.value]


class AmountRule(Rule):
    """A pool of memory or a file system, from any two of size, used, free and percent.

    `unit` is the bytes of one, as a number or an object; `total_unit` that of the total, where it differs. `main` names
    the pool that buffers and caches are parts of.
    """

    used: Ref | None = None
    free: Ref | None = None
    total: Ref | None = None
    percent: Ref | None = None
    unit: float | Ref = 1.0
    total_unit: float | Ref | None = None
    kind: str = "system"
    kinds: list["Kinds"] = Field(default_factory=list)
    main: Pattern | None = None

    @property
    def leading(self) -> list[Reference]:
        """The objects that it takes; the first one is there for each row."""
        units = (one for one in (self.unit, self.total_unit) if isinstance(one, Reference))
        return [*(one for one in (self.used, self.percent, self.free, self.total) if one is not None), *units]

    @field_validator("unit", "total_unit", mode="before")
    @classmethod
    def _a_number_is_no_reference(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Kinds(Options):
    """Rows whose name looks so are of this kind."""

    name: Pattern
    kind: str


class Choice(Options):
    """A sensor's class, where a value tells it."""

    of: Ref
    map: dict[str, SensorClass]


def _state(value: object) -> str:
    if not isinstance(value, str) or value.split(" ", 1)[0] not in SEVERITIES:
        raise ValueError("must be ok, warning, critical or unknown, and what the device calls it, if that says more")
    return value


State = Annotated[str, PlainValidator(_state)]


class SensorRule(Scaled):
    """Sensors: numbers with a class, or states with what each value means.

    `rows` is an object that only the rows which count have; `bits` is for a set of flags: what each means, from the
    first.
    """

    type: SensorClass | Choice = Field(alias="class")
    rows: Ref | None = None
    precision: Ref | None = None
    scale: Ref | None = None
    states: dict[str, State] = Field(default_factory=dict)
    bits: list[State] = Field(default_factory=list)


class ColumnRule(Options):
    """A metric of a table; `unless` names the object that is better where a row has it.

    A `counter` has 32 bits, a `counter64` 64. `counts` says of a port's counter what bounds it: its line's speed.
    """

    value: Ref
    kind: Literal["counter", "counter64", "gauge"] = "gauge"
    unless: Ref | None = None
    divisor: float = Field(default=1.0, gt=0)
    counts: Literal["octets", "packets"] | None = None


class LineRule(Options):
    """Where a row's line speed stands, when its counters were cleared, and by which names people call it."""

    mbps: Ref
    bps: Ref
    cleared: Ref
    names: Annotated[list[Ref], BeforeValidator(listed)]


class MetricRule(Options):
    """Metrics of one table, with the labels that all of them get; scalars are a table of one row."""

    labels: dict[str, Text] = Field(default_factory=dict)
    values: dict[str, ColumnRule]
    line: LineRule | None = None

    @field_validator("values", mode="before")
    @classmethod
    def _by_name(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {
            name: {"value": name, "kind": column} if isinstance(column, str) else {"value": name} | column
            if isinstance(column, dict) else column
            for name, column in values.items()
        }  # fmt: skip


class FieldSource(Source):
    """One place where a field may be found, for the rows that look so."""

    only: Conditioned = Field(default_factory=list)


FieldSources = Annotated[list[Annotated[FieldSource, BeforeValidator(_source)]], BeforeValidator(listed)]
IndexPart = Literal["number", "ip", "mask", "mac", "inet", "text", "oid"]
"""How a table's index holds a value: `number` in 1 arc, `ip` and `mask` in 4, `mac` in 6, `inet` behind its type and
length (RFC 4001), `text` and `oid` behind their length."""
PartName = Annotated[str, Field(pattern=r"^_?[A-Za-z][A-Za-z0-9_]{0,63}$")]


class EntryRule(Rule):
    """Things to list: `rows` are the columns that say which there are, `fields` what is told of each.

    `index` names the parts of the rows' index, in order. They are fields too, unless their name begins with `_`, or
    `fields` says something else of them. At most `most` rows are read.

    With `in_each`, such as vlan, the device is asked once for each entry of that kind that there is already, as that
    VLAN has it: by community@vlan, or in the context vlan-N. The VLAN is a field.
    """

    kind: str = Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")
    rows: Annotated[list[Ref], BeforeValidator(listed)]
    most: int = Field(default=100_000, ge=1)
    in_each: Literal["vlan"] | None = None
    index: dict[PartName, IndexPart] = Field(default_factory=dict)
    fields: dict[FieldName, FieldSources] = Field(default_factory=dict, max_length=32)


class Profile(Options):
    """A profile file."""

    title: str = ""
    extends: list[str] = Field(default_factory=lambda: ["standard"])
    objects: dict[str, str] = Field(default_factory=dict)
    systems: list[System] = Field(default_factory=list)
    device: Facts = Field(default_factory=Facts)
    metrics: list[MetricRule] = Field(default_factory=list)
    processors: list[ProcessorRule] = Field(default_factory=list)
    memory: list[AmountRule] = Field(default_factory=list)
    storage: list[AmountRule] = Field(default_factory=list)
    sensors: list[SensorRule] = Field(default_factory=list)
    entries: list[EntryRule] = Field(default_factory=list)
    notifications: dict[str, EventSeverity] = Field(default_factory=dict)
    """Which of the objects are notifications, and how grave each one is."""

    @field_validator("objects", mode="after")
    @classmethod
    def _resolved(cls, objects: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        """Names may build on names above them, and on those of the profiles that this one extends."""
        known: dict[str, str] = (info.context or {}).setdefault("objects", {})
        for name, written in objects.items():
            known[name] = resolve_oid(written, known)
        return {name: known[name] for name in objects}

    @field_validator("notifications", mode="after")
    @classmethod
    def _named(cls, notifications: dict[str, EventSeverity], info: ValidationInfo) -> dict[str, EventSeverity]:
        for name in notifications:
            resolve_oid(name, (info.context or {}).get("objects", {}))
        return notifications
