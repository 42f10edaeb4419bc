"""Who is told of alerts: a file in Alertmanager's format, and what it comes to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from pydantic import Field, create_model, model_validator

from netmon_collector.alerts.calendar_options import Calendar, IntervalOptions
from netmon_collector.alerts.channel import Channel
from netmon_collector.alerts.channels.base import ChannelOptions, Globals, Surroundings
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.channels.registry import CHANNELS
from netmon_collector.alerts.decision import Endpoint
from netmon_collector.alerts.delivery import Way
from netmon_collector.alerts.escalation import Chains, Policy
from netmon_collector.alerts.inhibition import InhibitRule
from netmon_collector.alerts.routes import Route
from netmon_collector.alerts.routing_options import EscalationOptions, InhibitOptions, RouteOptions, make_tree
from netmon_collector.alerts.schedule import Schedule
from netmon_collector.alerts.schedule_options import ScheduleOptions
from netmon_collector.alerts.texts.library import Recorder, Written, read_library
from netmon_configs.load import ConfigError, Mistake, load
from netmon_configs.options import Duration, OptionsAsWritten
from netmon_configs.wording import did_you_mean

NOBODY: Final = "nobody"


class _Receiver(OptionsAsWritten):
    """Somebody to tell, in one way or several at once. `failover` is a receiver that is told as well where one of these
    ways fails for good, or for longer than `failover_after`. `on_call` is a schedule: who is on call is told
    as well."""

    name: str = Field(min_length=1, max_length=200)
    on_call: str | None = None
    failover: str | None = None
    failover_after_s: Duration = Field(default=300.0, alias="failover_after", ge=0)

    def ways(self) -> Iterator[tuple[Endpoint, ChannelOptions]]:
        for kind in CHANNELS:
            for place, options in enumerate(getattr(self, f"{kind}_configs")):
                yield Endpoint(self.name, f"{kind}/{place}", options.send_resolved), options


_LISTS: Final = {f"{kind}_configs": (cast("Any", tuple)[options, ...], ()) for kind, options in CHANNELS.items()}
Receiver = cast("type[_Receiver]", create_model("Receiver", __base__=_Receiver, **cast("Any", _LISTS)))
"""A receiver has a list for each channel that there is."""


class AlertingFile(OptionsAsWritten):
    """All that such a file can say. An empty one tells nobody."""

    all: Globals = Field(default_factory=Globals, alias="global")
    templates: tuple[str, ...] = ()
    route: RouteOptions = Field(default_factory=lambda: RouteOptions(receiver=NOBODY))
    receivers: tuple[Receiver, ...] = Field(default_factory=lambda: (Receiver(name=NOBODY),))  # type: ignore[valid-type]
    inhibit_rules: tuple[InhibitOptions, ...] = ()
    escalations: tuple[EscalationOptions, ...] = ()
    schedules: tuple[ScheduleOptions, ...] = ()
    time_intervals: tuple[IntervalOptions, ...] = ()
    mute_time_intervals: tuple[IntervalOptions, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> "AlertingFile":
        receivers = _unique("receivers", [one.name for one in self._receivers])
        times = _unique("time_intervals", [one.name for one in (*self.time_intervals, *self.mute_time_intervals)])
        escalations = _unique("escalations", [one.name for one in self.escalations])
        for step in (step for one in self.escalations for step in one.steps):
            _known("receiver", step.receiver, receivers)
        self._schedules_are_known()
        root = self.route
        if root.receiver is None:
            raise ValueError("route: needs a 'receiver', for what no route below it is for")
        if root.all_matchers() or root.mute_time_intervals or root.active_time_intervals:
            raise ValueError("route: takes all alerts, so it must have no matchers and no times")
        for route in root.walk():
            if route.receiver is not None:
                _known("receiver", route.receiver, receivers)
            if route.escalation:
                _known("escalation", route.escalation, escalations)
            for name in (*route.mute_time_intervals, *route.active_time_intervals):
                _known("time interval", name, times)
        for receiver in self._receivers:
            if receiver.failover is not None:
                _known("receiver", receiver.failover, receivers)
                if receiver.failover == receiver.name:
                    raise ValueError(f"receivers: '{receiver.name}' cannot stand in for itself")
        return self

    def _schedules_are_known(self) -> None:
        schedules = _unique("schedules", [one.name for one in self.schedules])
        people = self.people()
        for one in self.schedules:
            for name in one.schedule().people():
                _known("receiver without 'on_call'", name, people)
        for receiver in self._receivers:
            if receiver.on_call is not None:
                _known("schedule", receiver.on_call, schedules)

    @property
    def _receivers(self) -> tuple[_Receiver, ...]:
        return self.receivers

    def tree(self) -> Route:
        return make_tree(self.route)

    def rules(self) -> tuple[InhibitRule, ...]:
        return tuple(one.rule() for one in self.inhibit_rules)

    def people(self) -> set[str]:
        """Receivers that can be on call."""
        return {one.name for one in self._receivers if one.on_call is None}

    def rotas(self) -> list[Schedule]:
        """All schedules."""
        return [one.schedule() for one in self.schedules]

    def on_call(self) -> dict[str, Schedule]:
        """The schedules of those receivers that have one."""
        schedules = {one.name: one for one in self.rotas()}
        return {one.name: schedules[one.on_call] for one in self._receivers if one.on_call is not None}

    def chains(self) -> Chains:
        return {one.name: one.chain() for one in self.escalations}

    def policies(self) -> tuple[Policy, ...]:
        """The escalations that are for what fits their matchers, in the order of the file."""
        return tuple(Policy(one.name, one.matchers) for one in self.escalations if one.matchers)

    def calendar(self) -> Calendar:
        return {one.name: one.periods() for one in (*self.time_intervals, *self.mute_time_intervals)}

    def endpoints(self) -> dict[str, list[Endpoint]]:
        """The endpoints of each receiver."""
        return {one.name: [endpoint for endpoint, _ in one.ways()] for one in self._receivers}

    def open(self, surroundings: Surroundings, folder: Path) -> dict[Endpoint, Way]:
        """All channels; files of templates are below the folder. Raises ConfigError with all that is wrong:
        secrets that cannot be read, texts that are no templates."""
        around = replace(surroundings, texts=read_library(self.templates, folder), defaults=self.all)
        return self.reach(lambda _, options: options.open(around))

    def reach(self, opened: Callable[[Endpoint, ChannelOptions], Channel]) -> dict[Endpoint, Way]:
        """How each endpoint is reached, by channels as they are `opened`. Raises ConfigError with all that is wrong."""
        endpoints = self.endpoints()
        ways: dict[Endpoint, Way] = {}
        mistakes: list[Mistake] = []
        for one in self._receivers:
            failover = tuple(endpoints[one.failover]) if one.failover else ()
            for endpoint, options in one.ways():
                try:
                    channel = opened(endpoint, options)
                except ConfigError as error:
                    mistakes += [_placed(mistake, endpoint) for mistake in error.mistakes]
                else:
                    ways[endpoint] = Way(channel, failover, round(one.failover_after_s * 1000))
        if mistakes:
            raise ConfigError(mistakes)
        return ways

    def texts(self, receiver: str, surroundings: Surroundings, folder: Path) -> dict[Endpoint, dict[str, Written]]:
        """The texts of a receiver's channels, by their options. Raises ConfigError."""
        library = read_library(self.templates, folder)
        told: dict[Endpoint, dict[str, Written]] = {}
        for endpoint, options in (way for one in self._receivers if one.name == receiver for way in one.ways()):
            recorder = Recorder(library.defined)
            options.open(replace(surroundings, texts=recorder, defaults=self.all))
            told[endpoint] = recorder.made
        return told


def load_alerting(path: Path | None) -> AlertingFile:
    """Reads such a file; without one nobody is told. Raises ConfigError, also where a file has no route: it may be half
    written, and what waits for receivers would be given up."""
    if path is None:
        return AlertingFile()
    file = load(path, AlertingFile)
    if "route" not in file.model_fields_set:
        raise ConfigError([Mistake(str(path), 1, "", "needs a 'route' that says who is told")])
    return file


def check_alerting(path: Path | None) -> None:
    """Raises ConfigError where a collector would not start with such a file."""
    load_alerting(path).open(Surroundings(Http()), path.parent if path is not None else Path())


def _placed(mistake: Mistake, endpoint: Endpoint) -> Mistake:
    """The same, with the receiver and the channel that it is in."""
    kind, _, place = endpoint.name.partition("/")
    where = [f"receiver '{endpoint.receiver}'", f"{kind}_configs[{place}]", mistake.place]
    return replace(mistake, place=": ".join(part for part in where if part))


def _unique(what: str, names: list[str]) -> set[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what}: {', '.join(twice)} is there more than once")
    return set(names)


def _known(what: str, name: str, names: Iterable[str]) -> None:
    if name not in names:
        raise ValueError(f"there is no {what} '{name}'{did_you_mean(name, sorted(names))}")
