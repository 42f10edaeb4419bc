"""Bodies, queries and answers of the routes about discovery."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from netmon_api.models import Answer, PageQuery, Time
from netmon_collector.discovery.accepting import checked

Text = Annotated[str, Field(min_length=1, max_length=64)]
AcceptRule = Annotated[dict[str, Annotated[str, Field(max_length=200)]], AfterValidator(checked)]
AnswerName = Literal["open", "accepted", "rejected", "known", "seen"]
StateName = Literal["waiting", "running", "planned", "done", "stopped"]


class SweepBody(BaseModel):
    """What to look at, and how. `every_s` has it done again and again; `accept` has new devices polled unasked, and
    `accept_if` those that one of its rules is for: by network, name, vendor, model, os, profile, with * in patterns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: tuple[Text, ...] = Field(min_length=1, max_length=64)
    follow: tuple[Text, ...] = Field(default=(), max_length=64)
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(default=(22, 80, 443), max_length=64)
    credentials: tuple[Text, ...] = Field(default=(), max_length=16)
    packets_per_s: int = Field(default=100, ge=1, le=10_000)
    every_s: float | None = Field(default=None, ge=300, le=31_536_000, allow_inf_nan=False)
    accept: Literal["none", "new"] = "none"
    accept_if: tuple[AcceptRule, ...] = Field(default=(), max_length=32)
    interval_s: float = Field(default=60.0, ge=5, le=86_400, allow_inf_nan=False)
    poller: Annotated[str, Field(min_length=1, max_length=253)] | None = None


class SweepAnswer(Answer):
    """A sweep and how it goes. `planned`: it is done, and comes again; `waiting`: its poller has not told of it yet."""

    number: int
    state: StateName
    networks: list[str]
    follow: list[str]
    ports: list[int]
    credentials: list[str]
    packets_per_s: int
    every_s: float | None
    accept: Literal["none", "new"]
    accept_if: list[dict[str, str]]
    poller: str
    run: int
    done: int
    total: int
    started: Time
    ended: Time | None
    trouble: str


class FindsQuery(PageQuery):
    answer: tuple[AnswerName, ...] = ()


class FindAnswer(Answer):
    """What is at an address. `open`: shall it be polled? `known`: it is `device`, for these reasons; `seen`: it
    answers, but to none of the credentials. `names` are by their source, `told` is what it said by SNMP."""

    number: int
    sweep: int
    address: str
    answer: AnswerName
    device: str
    reasons: list[str]
    answered: list[str]
    mac: str
    vendor: str
    rtt_s: float
    ports: list[int]
    names: dict[str, str]
    credential: str
    told: dict[str, str]
    via: str
    seen: Time
