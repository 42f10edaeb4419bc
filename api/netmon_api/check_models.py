"""Bodies and answers of the routes about checks that agents make for the collector."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from netmon_api.models import Answer, Time

CheckState = Literal["up", "down", "broken", "unknown"]
PollerName = Annotated[str, Field(min_length=1, max_length=253)]


class CheckBody(BaseModel):
    """A check to be made. `check` is what an entry of `inputs` in agent.yaml is, with secrets as they are: `password`
    where a file has `password_file`. `pollers` are agents, or `any`: one that is connected, and another one when that
    is gone; left out, it is the agent of the collector's machine, or the only one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: dict[str, Any]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)] | None = None
    pollers: Literal["any"] | Annotated[list[PollerName], Field(min_length=1, max_length=100)] | None = None


class CheckChange(BaseModel):
    """What is to be another from now on; what is left out stays. `check` has the options that change, null takes one
    back. A check that asks somebody else is told its secrets anew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: dict[str, Any] = Field(default_factory=dict)
    pollers: Literal["any"] | Annotated[list[PollerName], Field(min_length=1, max_length=100)] | None = None


class CheckPollerAnswer(Answer):
    """What one agent says of a check. Broken: it could not be made. `reported` is when the agent said so; it speaks
    when something changes."""

    poller: str
    state: CheckState
    trouble: str
    duration_s: float | None
    reported: Time | None


class CheckAnswer(Answer):
    """A check; `options` are without what is or may be secret. `state` is the worst that a poller says, `devices` are
    the known devices among its targets."""

    name: str
    type: str
    state: CheckState
    targets: list[str]
    devices: list[str]
    any_poller: bool
    interval_s: float | None
    options: dict[str, Any]
    added: Time
    pollers: list[CheckPollerAnswer]
