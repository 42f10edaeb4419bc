"""The same samples in a real Prometheus and in netmon, and the same request to both."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson

from netmon_collector.store.base import Row
from netmon_proto.model import STALE, Kind, Labels
from tests.api.assembly import running
from tests.api.lab import Lab, labels
from tests.support.prometheus import Points, prometheus

Pairs = Sequence[tuple[str, str]]

EVERY_MS = 15_000
SPAN_MS = 3_600_000
OFFSET_MS = 4_321
"""Samples lie here within a minute, so that none is on an edge of a window: there Prometheus 2 and 3 differ."""


def history(end_ms: int) -> dict[Labels, Points]:
    """An hour of counters with resets, gauges, gaps, odd values and series that end; nothing lies at `end_ms`."""
    start_ms = end_ms - SPAN_MS + OFFSET_MS
    times = list(range(start_ms, end_ms, EVERY_MS))
    series: dict[Labels, Points] = {}
    for host in range(4):
        for mode in ("idle", "user", "system"):
            slope = 1.5 + host + len(mode)
            values = [(at * slope) % 900.0 if host == 2 else at * slope for at in range(len(times))]
            name = labels("node_cpu_seconds_total", cpu="0", mode=mode, instance=f"web{host}", job="node")
            series[name] = list(zip(times, values, strict=True))
        wave = [math.sin(at / 9 + host) * 10 ** (host * 3 - 2) for at in range(len(times))]
        load = labels("node_load1", instance=f"web{host}", job="node")
        series[load] = [
            pair for at, pair in enumerate(zip(times, wave, strict=True)) if host != 1 or (at + 8) % 40 < 25
        ]
    odd = [1e21, 1e-7, math.inf, -math.inf, math.nan, -0.0, 123456789.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
    series[labels("odd", instance="x", job="test")] = [(time, odd[at % len(odd)]) for at, time in enumerate(times)]
    ended = [(time, 1.0) for time in times[:100]]
    series[labels("up", instance="gone", job="node")] = [*ended, (ended[-1][0] + EVERY_MS, STALE)]
    series[labels("up", instance="web0", job="node")] = [(time, 1.0) for time in times]
    for bound in ("0.1", "1", "+Inf"):
        rise = {"0.1": 1.0, "1": 3.0, "+Inf": 4.0}[bound]
        bucket = labels("http_seconds_bucket", le=bound, job="web")
        series[bucket] = [(time, rise * at) for at, time in enumerate(times)]
    series[labels("text", quote='a "b" \\ c\n<&>', umlaut="Grüße 🦀")] = [(time, 1.0) for time in times]
    return series


@dataclass
class Reply:
    status: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def modern(reply: Reply) -> Any:
    """The JSON of Prometheus 2.42 as version 3 has it, which begins errors with a small letter."""
    return orjson.loads(reply.body.replace(b": Invalid time value for", b": invalid time value for"))


@dataclass
class Peers:
    """`end_ms` is the time of the newest sample, about."""

    lab: Lab
    session: aiohttp.ClientSession
    url: str
    end_ms: int

    @property
    def end_s(self) -> float:
        return self.end_ms / 1000

    async def both(self, path: str, query: Pairs = (), form: Pairs | None = None) -> tuple[Reply, Reply]:
        """netmon's reply and Prometheus'; a form is sent by POST."""
        method = "GET" if form is None else "POST"
        data = None if form is None else aiohttp.FormData(list(form))
        async with self.lab.client.request(method, f"/prometheus{path}", params=query, data=data) as response:
            ours = Reply(response.status, response.content_type, await response.read())
        async with self.session.request(method, f"{self.url}{path}", params=query, data=data) as response:
            return ours, Reply(response.status, response.content_type, await response.read())


async def keep(lab: Lab, series: Mapping[Labels, Points]) -> None:
    """Stores series in the lab."""
    by_time: dict[int, list[tuple[Labels, float]]] = {}
    for one, points in series.items():
        for time, value in points:
            by_time.setdefault(time, []).append((one, value))
    rows = []
    for time, pairs in sorted(by_time.items()):
        names = tuple(one for one, _ in pairs)
        if names not in lab.groups:
            lab.groups[names] = lab.store.register(names, [Kind.GAUGE] * len(names))
        rows.append(Row(lab.groups[names], time, np.array([value for _, value in pairs])))
    await lab.store.append(rows, None)


@asynccontextmanager
async def peering(folder: Path, now_ms: int) -> AsyncIterator[Peers]:
    end_ms = now_ms // 60_000 * 60_000
    series = history(end_ms)
    theirs = prometheus(folder / "prometheus")
    theirs.start()
    try:
        theirs.write(series)
        async with running(folder, now_ms) as lab, aiohttp.ClientSession() as session:
            await keep(lab, series)
            yield Peers(lab, session, theirs.url, end_ms)
    finally:
        theirs.kill()
