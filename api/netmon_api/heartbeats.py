"""Heartbeats of others: waited for, received, seen."""

import asyncio
import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from netmon_api.auth import Access
from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Answer, Listing, NoQuery, PageQuery, Time
from netmon_api.routes import Call, Route
from netmon_api.services import Services
from netmon_api.times import rfc3339
from netmon_collector.heartbeats import MOST, Heartbeat
from netmon_configs.options import Duration, parse_duration_s

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PATH = "/api/v1/heartbeats"
_SHORTEST_S, _LONGEST_S = 10.0, 400 * 86_400.0


class HeartbeatBody(BaseModel):
    """How often one is to come, and how much later it may."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    interval_s: Annotated[Duration, BeforeValidator(parse_duration_s), Field(ge=_SHORTEST_S, le=_LONGEST_S)] = Field(
        alias="interval"
    )
    grace_s: Annotated[Duration, BeforeValidator(parse_duration_s), Field(ge=0, le=_LONGEST_S)] = Field(
        default=60.0, alias="grace"
    )


class HeartbeatAnswer(Answer):
    """`late_at`: when it is late, or since when it is. `state`: one that never came is waited for like others."""

    name: str
    interval_s: float
    grace_s: float
    last: Time | None
    late_at: Time
    state: Literal["fine", "late"]


class NewHeartbeatAnswer(HeartbeatAnswer):
    """`token` is for whoever sends this heartbeat, and for nothing else; it is shown this once. None where there was
    a heartbeat of this name before: its token goes on to count."""

    token: str | None


async def list_heartbeats(call: Call[PageQuery]) -> Listing[HeartbeatAnswer]:
    found = call.services.heartbeats.all()
    results = [_answer(call.services, one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def put_heartbeat(call: Call[NoQuery]) -> NewHeartbeatAnswer:
    name, services = call.request.match_info["name"], call.services
    body = await body_of(call.request, HeartbeatBody)
    if not _NAME.fullmatch(name):
        raise ApiError("bad_request", "a heartbeat's name has 1 to 100 letters, digits, '.', '_' and '-'")
    is_new = services.heartbeats.one(name) is None
    if is_new and len(services.heartbeats.all()) >= MOST:
        raise ApiError("too_many", f"there are {MOST:,} heartbeats already")
    try:
        token = await asyncio.to_thread(services.tokens.issue, "beat", name) if is_new else None
        kept = await services.heartbeats.put(name, round(body.interval_s * 1000), round(body.grace_s * 1000))
    except SQLAlchemyError as error:
        raise _not_kept() from error
    return NewHeartbeatAnswer(**_answer(services, kept).model_dump(), token=token)


async def beat(call: Call[NoQuery]) -> HeartbeatAnswer:
    """One came; whatever body it has says nothing."""
    name = call.request.match_info["name"]
    try:
        return _answer(call.services, await call.services.heartbeats.beat(name))
    except KeyError:
        raise _unknown(name) from None
    except SQLAlchemyError as error:
        raise _not_kept() from error


async def remove_heartbeat(call: Call[NoQuery]) -> HeartbeatAnswer:
    name, services = call.request.match_info["name"], call.services
    try:
        gone = await services.heartbeats.remove(name)
        await asyncio.to_thread(services.tokens.revoke_named, "beat", name)
    except KeyError:
        raise _unknown(name) from None
    except SQLAlchemyError as error:
        raise _not_kept() from error
    return _answer(services, gone)


def _unknown(name: str) -> ApiError:
    return ApiError("not_found", f"there is no heartbeat {name!r}")


def _not_kept() -> ApiError:
    return ApiError("unavailable", "the database cannot be written now; try again")


def _answer(services: Services, one: Heartbeat) -> HeartbeatAnswer:
    due_ms = services.heartbeats.due_ms(one)
    return HeartbeatAnswer(
        name=one.name,
        interval_s=one.interval_ms / 1000,
        grace_s=one.grace_ms / 1000,
        last=None if one.last_ms is None else rfc3339(one.last_ms),
        late_at=rfc3339(due_ms),
        state="late" if services.now_ms() > due_ms else "fine",
    )


# fmt: off
HEARTBEAT_ROUTES = (
    Route("GET", _PATH, Access.TOKEN, list_heartbeats, PageQuery, Listing[HeartbeatAnswer],
          "The heartbeats that are waited for"),
    Route("PUT", _PATH + "/{name}", Access.TOKEN, put_heartbeat, NoQuery, NewHeartbeatAnswer,
          "Wait for a heartbeat", body=HeartbeatBody),
    Route("POST", _PATH + "/{name}", Access.BEAT, beat, NoQuery, HeartbeatAnswer,
          "A heartbeat came: whoever sends it is well"),
    Route("DELETE", _PATH + "/{name}", Access.TOKEN, remove_heartbeat, NoQuery, HeartbeatAnswer,
          "Wait for a heartbeat no more"),
)
# fmt: on
