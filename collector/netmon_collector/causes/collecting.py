"""Asks all over the collector for what is known of a time."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from netmon_collector.alerts.base import Alert
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.atlas import Atlas
from netmon_collector.causes.matter import Labelled, Matter
from netmon_collector.causes.plan import Plan
from netmon_collector.fleet import Fleet
from netmon_collector.query.answer import QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.reachability.ledger import Ledger
from netmon_collector.state.events import KeptEvents, Wanted
from netmon_collector.topology.graph import Graph, Link

MOST_EVENTS: Final = 5000
LEAST_WINDOW_S: Final = 60
HOURS_AHEAD: Final = 4
"""For which it is said what will be overloaded."""
_FIRING: Final = 'min_over_time(timestamp(ALERTS{{alertstate="firing"}})[{0}s:15s])'
_CHECKS: Final = "min_over_time(probe_success[{0}s])"
_NAMES: Final = "min_over_time(probe_dns_query_succeeded[{0}s])"
_LOSSES: Final = "max_over_time(probe_icmp_packet_loss_ratio[{0}s])"
_LOADS: Final = ("rate(ifHCInOctets[10m]) * 8", "rate(ifHCOutOctets[10m]) * 8")
_PEAKS: Final = tuple(
    f"max_over_time(({load})[{HOURS_AHEAD}h:10m] offset {7 * 24 - HOURS_AHEAD}h)"
    f" or max_over_time(({load})[{HOURS_AHEAD}h:10m] offset {24 - HOURS_AHEAD}h)"
    for load in _LOADS
)
"""The most of the coming hours, by the same hours a week ago, or else yesterday."""
_SPEEDS: Final = "ifHighSpeed * 1e6"

Floats = NDArray[np.float64]


class Oddities(Protocol):
    """What was odd within the last hour, and of it who takes what others need."""

    @property
    def anomalies(self) -> Sequence[Anomaly]: ...

    @property
    def consumers(self) -> Sequence[Anomaly]: ...


class Collected:
    """What a collector knows. alerts: those that fire, or did lately, whoever raised them. hostname: of the collector's
    own host."""

    def __init__(
        self,
        atlas: Atlas,
        ledger: Ledger,
        fleet: Fleet,
        events: KeptEvents,
        queries: Engine,
        assessor: Oddities | None,
        alerts: Callable[[], Iterable[Alert]],
        hostname: str,
    ) -> None:
        self._atlas = atlas
        self._ledger = ledger
        self._fleet = fleet
        self._events = events
        self._queries = queries
        self._assessor = assessor
        self._alerts = alerts
        self._hostname = hostname

    async def matter(self, since_ms: int, until_ms: int) -> Matter:
        """See inquest.Collecting. Of what only is as it is now (standings, ports), that is given."""
        wanted = Wanted(since_ms=since_ms, until_ms=until_ms + 1)
        events = await asyncio.to_thread(self._events.page, wanted, MOST_EVENTS)
        new = await asyncio.to_thread(self._new_links, since_ms, until_ms)
        window = max(LEAST_WINDOW_S, round((until_ms - since_ms) / 1000))
        alerts, checks, names, losses = [
            await self._asked(text.format(window), until_ms) for text in (_FIRING, _CHECKS, _NAMES, _LOSSES)
        ]
        standings = dict(self._ledger.standings)
        assessor = self._assessor
        return Matter(
            standings=standings,
            watched_by=self._watched_by(),
            told={one: told for one in standings if (told := self._atlas.told(one)) is not None},
            events=events,
            alerts=[*alerts, *self._raised(since_ms, until_ms)],
            checks=checks,
            names=names,
            losses=losses,
            oddities=[
                (dict(one.labels), one.since_s)
                for one in (assessor.anomalies if assessor else ())
                if one.since_s * 1000 <= until_ms and since_ms <= one.time_s * 1000
            ],
            consumers=_in_words(assessor.consumers if assessor else ()),
            new_links=new,
            hosts=self._hosts(),
        )

    async def graph(self, at_ms: int) -> Graph:
        """See inquest.Collecting: links that a device no longer tells of, since it is gone, are on it."""
        now = self._atlas.sheet.graph
        before = await asyncio.to_thread(self._atlas.kept.links_at, at_ms)
        links = {one.key: one for one in (*before, *now.links)}
        return Graph.of(now.nodes.values(), links.values())

    async def loads(self, plan: Plan, at_ms: int) -> tuple[Floats, ...]:
        """See inquest.Collecting."""
        load, speed, peak = (np.full(plan.network.links, np.nan) for _ in range(3))
        asked = (*((one, load) for one in _LOADS), (_SPEEDS, speed), *((one, peak) for one in _PEAKS))
        for text, column in asked:
            for labels, value in await self._asked(text, at_ms):
                link = plan.ports.get((labels.get("instance", ""), labels.get("ifName", "")))
                if link is not None:
                    column[link] = np.fmax(column[link], value)
        return load, speed, np.fmax(load, peak)

    def sites(self) -> Mapping[str, str]:
        """See inquest.Collecting."""
        nodes = self._atlas.sheet.graph.nodes
        return {one: told.site for one in nodes if (told := self._atlas.told(one)) is not None and told.site}

    def here(self) -> str:
        """The agent of the collector's own host, else a name that is on no map."""
        own = (voice.instance for voice in self._fleet.voices() if voice.hostname == self._hostname)
        return next(own, self._hostname)

    def _raised(self, since_ms: int, until_ms: int) -> list[Labelled]:
        """Alerts that others raise are no series here."""
        return [
            (dict(one.labels), one.active_at_ms / 1000)
            for one in self._alerts()
            if one.active_at_ms <= until_ms and (one.resolved_at_ms is None or one.resolved_at_ms >= since_ms)
        ]

    def _new_links(self, since_ms: int, until_ms: int) -> list[Link]:
        """Links between nodes that were on the map before. Those that went are what an outage does, not its cause."""
        kept = self._atlas.kept
        known = {end.node for one in kept.links_at(since_ms) for end in (one.a, one.b)}
        came = (link for link, gone_ms in kept.changes(since_ms, until_ms) if gone_ms is None)
        return [one for one in came if {one.a.node, one.b.node} <= known]

    def _watched_by(self) -> dict[str, str]:
        here = self.here()
        found = {voice.instance: here for voice in self._fleet.voices() if voice.instance != here}
        found.update((polled.record.instance, poller) for polled, poller in self._fleet.polls())
        return found

    def _hosts(self) -> dict[str, str]:
        """Which device is at an address or has a name; none where several are."""
        found: dict[str, set[str]] = {}
        for polled in self._fleet.polled():
            found.setdefault(polled.record.host, set()).add(polled.record.instance)
        for voice in self._fleet.voices():
            for name in {voice.hostname, voice.instance}:
                found.setdefault(name, set()).add(voice.instance)
            for one in told.addresses if (told := self._atlas.told(voice.instance)) else ():
                found.setdefault(one.address, set()).add(voice.instance)
        return {name: next(iter(devices)) for name, devices in found.items() if len(devices) == 1}

    async def _asked(self, text: str, at_ms: int) -> Sequence[Labelled]:
        """The series of an expression; none where it cannot be answered now, which then is no evidence."""
        try:
            answer = await self._queries.instant(text, at_ms)
        except QueryError:
            return []
        present = answer.present[:, 0] & np.isfinite(answer.values[:, 0])
        values = answer.values[:, 0].tolist()
        return [(dict(labels), values[row]) for row, labels in enumerate(answer.labels) if present[row]]


def _in_words(consumers: Iterable[Anomaly]) -> dict[str, str]:
    """Who takes what of each host."""
    found: dict[str, list[str]] = {}
    for one in consumers:
        found.setdefault(dict(one.labels)["instance"], []).append(one.words)
    return {host: "; ".join(words) for host, words in found.items()}
