"""What there is: series, names and values of labels, and what is known of metrics."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Protocol, TypeVar, runtime_checkable

from aiohttp import web

from netmon_api.ordering import in_order, in_order_once
from netmon_api.prometheus import parameters
from netmon_api.prometheus.encode import metrics_json
from netmon_api.prometheus.forms import BrowseForm, MetadataForm
from netmon_api.prometheus.jsontext import dumps
from netmon_api.prometheus.problem import Problem
from netmon_api.prometheus.sending import framed, send
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.store.base import Latest, Matcher, Store
from netmon_proto.model import Labels

T = TypeVar("T")
Ordered = TypeVar("Ordered", str, Labels)

_ESCAPED = re.compile(r"_([0-9a-fA-F]{1,5})_|__")
_ESCAPED_NAME = re.compile(r"U__(?:[^_]|__|_[0-9a-fA-F]{1,5}_)*")

_FEW = 2000
"""So many series are put in order, and are JSON, in about a millisecond."""


@runtime_checkable
class KnowsNewest(Protocol):
    """A store that can tell when it last heard of a series."""

    async def latest(self, matchers: Sequence[Matcher]) -> Latest: ...


async def series(call: Call[BrowseForm]) -> web.StreamResponse:
    if not call.query.match:
        raise Problem("bad_data", "no match[] parameter provided")
    sets, limit = _asked(call, is_named=True)
    start_ms = parameters.time_ms(call.query.start, "start", parameters.EARLIEST_MS)
    found = await _each(sets, lambda matchers: _since(call.services, matchers, start_ms))
    cut, warnings = _cut(await _merged(found), limit)
    return await send(call.request, framed(metrics_json(cut), warnings), is_small=len(cut) <= _FEW)


async def labels(call: Call[BrowseForm]) -> web.StreamResponse:
    sets, limit = _asked(call)
    return await _list(call, await _each(sets, call.services.store.label_names), limit)


async def label_values(call: Call[BrowseForm]) -> web.StreamResponse:
    name = unescape(call.request.match_info["name"])
    if not name:
        raise Problem("bad_data", f"invalid label name: {go_quoted(name)}")
    sets, limit = _asked(call)
    store = call.services.store
    return await _list(call, await _each(sets, lambda matchers: store.label_values(name, matchers)), limit)


def unescape(name: str) -> str:
    """A label's name as it is in a path: names that are no words come as `U__`, with the code of each odd letter. What
    is escaped in another way is a name as it stands.
    """
    if not _ESCAPED_NAME.fullmatch(name):
        return name
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "_", name[3:])
    return name if re.search("[\ud800-\udfff]", plain) else plain


def _asked(call: Call[BrowseForm], *, is_named: bool = False) -> tuple[list[list[Matcher]], int | None]:
    """What is to be looked through, nothing if the store has no sample in that time; and how much is wanted.

    is_named: whether mistakes in selectors are told with the name of the parameter.
    """
    form = call.query
    limit = parameters.limit(form.limit)
    start_ms = parameters.time_ms(form.start, "start", parameters.EARLIEST_MS)
    end_ms = parameters.time_ms(form.end, "end", parameters.LATEST_MS)
    chosen = parameters.selectors(form.match, is_named=is_named)
    sets = [list(call.services.engine.widened(one)) for one in chosen] if form.match else [[]]
    return (sets if _overlaps(call.services.store, start_ms, end_ms) else []), limit


def _overlaps(store: Store, start_ms: int, end_ms: int) -> bool:
    stats = store.stats()
    return start_ms <= end_ms and not (
        (stats.newest_ms is not None and start_ms > stats.newest_ms)
        or (stats.oldest_ms is not None and end_ms < stats.oldest_ms)
    )


async def _since(services: Services, matchers: list[Matcher], start_ms: int) -> Sequence[Labels]:
    """Series in their order, without those that had ended by then, where the store knows of it."""
    store = services.store
    if start_ms == parameters.EARLIEST_MS or not isinstance(store, KnowsNewest):
        return await asyncio.to_thread(in_order, await store.series(matchers))
    newest = await store.latest(matchers)
    chosen = newest.times >= start_ms
    if len(chosen) <= _FEW:
        return services.engine.in_order(newest.labels, chosen)
    return await asyncio.to_thread(services.engine.in_order, newest.labels, chosen)


async def _each(sets: Iterable[list[Matcher]], ask: Callable[[list[Matcher]], Awaitable[T]]) -> list[T]:
    return [await ask(matchers) for matchers in sets]


async def _merged(found: Sequence[Sequence[Ordered]]) -> Sequence[Ordered]:
    """What was found by several selectors, each once."""
    return found[0] if len(found) == 1 else await asyncio.to_thread(in_order_once, found)


async def _list(call: Call[BrowseForm], found: Sequence[Sequence[str]], limit: int | None) -> web.StreamResponse:
    cut, warnings = _cut(await _merged(found), limit)
    return await send(call.request, framed([dumps(list(cut))], warnings), is_small=len(cut) <= _FEW)


def _cut(found: Sequence[T], limit: int | None) -> tuple[Sequence[T], list[str]]:
    if limit is None or len(found) <= limit:
        return found, []
    return found[:limit], [parameters.TRUNCATED]


async def metadata(call: Call[MetadataForm]) -> web.StreamResponse:
    """What writers told of their metrics; of each there is one description, the newest."""
    form = call.query
    most = _count(form.limit, "limit")
    _count(form.limit_per_metric, "limit_per_metric")  # more than one is never told
    known = call.services.metadata.all()
    names = [form.metric] if form.metric else sorted(known)
    chosen = [name for name in names if name in known][: most if most >= 0 else None]
    told = {name: [asdict(known[name])] for name in chosen}
    return await send(call.request, framed([dumps(told)]))


def _count(text: str, parameter: str) -> int:
    """A number, -1 where there is none."""
    if not text:
        return -1
    try:
        return parameters.whole_number(text)
    except ValueError as error:
        raise Problem("bad_data", f"{parameter} must be a number") from error
