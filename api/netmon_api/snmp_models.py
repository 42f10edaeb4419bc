"""Bodies and answers of the routes about SNMP devices."""

import re
from ipaddress import IPv6Address
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from netmon_agent.snmp.credentials import Credential
from netmon_api.models import Answer, State, Time

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?")


def _checked_host(text: str) -> str:
    """A name as it is, an address of IPv6 the short way: however it is written, it is one device."""
    if _HOST.fullmatch(text):
        return text
    try:
        address = IPv6Address(text)
    except ValueError:
        raise ValueError("must be a host name or an IP address") from None
    return str(address.ipv4_mapped or address)


Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_checked_host)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


SiteName = Annotated[str, Field(max_length=100), AfterValidator(_printable)]
Interval = Annotated[float, Field(ge=5, le=86_400, allow_inf_nan=False)]
CredentialName = Annotated[str, Field(min_length=1, max_length=64)]
ProfileName = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_.-]*)?$", max_length=64)]
PortName = Annotated[str, Field(min_length=1, max_length=255)]
Speed = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]
Speeds = Annotated[dict[PortName, Speed], Field(max_length=1000)]


class SnmpDeviceBody(BaseModel):
    """A device to poll. `credential` names one that is kept, `credentials` several to try in order, `snmp` brings one
    along; without them it is `public`. `profile` is left out where the best one is to be found; `speeds_bps` is of
    ports, by ifName, ifDescr or ifIndex; without a `site` it is at that of its address, if any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Host
    port: int = Field(default=161, ge=1, le=65535)
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)] | None = None
    credential: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    credentials: Annotated[list[CredentialName], Field(min_length=1, max_length=16)] | None = None
    snmp: Credential | None = None
    interval_s: Interval = 60.0
    poller: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    profile: ProfileName = ""
    speeds_bps: Speeds = Field(default_factory=dict)
    site: SiteName = ""


class SnmpDevicesBody(BaseModel):
    """Devices to poll, each as if it were added alone: one that cannot be keeps no other away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]


class SnmpDeviceChange(BaseModel):
    """What is to be another from now on; what is left out stays. `speeds_bps` takes the place of all that was said of
    speeds, an empty `profile` lets the best one be found, and with an empty `poller` others may poll it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Host | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)] | None = None
    credentials: Annotated[list[CredentialName], Field(min_length=1, max_length=16)] | None = None
    interval_s: Interval | None = None
    poller: Annotated[str, Field(max_length=253)] | None = None
    profile: ProfileName | None = None
    speeds_bps: Speeds | None = None
    site: SiteName | None = None


class PortAnswer(Answer):
    """A port of a device when its facts were read last; numbers as IF-MIB gives them, None where it tells none."""

    if_index: int
    name: str
    descr: str
    alias: str
    type: int | None
    mac: str
    admin: int | None
    oper: int | None
    speed_bps: float | None


class SnmpDeviceAnswer(Answer):
    """A polled device. `identified` is when its facts were last seen to change, `reported` when its poller last
    told of it; of a device that does not answer, `trouble` says why. `wanted_site` is people's word on `site`. Until
    `moved`, `former_poller` polled it; `moved_because` it was `gone`, would have been too `busy`, or people `asked`."""

    instance: str
    name: str
    host: str
    port: int
    poller: str
    is_pinned: bool
    former_poller: str
    moved: Time | None
    moved_because: str
    credential: str | None
    credentials: list[str]
    interval_s: float
    wanted_profile: str
    speeds_bps: dict[str, float]
    site: str
    wanted_site: str
    state: State
    since: Time
    added: Time
    identified: Time | None
    last_poll: Time | None
    reported: Time | None
    answered: bool | None
    trouble: str
    profile: str
    vendor: str
    os: str
    model: str
    version: str
    serial: str
    object_id: str
    sys_name: str
    descr: str
    location: str


class Refusal(Answer):
    """A device that was not added: its place in the request, counted from 0, and why not."""

    place: int
    host: str
    message: str


class SnmpDevicesAnswer(Answer):
    """What became of many devices that were to be added."""

    added: list[SnmpDeviceAnswer]
    refused: list[Refusal]


class PollAnswer(Answer):
    """The poller that was told to poll a device at once."""

    instance: str
    poller: str


class CredentialAnswer(Answer):
    """A credential, without what is secret."""

    name: str
    version: str
    changed: Time
