"""Federation: the newest samples of chosen series, as another Prometheus scrapes them."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from aiohttp import web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.floats import exposition_text
from netmon_api.prometheus.forms import MatchForm
from netmon_api.prometheus.problem import quoted
from netmon_api.routes import Call
from netmon_collector.store.base import Frame, is_absent
from netmon_proto.model import NAME, STALE_BITS, Labels

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


class Reading(NamedTuple):
    """The newest sample of a series."""

    name: str
    labels: Labels
    value: float
    time_ms: int


async def federate(call: Call[MatchForm]) -> web.Response:
    """A series that has ended, or that was not heard of for the lookback of queries, is left out."""
    sets = [call.services.engine.widened(one) for one in parameters.selectors(call.query.match)]
    now_ms = call.services.now_ms()
    since_ms = now_ms - call.services.engine.lookback_ms
    frames = [frame for matchers in sets for frame in await call.services.store.select(matchers, since_ms, now_ms)]
    text = await asyncio.to_thread(lambda: "".join(_lines(sorted(set(_newest(frames))))))
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _newest(frames: Iterable[Frame]) -> Iterator[Reading]:
    for frame in frames:
        rows = np.arange(len(frame.times))[:, np.newaxis]
        last = np.where(is_absent(frame.values), -1, rows).max(axis=0)
        values = frame.values[last, np.arange(len(frame.labels))]
        for column in np.flatnonzero((last >= 0) & (values.view(np.uint64) != STALE_BITS)).tolist():
            labels = frame.labels[column]
            name = dict(labels).get(NAME)
            if name is not None:
                yield Reading(name, labels, float(values[column]), int(frame.times[last[column]]))


def _lines(readings: Iterable[Reading]) -> Iterator[str]:
    """Prometheus' text format. A series without `instance` gets an empty one, else the scraper would add its own."""
    for name, group in groupby(readings, key=lambda reading: reading.name):
        is_word = _METRIC.fullmatch(name) is not None
        yield f"# TYPE {name if is_word else quoted(name)} untyped\n"
        for one in group:
            pairs = [pair for pair in one.labels if pair[0] != NAME]
            if all(label != "instance" for label, _ in pairs):
                pairs.append(("instance", ""))
            written = [_pair(label, value) for label, value in pairs]
            head = f"{name}{{{','.join(written)}}}" if is_word else f"{{{','.join([quoted(name), *written])}}}"
            yield f"{head} {exposition_text(one.value)} {one.time_ms}\n"


def _pair(label: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'{label if _LABEL.fullmatch(label) else quoted(label)}="{escaped}"'
