"""Watches how busy pollers are, says so as series, and has devices polled by another one before theirs is late."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.fleet import Fleet
from netmon_collector.poller_load import FULL, Load, Move, Task, loads, moves
from netmon_collector.polling import Polled, Polling, TooMany
from netmon_collector.query.answer import QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.repeat import keep_at
from netmon_collector.rules.writing import Ledger
from netmon_collector.sites import Sites
from netmon_collector.state.devices import DeviceExists
from netmon_collector.state.events import NewEvent
from netmon_configs.logs import EventLog
from netmon_proto.model import NAME, Labels, Severity

log = EventLog("netmon.collector.pollers")

LOOK_S: Final = 60.0
LOOKS: Final = 3
"""So often in a row a poller has to be seen to become full before it gives devices away."""
REST_MS: Final = 900_000
"""After a move its pollers are left as they are until what they measure tells of it."""
STAYS_MS: Final = 6 * 3_600_000
"""A device that has changed its poller stays there so long at least."""
LATE: Final = 1.5
"""A poll is overdue after so many intervals."""
ON_THE_WAY_MS: Final = 10_000
WEIGHED: Final = 5
"""So many looks ago the devices were that the measured processor time is about."""
APART_S: Final = 3.0
"""Between telling one poller to stop and the other to begin."""
MOVED: Final = "poller.moved"
SERIES: Final = (
    "netmon_poller_load",
    "netmon_poller_load_ahead",
    "netmon_poller_devices",
    "netmon_poller_late_devices",
)
_DURATIONS: Final = "avg_over_time(snmp_poll_duration_seconds[15m])"
_PROCESSOR: Final = 'rate(process_cpu_seconds_total{job="agent"}[5m])'
_TREND: Final = "predict_linear(netmon_poller_load[1h], 3600) and count_over_time(netmon_poller_load[1h]) > 30"


class PollerBalance:
    """All agents that poll. weigh: about how many ports a device has. note: takes events."""

    def __init__(
        self,
        fleet: Fleet,
        polling: Polling,
        sites: Sites,
        weigh: Callable[[str], int],
        queries: Engine,
        results: Ledger,
        note: Callable[[Sequence[NewEvent]], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        self._fleet = fleet
        self._polling = polling
        self._sites = sites
        self._weigh = weigh
        self._queries = queries
        self._results = results
        self._note = note
        self._now_ms = now_ms
        self._weights: list[dict[str, float]] = []
        self._full: dict[str, int] = {}
        self._rests_ms: dict[str, int] = {}
        self._stays_ms: dict[str, int] = {}
        self.loads: Mapping[str, Load] = {}
        """By poller, as of the last look; of all agents that are connected."""

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(LOOK_S)
        await keep_at(
            self.look,
            LOOK_S,
            failing=lambda error: log.warning("pollers.broken", error=error),
            recovered=lambda: log.info("pollers.recovered"),
        )

    async def look(self) -> None:
        """Looks once, and moves what had better be moved."""
        now_ms = self._now_ms()
        agents = {one.instance: one.agent_id for one in self._fleet.devices() if one.job == "node" and one.connected}
        polled = self._polling.all()
        tasks = await self._tasks(polled, agents, now_ms)
        weights: dict[str, float] = {}
        for one in tasks:
            weights[one.poller] = weights.get(one.poller, 0.0) + one.weight_a_second
        self._weights = [*self._weights, weights][-WEIGHED:]
        processor, trend = [await self._ask(text, now_ms) for text in (_PROCESSOR, _TREND)]
        self.loads = loads(tasks, agents, processor, self._weights[0], trend, self._late(polled, now_ms))
        self._tell(now_ms)
        await self._results.flush()
        for move in moves(tasks, self._ready(now_ms)):
            await self._move(move, agents[move.to], now_ms)

    async def _tasks(self, polled: Sequence[Polled], agents: Mapping[str, str], now_ms: int) -> list[Task]:
        """What is polled by agents that are connected. Who is not connected polls on, so that nobody else may."""
        durations = await self._ask(_DURATIONS, now_ms)
        found = []
        for one in polled:
            record = one.record
            poller = self._fleet.instance_of(record.agent_id)
            if poller in agents:
                others = () if self._stays_ms.get(record.instance, 0) > now_ms else self._others(one, poller, agents)
                interval_s, weight = record.interval_ms / 1000, 1.0 + self._weigh(record.instance)
                found.append(
                    Task(record.instance, poller, interval_s, durations.get(record.instance), weight, others)
                )  # fmt: skip
        return found

    def _others(self, polled: Polled, poller: str, agents: Mapping[str, str]) -> tuple[str, ...]:
        """Who else may poll a device: the agents that its site names, where nobody has said who polls it."""
        record = polled.record
        name = self._sites.of_device(record)
        site = self._sites.one(name)
        if record.is_pinned or site is None or poller not in site.agents:
            return ()
        return tuple(
            one
            for one in site.agents
            if one != poller and one in agents and name in (record.site, self._sites.at(record.host, agents[one]))
        )

    def _ready(self, now_ms: int) -> dict[str, Load]:
        """The pollers that may give or take: those that did not lately, and of full ones those that stay so."""
        full = [name for name, one in self.loads.items() if one.ahead > FULL]
        self._full = {name: self._full.get(name, 0) + 1 for name in full}
        return {
            name: one
            for name, one in self.loads.items()
            if self._rests_ms.get(name, 0) <= now_ms and self._full.get(name, LOOKS) >= LOOKS
        }

    async def _move(self, move: Move, agent_id: str, now_ms: int) -> None:
        polled = self._polling.one(move.device)
        if polled is None:
            return
        try:
            await self._polling.change(replace(polled.record, agent_id=agent_id), apart_s=APART_S)
        except (DeviceExists, TooMany, SQLAlchemyError) as error:
            log.warning("poller.not_changed", device=move.device, poller=move.to, error=str(error)[:200])
            return
        self._stays_ms[move.device] = now_ms + STAYS_MS
        self._rests_ms[move.poller] = self._rests_ms[move.to] = now_ms + REST_MS
        text = f"{move.device} is polled by {move.to}: {move.poller} would be {move.because:.0%} busy within an hour"
        fields = {"before": move.poller, "poller": move.to}
        await self._note([NewEvent(now_ms, move.device, "netmon", MOVED, int(Severity.NOTICE), 1, text, "", fields)])

    def _late(self, polled: Sequence[Polled], now_ms: int) -> dict[str, int]:
        """How many devices of each poller should have been polled again."""
        found: dict[str, int] = {}
        for one in polled:
            if one.newest_ms and now_ms - one.newest_ms > LATE * one.record.interval_ms + ON_THE_WAY_MS:
                poller = self._fleet.instance_of(one.record.agent_id)
                found[poller] = found.get(poller, 0) + 1
        return found

    def _tell(self, now_ms: int) -> None:
        """Has written, with the next flush, how busy those are that poll."""
        series: dict[Labels, float] = {}
        for one in self.loads.values():
            if one.devices:
                values = one.now, one.ahead, float(one.devices), float(one.late)
                series.update(zip((_labels(name, one.poller) for name in SERIES), values, strict=True))
        self._results.note("poller_load", series, now_ms)

    async def _ask(self, text: str, now_ms: int) -> dict[str, float]:
        """Values by instance; none where they cannot be had now."""
        try:
            answer = await self._queries.instant(text, now_ms)
        except QueryError:
            return {}
        present = answer.present[:, 0] & np.isfinite(answer.values[:, 0])
        rows = np.flatnonzero(present).tolist()
        return {dict(answer.labels[row]).get("instance", ""): float(answer.values[row, 0]) for row in rows}


def _labels(name: str, poller: str) -> Labels:
    return (NAME, name), ("instance", poller), ("job", "collector")
