"""Bodies and answers of the routes about SNMP devices."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from netmon_agent.snmp.credentials import Credential
from netmon_api.models import Answer, State, Time

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?")


def _checked_host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("must be a host name or an IP address")
    return text


Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_checked_host)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


class SnmpDeviceBody(BaseModel):
    """A device to poll; `credential` names one that is kept, `snmp` brings one along, without both it is `public`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Host
    port: int = Field(default=161, ge=1, le=65535)
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)] | None = None
    credential: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    snmp: Credential | None = None
    interval_s: float = Field(default=60.0, ge=5, le=86_400, allow_inf_nan=False)
    poller: Annotated[str, Field(min_length=1, max_length=253)] | None = None


class SnmpDeviceAnswer(Answer):
    """A polled device. `identified` is when its facts were last seen to change, `reported` when its poller last
    told of it; of a device that does not answer, `trouble` says why."""

    instance: str
    name: str
    host: str
    port: int
    poller: str
    credential: str | None
    interval_s: float
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


class PollAnswer(Answer):
    """The poller that was told to poll a device at once."""

    instance: str
    poller: str


class CredentialAnswer(Answer):
    """A credential, without what is secret."""

    name: str
    version: str
    changed: Time
