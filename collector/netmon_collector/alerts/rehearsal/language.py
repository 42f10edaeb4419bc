"""What a scenario can say; docs/rehearsals.md has it for people. An unknown key is a mistake, told with its place."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from netmon_collector.alerts.configuration import AlertingFile
from netmon_collector.alerts.maintenance import NoWindow, Window, check_window
from netmon_collector.alerts.routing_options import Matchers
from netmon_collector.reachability.standing import State
from netmon_collector.reachability.witnesses import Kind
from netmon_collector.rules.trial.notation import labels_of
from netmon_configs.options import Options, parse_duration_s
from netmon_configs.wording import did_you_mean

MOST_NAMES: Final = 100_000
_RANGE: Final = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")


def names_of(text: str) -> list[str]:
    """The names that a text stands for: `access{00..99}` is a hundred. Raises ValueError."""
    found = _RANGE.search(text)
    if found is None:
        return [text]
    first, last = int(found[1]), int(found[2])
    if not first <= last < first + MOST_NAMES:
        raise ValueError(f"{found[0]} must go up, by at most {MOST_NAMES} names")
    width = len(found[1])
    more = (f"{text[: found.start()]}{number:0{width}}{text[found.end() :]}" for number in range(first, last + 1))
    return [name for one in more for name in names_of(one)]


def pairs_of(text: str) -> list[tuple[str, str]]:
    """The links that a text such as `core - access{0..9}` stands for. Raises ValueError."""
    one, dash, other = text.partition(" - ")
    if not dash:
        raise ValueError("must be a link such as core - access1")
    return [(a, b) for a in names_of(one.strip()) for b in names_of(other.strip())]


def _names(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        raise ValueError("must be names such as core or access{0..9}")
    return tuple(name for text in texts for name in names_of(text))


def _links(value: object) -> object:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError("must be links such as [core - access1]")
    return tuple(pair for text in value for pair in pairs_of(text))


def _labels(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("must be labels such as {alertname: Down, instance: web1}")
    return {str(name): str(text) for name, text in value.items()}


def _ms_of(value: object) -> object:
    if isinstance(value, int):  # the default
        return value
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if found.tzinfo is None:
        raise ValueError("must say its zone, as in 2026-03-29T00:00:00Z")
    return round(found.timestamp() * 1000)


def _ms(value: object) -> object:
    return round(parse_duration_s(value) * 1000)


Names = Annotated[Any, BeforeValidator(_names)]
Links = Annotated[Any, BeforeValidator(_links)]
Labels = Annotated[dict[str, str], BeforeValidator(_labels)]
Moment = Annotated[Any, BeforeValidator(_ms_of)]
Span = Annotated[int, BeforeValidator(_ms), Field(ge=0)]
"""Milliseconds; written as 30s, 5m, 1h30m, or as a number of seconds, and so are defaults."""
Local = Annotated[datetime, BeforeValidator(lambda value: datetime.fromisoformat(str(value)))]


class Probes(Options):
    """Who looks at devices, in which ways, how often. `by`: a node of the topology; of agents the collector's."""

    devices: Names
    by: str = "poller"
    kinds: tuple[Kind, ...] = (Kind.ICMP,)
    every_ms: Span = Field(default=10, alias="every", gt=0)


class Topology(Options):
    """links: what is joined. canaries: what each poller must always see."""

    links: Links = ()
    probes: tuple[Probes, ...] = ()
    canaries: dict[str, Names] = Field(default_factory=dict)

    def nodes(self) -> set[str]:
        """All that it names."""
        return {node for pair in self.links for node in pair} | {name for one in self.probes for name in one.devices}

    @model_validator(mode="after")
    def _canaries_are_there(self) -> "Topology":
        known = {node for pair in self.links for node in pair}
        for poller, targets in self.canaries.items():
            for one in (poller, *targets):
                if one not in known:
                    raise ValueError(f"canaries: no link leads to '{one}'")
        return self


class WindowText(Options):
    """A window of maintenance, as `netmon maintenance add` takes it. In an event it begins there where nothing says
    when."""

    name: str
    matchers: Matchers
    for_ms: Span = Field(alias="for")
    starts_at: Local | None = None
    zone: str = "UTC"
    repeats: str = ""

    @model_validator(mode="after")
    def _can_be(self) -> "WindowText":
        try:
            check_window(self.window(0))
        except NoWindow as error:
            raise ValueError(str(error)) from None
        return self

    def window(self, now_ms: int) -> Window:
        starts_at = self.starts_at
        if starts_at is None:
            starts_at = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.zone)).replace(tzinfo=None)
        return Window(
            id=self.name,
            name=self.name,
            matchers=self.matchers,
            starts_at=starts_at,
            duration_s=self.for_ms // 1000,
            zone=self.zone,
            repeats=self.repeats,
            created_by="",
            comment="",
            created_ms=now_ms,
        )


class Ear(Options):
    """Probes that are not answered, though the device is there: those of these kinds, by these pollers; all where
    nothing is said."""

    devices: Names
    kinds: tuple[Kind, ...] = ()
    by: Names = ()


class Flap(Options):
    """A device that dies and is back again and again, for so long."""

    device: str
    down_ms: Span = Field(alias="down", gt=0)
    up_ms: Span = Field(alias="up", gt=0)
    for_ms: Span = Field(alias="for", gt=0)


class Many(Options):
    """So many alerts at once, told apart by `host`."""

    count: int = Field(ge=1, le=100_000)
    alert: Labels


class Hold(Options):
    """What somebody does about the newest incident, or the one of this number."""

    by: str
    for_ms: Span = Field(default=0, alias="for")
    incident: int | None = None


class Quiet(Options):
    """A silence from now on."""

    matchers: Matchers
    for_ms: Span = Field(alias="for", gt=0)


class Check(Options):
    """What must hold at that time. count: how many devices are in a state. paged: all devices that are."""

    states: dict[str, State] = Field(default_factory=dict)
    count: dict[State, int] = Field(default_factory=dict)
    blind: Names | None = None
    paged: Names | None = None


class Event(Options):
    """What happens at a time since the start; several things at once happen in the order of these lines."""

    at_ms: Span = Field(alias="at")
    jump: bool = False
    fail: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()
    deafen: tuple[Ear, ...] = ()
    hear: tuple[Ear, ...] = ()
    flap: Flap | None = None
    series: dict[str, float | None] = Field(default_factory=dict)
    fire: tuple[Labels, ...] = ()
    fire_many: Many | None = None
    resolve: tuple[Labels, ...] = ()
    acknowledge: Hold | None = None
    release: Hold | None = None
    snooze: Hold | None = None
    silence: Quiet | None = None
    maintain: WindowText | None = None
    away: str | None = None
    back: str | None = None
    slow: dict[str, Span] = Field(default_factory=dict)
    stop: bool = False
    restart: bool = False
    check: Check | None = None

    def nodes(self) -> set[str]:
        """What of the topology it names."""
        texts = (*self.fail, *self.mend)
        found = {name for text in texts for part in text.split(" - ") for name in names_of(part.strip())}
        found |= {name for ear in (*self.deafen, *self.hear) for name in ear.devices}
        found |= {self.flap.device} if self.flap is not None else set()
        return found | (set(self.check.states) if self.check is not None else set())

    @model_validator(mode="after")
    def _series_can_be_read(self) -> "Event":
        for text in self.series:
            labels_of(text)
        for text in (*self.fail, *self.mend):
            names_of(text)
        return self


class Sent(Options):
    """A message: when it was decided on, `at` a time or `between` two, to whom, what fires and what is over in it:
    the values of the label `by`, or how many. arrives: between which times it reaches its receiver."""

    at_ms: Span | None = Field(default=None, alias="at")
    between_ms: tuple[Span, Span] | None = Field(default=None, alias="between")
    to: str
    fires: int | tuple[str | None, ...] = ()
    over: int | tuple[str | None, ...] = ()
    arrives_ms: tuple[Span, Span] | None = Field(default=None, alias="arrives")

    @model_validator(mode="after")
    def _says_when(self) -> "Sent":
        if (self.at_ms is None) == (self.between_ms is None):
            raise ValueError("must say when: either 'at' or 'between'")
        return self


class IncidentText(Options):
    """An incident as it is at the end; what is not said is not looked at. shadows: how many devices are behind each
    that was down."""

    open: bool
    title: str | None = None
    severity: str | None = None
    groups: tuple[str, ...] | None = None
    why: tuple[str, ...] | None = None
    timeline: tuple[str, ...] | None = None
    shadows: dict[str, int] | None = None
    merged_into: int | None = None


class Scenario(Options):
    """A whole outage: what there is, what happens, and all that is sent, and nothing else is."""

    start_ms: Moment = Field(default=1_767_571_200_000, alias="start")
    alerting: AlertingFile
    topology: Topology | None = None
    packs: tuple[str, ...] = ()
    groups: tuple[dict[str, Any], ...] = ()
    maintenance: tuple[WindowText, ...] = ()
    events: tuple[Event, ...]
    until_ms: Span = Field(alias="until")
    by: str = "instance"
    sent: tuple[Sent, ...]
    receipts: dict[Literal["delivered", "pending", "dead"], int] | None = None
    incidents: tuple[IncidentText, ...] | None = None
    log: dict[str, int] = Field(default_factory=dict)

    def timeline(self) -> Iterator[Event]:
        """All events in order, those that come again and again one by one."""
        events = [one for event in self.events for one in _unfolded(event)]
        if len(events) > len(self.events):
            events.sort(key=lambda one: one.at_ms)
        yield from events

    @model_validator(mode="after")
    def _is_in_order(self) -> "Scenario":
        times = [one.at_ms for one in self.events if not one.jump]
        if times != sorted(times):
            raise ValueError("events: must be in the order of their times")
        if self.topology is None and any(one.fail or one.mend or one.flap or one.deafen for one in self.events):
            raise ValueError("events: without a topology nothing can fail")
        if any(one.flap for one in self.events) and any(one.jump for one in self.events):
            raise ValueError("events: nothing can flap while the clock jumps")
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> "Scenario":
        receivers = self.alerting.endpoints()
        told = [name for one in self.events for name in (one.away, one.back, *one.slow) if name is not None]
        for name in (*told, *(one.to for one in self.sent)):
            if name not in receivers:
                raise ValueError(f"there is no receiver '{name}'{did_you_mean(name, sorted(receivers))}")
        nodes = set() if self.topology is None else self.topology.nodes()
        for event in self.events:
            for name in event.nodes():
                if name not in nodes:
                    raise ValueError(f"the topology has no '{name}'{did_you_mean(name, sorted(nodes)[:1000])}")
        return self


def _unfolded(event: Event) -> Iterator[Event]:
    yield event
    if event.flap is not None:
        flap, at_ms = event.flap, event.at_ms
        while at_ms < event.at_ms + flap.for_ms:
            yield Event.model_validate({"at": at_ms / 1000, "fail": (flap.device,)})
            yield Event.model_validate({"at": (at_ms + flap.down_ms) / 1000, "mend": (flap.device,)})
            at_ms += flap.down_ms + flap.up_ms
