"""Looks who takes processors and memory of hosts that did not do so before: names of processes, told as anomalies.

What a process that is known does is judged as every series is; one that is new has no history to be judged by, and it
is the one that people ask for first.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_analytics.anomaly import Explanation
from netmon_analytics.cause.consumption import Rise, rise
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.query.engine import Engine
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.repeat import keep_at
from netmon_configs.logs import EventLog
from netmon_proto.model import NAME

log = EventLog("netmon.collector.consumers")

LOOK_S: Final = 30.0
SHARE: Final = 0.02
"""How much of the time may go into it."""
HOUR_MS, MINUTE_MS, STEP_MS = 3_600_000, 60_000, 15_000
USUAL_FOR_MS: Final = HOUR_MS
"""So long it is not asked again what is usual."""
MOST_ASKED: Final = 50
"""Consumers of which it is asked at one look."""
MUCH: Final = 0.1
"""A consumer is told of that takes so much more of all that there is than it did within a week."""
GROWN: Final = 0.01
"""Or so much more, if it grows steadily and there is nothing left in SOON_S."""
SOON_S: Final = 14_400.0
COMPONENT: Final = "consumer"
WATCHED: Final = "sum by (instance) (namedprocess_namegroup_num_procs)"

Key = tuple[str, str]
"""A host, and a name of processes."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What processes share. taken: by each name, `{0}` is for more matchers; whole: how much there is; left: of it."""

    metric: str
    taken: str
    whole: str
    left: str
    history: str


PROCESSORS: Final = Resource(
    "namedprocess_namegroup_cpu_seconds_total",
    "sum by (instance, groupname) (rate(namedprocess_namegroup_cpu_seconds_total{{{0}}}[2m]))",
    'count by (instance) (node_cpu_seconds_total{mode="idle"})',
    "",
    "[7d:2m]",
)
MEMORY: Final = Resource(
    "namedprocess_namegroup_memory_bytes",
    'sum by (instance, groupname) (namedprocess_namegroup_memory_bytes{{memtype="resident",{0}}})',
    "sum by (instance) (node_memory_MemTotal_bytes)",
    "sum by (instance) (node_memory_MemAvailable_bytes)",
    "[7d:5m]",
)


class Consumers:
    """tell: takes what was found, each time all of it."""

    def __init__(self, queries: Engine, tell: Callable[[Sequence[Anomaly]], None], now_ms: Callable[[], int]) -> None:
        self._queries = queries
        self._tell = tell
        self._now_ms = now_ms
        self._usual: dict[tuple[str, Key], tuple[int, float]] = {}
        self._rest_until_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        await keep_at(
            self._keep,
            LOOK_S,
            failing=lambda error: log.warning("consumers.not_looked_at", error=error),
            recovered=lambda: log.info("consumers.looked_at_again"),
        )

    async def _keep(self) -> None:
        if (began_s := time.monotonic()) < self._rest_until_s:
            return
        try:
            await self.look()
        finally:
            self._rest_until_s = began_s + (time.monotonic() - began_s) / SHARE

    async def look(self) -> None:
        """Looks at all hosts once."""
        now_ms = self._now_ms()
        self._usual = {key: known for key, known in self._usual.items() if now_ms - known[0] < USUAL_FOR_MS}
        found = [one for resource in (PROCESSORS, MEMORY) for one in await self._of(resource, now_ms)]
        self._tell(sorted(found, key=lambda one: -one.explanation.score))

    async def _of(self, resource: Resource, now_ms: int) -> list[Anomaly]:
        whole, left = await self._by_host(resource.whole, now_ms), await self._by_host(resource.left, now_ms)
        watched = await self._by_host(WATCHED, now_ms - HOUR_MS)
        found = []
        for key in await self._candidates(resource, {host: whole[host] for host in whole.keys() & watched}, now_ms):
            usual = await self._usually(resource, key, now_ms)
            risen = await self._risen(resource, key, usual, now_ms)
            if risen is None:
                continue
            room = whole[key[0]]
            ends_s = left[key[0]] / risen.pace if risen.pace and key[0] in left else np.inf
            least = GROWN if ends_s < SOON_S else MUCH
            if risen.now - usual >= least * room:
                words = (
                    _memory(key[1], risen, ends_s, now_ms) if left else _processors(key[1], risen, usual, room, now_ms)
                )
                found.append(_anomaly(resource, key, risen, usual, least * room, words, now_ms))
        return found

    async def _candidates(self, resource: Resource, whole: dict[str, float], now_ms: int) -> Iterable[Key]:
        """Those that take much, or more than ten minutes ago, of hosts whose whole is given; the largest rise first."""
        text = resource.taken.format("")
        now, before = await self._by_name(text, now_ms), await self._by_name(text, now_ms - 10 * MINUTE_MS)
        grown = {key: (value - before.get(key, 0.0)) / whole[key[0]] for key, value in now.items() if key[0] in whole}
        chosen = [key for key, part in grown.items() if part >= GROWN or now[key] >= MUCH * whole[key[0]]]
        return sorted(chosen, key=lambda key: -grown[key])[:MOST_ASKED]

    async def _usually(self, resource: Resource, key: Key, now_ms: int) -> float:
        """The most that it took within a week, but for the last hour."""
        known = self._usual.get((resource.metric, key))
        if known is None:
            taken = resource.taken.format(_matchers(key))
            before = await self._by_name(f"max_over_time({taken}{resource.history})", now_ms - HOUR_MS)
            known = self._usual[resource.metric, key] = now_ms, before.get(key, 0.0)
        return known[1]

    async def _risen(self, resource: Resource, key: Key, usual: float, now_ms: int) -> Rise | None:
        text = resource.taken.format(_matchers(key))
        answer = await self._queries.range(text, now_ms - HOUR_MS, now_ms, STEP_MS, may_be_kept=False)
        if not len(answer.labels):
            return None
        taken = np.where(answer.present[0], answer.values[0], np.nan)
        return rise(answer.times / 1000, taken, usual)

    async def _by_host(self, text: str, at_ms: int) -> dict[str, float]:
        return {key[0]: value for key, value in (await self._by_name(text, at_ms)).items()} if text else {}

    async def _by_name(self, text: str, at_ms: int) -> dict[Key, float]:
        answer = await self._queries.instant(text, at_ms)
        there = answer.present[:, 0] & np.isfinite(answer.values[:, 0])
        labels = (dict(one) for one in answer.labels)
        keys = ((one.get("instance", ""), one.get("groupname", "")) for one in labels)
        return {key: float(answer.values[row, 0]) for row, key in enumerate(keys) if there[row]}


def _anomaly(resource: Resource, key: Key, risen: Rise, usual: float, least: float, words: str, now_ms: int) -> Anomaly:
    """Its score is by how many times more it took more than what is told of."""
    labels = ((NAME, resource.metric), ("groupname", key[1]), ("instance", key[0]))
    told = Explanation(
        (risen.now - usual) / least, 1.0, COMPONENT, usual, 0.0, usual + least, risen.since_s, None
    )  # fmt: skip
    return Anomaly(labels, now_ms / 1000, risen.now, told, words=words)


def _processors(name: str, risen: Rise, usual: float, processors: float, now_ms: int) -> str:
    before = f"at most {usual:.2f} in the week before" if usual >= 0.005 else "none in the week before"
    since = _span(now_ms / 1000 - risen.since_s)
    return f"{name} takes {risen.now:.2f} of {processors:.0f} processors, for {since}; {before}"


def _memory(name: str, risen: Rise, ends_s: float, now_ms: int) -> str:
    since = _span(now_ms / 1000 - risen.since_s)
    held = f"{name} holds {risen.now / 2**20:,.0f} MiB of memory"
    if not np.isfinite(ends_s):
        return f"{held}, more than ever in the week before, for {since}"
    grows = f"which grows by {risen.pace / 2**20:.2g} MiB/s, for {since}"
    return f"{held}, {grows}; at this pace none is left in {_span(ends_s)}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _matchers(key: Key) -> str:
    return f"instance={go_quoted(key[0])},groupname={go_quoted(key[1])}"
