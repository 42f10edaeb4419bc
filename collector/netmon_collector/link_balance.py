"""Looks whether links share what they are meant to carry together: members of an aggregate, and other links between the
same two devices. Told as series, and as events where it matters."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from netmon_analytics.cause.balance import Balance, balance
from netmon_analytics.cause.network import Floats
from netmon_collector.query.answer import QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.repeat import keep_at
from netmon_collector.rules.writing import Ledger
from netmon_collector.state.events import NewEvent
from netmon_collector.topology.graph import End, Graph, Kind, Layer, Link
from netmon_configs.logs import EventLog
from netmon_proto.model import NAME, Labels, Severity

log = EventLog("netmon.collector.link_balance")

LOOK_S: Final = 60.0
SHARE: Final = 0.02
"""How much of the time may go into it."""
AT_ONCE: Final = 200
"""Devices whose ports are asked for together."""
IMBALANCED, BALANCED = 0.5, 0.3
BUSY, QUIET = 0.3, 0.2
"""It matters from this part of a link's capacity on, and no more below that."""
HOLDS_MS: Final = 600_000
SERIES: Final = ("netmon_link_imbalance", "netmon_link_busiest_ratio", "netmon_link_failover_ratio")
JOB: Final = "collector"
_RATES: Final = ("rate(ifHCOutOctets{{{0}}}[5m]) * 8", "rate(ifHCInOctets{{{0}}}[5m]) * 8")
_SPEED: Final = "ifHighSpeed{{{0}}} * 1e6 and ifOperStatus{{{0}}} == 1"

Key = tuple[str, str, str]
"""Who sends, who receives, and what the bundle is called."""


@dataclass(frozen=True)
class Bundle:
    """Links that carry together what one device sends to another: the ports at which it sends, and where the other
    receives."""

    key: Key
    ports: tuple[tuple[End, End], ...]


def bundles_of(graph: Graph) -> list[Bundle]:
    """All bundles of at least two links that are no reserve, one for each direction."""

    def key(link: Link) -> Key:
        return link.a.node, link.b.node, link.bundle

    links = (one for one in graph.links if one.layer is Layer.LINK and not one.is_blocked)
    named = (one for one in links if one.a.port and one.b.port and one.a.node != one.b.node)
    joined = (one for one in named if all(graph.nodes[end.node].kind is Kind.DEVICE for end in (one.a, one.b)))
    found = []
    for (a, b, bundle), group in groupby(sorted(joined, key=key), key=key):
        ends = [(one.a, one.b) for one in group]
        if len(ends) > 1:
            found.append(Bundle((a, b, bundle), tuple(ends)))
            found.append(Bundle((b, a, bundle), tuple((there, here) for here, there in ends)))
    return found


class LinkBalance:
    """What bundles carry now, and which of them do not share it. note: takes events."""

    def __init__(
        self,
        graph: Callable[[], Graph],
        queries: Engine,
        results: Ledger,
        note: Callable[[Sequence[NewEvent]], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        self._graph = graph
        self._queries = queries
        self._results = results
        self._note = note
        self._now_ms = now_ms
        self._since_ms: dict[Key, int] = {}
        self._told: set[Key] = set()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(LOOK_S)
        await keep_at(
            self._look_at_leisure,
            LOOK_S,
            failing=lambda error: log.warning("link_balance.broken", error=error),
            recovered=lambda: log.info("link_balance.recovered"),
        )

    async def _look_at_leisure(self) -> None:
        started_s = time.monotonic()
        await self.look()
        await asyncio.sleep((time.monotonic() - started_s) / SHARE)

    async def look(self) -> None:
        """Looks once at all bundles of the map."""
        now_ms, bundles = self._now_ms(), bundles_of(self._graph())
        numbers = np.repeat(np.arange(len(bundles)), [len(one.ports) for one in bundles])
        load, capacity = await self._loads(bundles, now_ms)
        found = balance(numbers, load, capacity)
        series: dict[Labels, float] = {}
        for row, one in enumerate(bundles):
            values = np.array([found.imbalance[row], found.busiest[row], found.failover[row]])
            if np.isfinite(values).all():
                series.update(zip((_labels(name, one.key) for name in SERIES), values.tolist(), strict=True))
        self._results.note("link_balance", series, now_ms)
        await self._results.flush()
        use = np.split(load / capacity, np.cumsum([len(one.ports) for one in bundles])[:-1]) if bundles else []
        await self._note([event for row, one in enumerate(bundles) for event in self._news(one, found, use[row], row)])

    def _news(self, one: Bundle, found: Balance, use: Floats, row: int) -> Iterable[NewEvent]:
        now_ms, imbalance, busiest = self._now_ms(), found.imbalance[row], found.busiest[row]
        is_uneven = imbalance > IMBALANCED and busiest > BUSY
        if not is_uneven:
            self._since_ms.pop(one.key, None)
        elif now_ms - self._since_ms.setdefault(one.key, now_ms) >= HOLDS_MS and one.key not in self._told:
            self._told.add(one.key)
            yield self._event("link.imbalanced", Severity.WARNING, one, found, use, row)
        if one.key in self._told and (imbalance < BALANCED or busiest < QUIET):
            self._told.discard(one.key)
            yield self._event("link.balanced", Severity.NOTICE, one, found, use, row)

    def _event(self, kind: str, severity: Severity, one: Bundle, found: Balance, use: Floats, row: int) -> NewEvent:
        sender, receiver, name = one.key
        parts = ", ".join(
            f"{here.port} {part:.0%}" for (here, _), part in zip(one.ports, use, strict=True) if np.isfinite(part)
        )
        text = f"what {sender} sends to {receiver} is {'even' if kind == 'link.balanced' else 'uneven'}: {parts}"
        fields = {"peer": receiver, "bundle": name, "imbalance": f"{found.imbalance[row]:.2f}"}
        fields["failover_ratio"] = f"{found.failover[row]:.2f}"
        return NewEvent(self._now_ms(), sender, "netmon", kind, int(severity), 1, text, "", fields)

    async def _loads(self, bundles: Sequence[Bundle], now_ms: int) -> tuple[Floats, Floats]:
        """What each link carries and could carry, in bits a second, by what either end counts."""
        devices = sorted({end.node for one in bundles for pair in one.ports for end in pair})
        sent, received, speed = dict[End, float](), dict[End, float](), dict[End, float]()
        for start in range(0, len(devices), AT_ONCE):
            chosen = go_quoted("|".join(map(re.escape, devices[start : start + AT_ONCE])))
            for text, column in zip((*_RATES, _SPEED), (sent, received, speed), strict=True):
                await self._ask(text.format(f"instance=~{chosen}"), now_ms, column)
        pairs = [pair for one in bundles for pair in one.ports]
        load = [sent.get(here, received.get(there, np.nan)) for here, there in pairs]
        capacity = [speed.get(here, speed.get(there, np.nan)) for here, there in pairs]
        return np.array(load), np.array(capacity)

    async def _ask(self, text: str, now_ms: int, into: dict[End, float]) -> None:
        """The values of ports; none where they cannot be had now."""
        try:
            answer = await self._queries.instant(text, now_ms)
        except QueryError:
            return
        present = answer.present[:, 0] & np.isfinite(answer.values[:, 0])
        for row in np.flatnonzero(present).tolist():
            labels = dict(answer.labels[row])
            into[End(labels.get("instance", ""), labels.get("ifName", ""))] = float(answer.values[row, 0])


def _labels(name: str, key: Key) -> Labels:
    sender, receiver, bundle = key
    given = (NAME, name), ("bundle", bundle), ("instance", sender), ("job", JOB), ("peer", receiver)
    return tuple(pair for pair in given if pair[1])
