"""Who is on call: seen, and changed for a time by overrides."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from sqlalchemy.exc import SQLAlchemyError

from netmon_api.auth import Access
from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.incident_models import By
from netmon_api.models import Answer, Listing, NoQuery, PageQuery, Time
from netmon_api.routes import Call, Route
from netmon_api.times import rfc3339
from netmon_collector.alerts.overrides import NoOverride, OnCallOverride
from netmon_collector.alerts.schedule import local_ms
from netmon_configs.options import Duration, parse_duration_s

_PATH = "/api/v1/oncall"
_OVERRIDES = f"{_PATH}/overrides"


class OnCallAnswer(Answer):
    """Who is on call by a schedule now, "" where nobody is; who is next, and from when."""

    schedule: str
    now: str
    next: str | None
    next_from: Time | None


class OverrideBody(BaseModel):
    """`receiver` is on call by `schedule` from `starts` (now, if nothing is said) until `ends`, or `for` so long. Times
    without an offset are what clocks in the schedule's zone show."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schedule: str = Field(min_length=1, max_length=200)
    receiver: str = Field(min_length=1, max_length=200)
    starts: datetime | None = None
    ends: datetime | None = None
    for_s: Annotated[Duration, BeforeValidator(parse_duration_s)] | None = Field(default=None, alias="for", gt=0)
    by: By
    comment: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _it_ends(self) -> "OverrideBody":
        if (self.ends is None) == (self.for_s is None):
            raise ValueError("say either 'ends' or 'for'")
        return self


class OverridesQuery(PageQuery):
    """`over`: only those that are over, or only those that are not."""

    over: bool | None = None


class OverrideAnswer(Answer):
    id: str
    schedule: str
    receiver: str
    starts: Time
    ends: Time
    state: Literal["pending", "active", "over"]
    by: str
    comment: str
    created: Time


async def list_on_call(call: Call[PageQuery]) -> Listing[OnCallAnswer]:
    """All schedules, in the order of the file."""
    now_ms = call.services.now_ms()
    schedules = call.services.alerting.schedules()
    results = []
    for one in page_of(schedules, call.query):
        change = one.next(now_ms)
        results.append(
            OnCallAnswer(
                schedule=one.name,
                now=one.who(now_ms),
                next=change[1] if change else None,
                next_from=rfc3339(change[0]) if change else None,
            )
        )
    return listing(call.request.path, len(schedules), results, call.query)


async def list_overrides(call: Call[OverridesQuery]) -> Listing[OverrideAnswer]:
    """Those that people made, in the order in which they begin; what the file says is not among them."""
    now_ms = call.services.now_ms()
    found = sorted(call.services.alerting.overrides.all().values(), key=lambda one: (one.starts_ms, one.created_ms))
    chosen = [one for one in found if call.query.over is None or (one.ends_ms <= now_ms) == call.query.over]
    results = [_answer(one, now_ms) for one in page_of(chosen, call.query)]
    return listing(call.request.path, len(chosen), results, call.query)


async def add_override(call: Call[NoQuery]) -> OverrideAnswer:
    body, now_ms = await body_of(call.request, OverrideBody), call.services.now_ms()
    zones = {one.name: one.zone for one in call.services.alerting.schedules()}
    wanted = _override(body, zones.get(body.schedule, UTC), now_ms)
    try:
        await call.services.alerting.stand_in(wanted)
    except NoOverride as error:
        raise ApiError("bad_request", str(error)) from None
    except SQLAlchemyError as error:
        raise ApiError("unavailable", "the database cannot be written now; try again") from error
    return _answer(wanted, now_ms)


async def end_override(call: Call[NoQuery]) -> OverrideAnswer:
    """Ends an override now; one that is over stays as it is."""
    try:
        ended = await call.services.alerting.end_override(call.request.match_info["override"])
    except KeyError:
        raise ApiError("not_found", "there is no such override") from None
    except SQLAlchemyError as error:
        raise ApiError("unavailable", "the database cannot be written now; try again") from error
    return _answer(ended, call.services.now_ms())


def _override(body: OverrideBody, zone: tzinfo, now_ms: int) -> OnCallOverride:
    starts_ms = now_ms if body.starts is None else _time_ms(body.starts, zone)
    ends_ms = starts_ms + round((body.for_s or 0) * 1000) if body.ends is None else _time_ms(body.ends, zone)
    return OnCallOverride(
        id=str(uuid4()),
        schedule=body.schedule,
        receiver=body.receiver,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        created_by=body.by,
        comment=body.comment,
        created_ms=now_ms,
    )


def _time_ms(time: datetime, zone: tzinfo) -> int:
    return local_ms(time, zone) if time.tzinfo is None else round(time.timestamp() * 1000)


def _answer(one: OnCallOverride, now_ms: int) -> OverrideAnswer:
    return OverrideAnswer(
        id=one.id,
        schedule=one.schedule,
        receiver=one.receiver,
        starts=rfc3339(one.starts_ms),
        ends=rfc3339(one.ends_ms),
        state="over" if one.ends_ms <= now_ms else "active" if one.starts_ms <= now_ms else "pending",
        by=one.created_by,
        comment=one.comment,
        created=rfc3339(one.created_ms),
    )


# fmt: off
ON_CALL_ROUTES: tuple[Route, ...] = (
    Route("GET", _PATH, Access.TOKEN, list_on_call, PageQuery, Listing[OnCallAnswer],
          "Who is on call now, and who is next"),
    Route("GET", _OVERRIDES, Access.TOKEN, list_overrides, OverridesQuery, Listing[OverrideAnswer],
          "Who stands in from when until when, as people said while all goes on"),
    Route("POST", _OVERRIDES, Access.TOKEN, add_override, NoQuery, OverrideAnswer,
          "Have somebody stand in", body=OverrideBody),
    Route("DELETE", _OVERRIDES + "/{override}", Access.TOKEN, end_override, NoQuery, OverrideAnswer,
          "Have somebody stand in no more"),
)
# fmt: on
