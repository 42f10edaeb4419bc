"""What runs out, and when."""

import math

from pydantic import Field

from netmon_api.envelope import listing, page_of
from netmon_api.models import Answer, Labels, Listing, PageQuery, Text, Time, Value
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.capacity.limits import Way
from netmon_collector.capacity.prospects import Prospect


class CapacityQuery(PageQuery):
    """Values of one parameter are alternatives; different parameters must all fit."""

    instance: list[Text] = Field(default=[], max_length=100)
    what: list[Text] = Field(default=[], max_length=100)


class CapacityAnswer(Answer):
    """When something comes to its limit: null for never within a year; `low` to `high` is the 80 % interval.

    `used`: in the unit of `limit`; what has no limit counts down, and `used` is how many seconds are left. `never`: how
    probable it is that it does not get there. `changed`: since when it goes as it goes. `soon`: there is an event that
    says so.
    """

    what: str
    labels: Labels
    used: Value
    limit: float | None
    exhausted: Time | None
    low: Time | None
    high: Time | None
    never: float
    changed: Time | None
    soon: bool


async def list_capacity(call: Call[CapacityQuery]) -> Listing[CapacityAnswer]:
    query, survey = call.query, call.services.capacity
    found = [
        one
        for one in survey.found
        if (not query.what or one.limited.what in query.what)
        and (not query.instance or dict(one.labels).get("instance") in query.instance)
    ]
    results = [_answer(one, survey.is_warned(one)) for one in page_of(found, query)]
    return listing(call.request.path, len(found), results, query)


def _answer(one: Prospect, soon: bool) -> CapacityAnswer:
    reached = one.reached
    return CapacityAnswer(
        what=one.limited.what,
        labels=dict(one.labels),
        used=one.used,
        limit=None if one.limited.way is Way.COUNTS_DOWN else one.limited.limit,
        exhausted=_time(one.at_s + reached.middle_s),
        low=_time(one.at_s + reached.low_s),
        high=_time(one.at_s + reached.high_s),
        never=round(reached.never, 3),
        changed=None if reached.changed_s is None else _time(one.at_s - reached.changed_s),
        soon=soon,
    )


def _time(at_s: float) -> Time | None:
    return rfc3339(round(at_s * 1000)) if math.isfinite(at_s) else None
