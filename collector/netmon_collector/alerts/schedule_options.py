"""How schedules of who is on call are written in a configuration."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from netmon_collector.alerts.schedule import Layer, Override, Schedule, local_ms
from netmon_configs.options import Duration, OptionsAsWritten

_DAY_S = 86_400


def _local(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise ValueError("must be a time without an offset, because 'zone' says which it is")
    return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone of the IANA's, such as Europe/Berlin") from None
    return name


Local = Annotated[datetime, AfterValidator(_local)]


class LayerOptions(OptionsAsWritten):
    """`receivers` take turns of `rotation`; the first begins at `starts`, whose time of day is that of handovers."""

    receivers: tuple[str, ...] = Field(min_length=1, max_length=200)
    starts: Local
    rotation_s: Duration = Field(default=7.0 * _DAY_S, alias="rotation", ge=_DAY_S, le=366 * _DAY_S)

    @model_validator(mode="after")
    def _turns_are_days(self) -> "LayerOptions":
        if self.rotation_s % _DAY_S:
            raise ValueError("rotation: must be whole days, such as 1d or 1w")
        return self


class OverrideOptions(OptionsAsWritten):
    """`receiver` stands in."""

    receiver: str
    starts: Local
    ends: Local

    @model_validator(mode="after")
    def _it_lasts(self) -> "OverrideOptions":
        if self.ends <= self.starts:
            raise ValueError("ends: must be after 'starts'")
        return self


class ScheduleOptions(OptionsAsWritten):
    """Who is on call when; a receiver names it by `on_call`."""

    name: str = Field(min_length=1, max_length=200)
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    layers: tuple[LayerOptions, ...] = Field(min_length=1, max_length=50)
    overrides: tuple[OverrideOptions, ...] = Field(default=(), max_length=1000)

    def schedule(self) -> Schedule:
        zone = ZoneInfo(self.zone)
        return Schedule(
            self.name,
            zone,
            tuple(Layer(one.receivers, one.starts, round(one.rotation_s) // _DAY_S) for one in self.layers),
            tuple(
                Override(one.receiver, local_ms(one.starts, zone), local_ms(one.ends, zone)) for one in self.overrides
            ),
        )
