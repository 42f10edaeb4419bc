"""Federation: the newest samples of chosen series, as another Prometheus scrapes them."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from aiohttp import hdrs, web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.browse import KnowsNewest
from netmon_api.prometheus.floats import exposition_text
from netmon_api.prometheus.forms import MatchForm
from netmon_api.prometheus.sending import send
from netmon_api.routes import Call
from netmon_collector.query.series import SeriesSet
from netmon_collector.store.base import Frame, Latest, Matcher, Store, is_absent
from netmon_proto.model import NAME, STALE_BITS, Labels
from netmon_proto.names import LABEL_WORD, METRIC_WORD, coded, label_text, quoted, series_text, underscored

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
ANY_NAMES: Final = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"

_AT_ONCE: Final = 1000
"""So many series are written at a time, in a few milliseconds."""
_ESCAPING: Final = re.compile(r";\s*escaping\s*=\s*\"?([\w-]+)")
Spell = Callable[[str, re.Pattern[str]], str]
"""What a name is called on the page; the pattern is that of the names that are called so anyway."""


async def federate(call: Call[MatchForm]) -> web.StreamResponse:
    """A series that has ended, or that was not heard of for the lookback of queries, is left out."""
    services = call.services
    sets = [
        services.engine.widened(one) for one in parameters.selectors(call.query.match, is_named=False, may_be_all=True)
    ]
    now_ms = services.now_ms()
    since_ms = now_ms - services.engine.lookback_ms
    found = [await _newest(services.store, matchers, since_ms, now_ms) for matchers in sets]
    spell, media = _asked(call.request.headers.get(hdrs.ACCEPT, ""))
    return await send(call.request, _text(found, since_ms, spell), media=media)


def _asked(accept: str) -> tuple[Spell, str]:
    """How names are spelled for a scraper, and what the page is called: one that does not say that it takes any name,
    as Prometheus before 3, gets words, else it could read nothing of the page.
    """
    schemes = _ESCAPING.findall(accept)
    if "allow-utf-8" in schemes:
        return (lambda name, _: name), ANY_NAMES
    return (coded, f"{TEXT}; escaping=values") if "values" in schemes else (underscored, TEXT)


async def _newest(store: Store, matchers: Sequence[Matcher], since_ms: int, now_ms: int) -> Latest:
    """The newest sample up to now of each series that has one, and maybe older ones of others."""
    if isinstance(store, KnowsNewest):
        newest = await store.latest(matchers)
        if newest.times.max(initial=now_ms) <= now_ms:
            return newest
    frames = await store.select(matchers, since_ms, now_ms)
    parts = [_last(frame) for frame in frames]
    return Latest(
        [labels for frame in frames for labels in frame.labels],
        np.concatenate([one.times for one in parts]) if parts else np.empty(0, np.int64),
        np.concatenate([one.values for one in parts]) if parts else np.empty(0),
    )


def _last(frame: Frame) -> Latest:
    """The newest sample of each series of a frame; of those without one what counts as ended."""
    rows = np.arange(len(frame.times))[:, np.newaxis]
    last = np.where(is_absent(frame.values), -1, rows).max(axis=0)
    values = np.where(last < 0, np.uint64(STALE_BITS).view(np.float64), frame.values[last, np.arange(len(last))])
    return Latest(frame.labels, frame.times[last], values)


def _text(found: Sequence[Latest], since_ms: int, spell: Spell) -> Iterator[bytes]:
    """Prometheus' text format, the series of each name together, each once."""
    if not found:
        return
    series = SeriesSet.of_parts([one.labels for one in found])
    times, values = np.concatenate([one.times for one in found]), np.concatenate([one.values for one in found])
    names = series.column(NAME)
    is_told = (times >= since_ms) & (values.view(np.uint64) != STALE_BITS) & (names.codes > 0)
    series, times, values = series.take(is_told), times[is_told], values[is_told]
    names, rows = series.column(NAME), series.order()
    if len(found) > 1:
        is_first = np.zeros(len(series), np.bool_)
        is_first[series.grouped().first] = True
        rows = rows[is_first[rows]]
    ranks = np.argsort(np.argsort(np.array(names.values, object), kind="stable"))
    rows = rows[np.argsort(ranks[names.codes[rows]], kind="stable")]
    pairs: dict[tuple[str, str], tuple[str, str]] = {}
    typed: set[str] = set()
    for start in range(0, len(rows), _AT_ONCE):
        own = rows[start : start + _AT_ONCE]
        lines: list[str] = []
        told = zip(series.take(own).labels(), values[own].tolist(), times[own].tolist(), strict=True)
        for labels, value, time_ms in told:
            name, head = _head(labels, pairs, spell)
            if name not in typed:
                lines.append(f"# TYPE {name if METRIC_WORD.fullmatch(name) else quoted(name)} untyped\n")
                typed.add(name)
            lines.append(f"{head} {exposition_text(value)} {time_ms}\n")
        yield "".join(lines).encode()


def _head(labels: Labels, known: dict[tuple[str, str], tuple[str, str]], spell: Spell) -> tuple[str, str]:
    """The name of a series as it is spelled, and the whole series.

    One without `instance` gets an empty one, else the scraper would add its own. known: pairs that were written before.
    """
    name = ""
    written: dict[str, str] = {}
    for pair in labels:
        if pair[0] == NAME:
            name = spell(pair[1], METRIC_WORD)
            continue
        told = known.get(pair)
        if told is None:
            label = spell(pair[0], LABEL_WORD)
            told = known[pair] = label, f"{label_text(label)}={quoted(pair[1])}"
        written.setdefault(*told)
    written.setdefault("instance", 'instance=""')
    return name, series_text(name, written.values())
