"""Watches how busy pollers are, says so as series, and has others poll what one is too busy for, or leaves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.fleet import Fleet
from netmon_collector.poller_load import FULL, Load, Move, Task, loads, moves, takeovers
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
GONE_MS: Final = 300_000
"""A poller that has not been connected for so long does not come back by itself, as after a restart."""
MOVED: Final = "poller.moved"
MISSED: Final = "poller.gone"
BUSY, GONE = "busy", "gone"
"""Why a device has changed its poller."""
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
        self._processor: dict[str, float] = {}
        """What each poller was last seen to use of a processor: of one that is gone, what its devices cost."""
        self._awaited: dict[str, float] = {}
        """What pollers come to with the devices that they took over, until that is measured."""
        self._missed: set[str] = set()
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
        durations, processor, trend = [await self._ask(text, now_ms) for text in (_DURATIONS, _PROCESSOR, _TREND)]
        tasks = self._tasks(polled, agents, durations)
        there = [one for one in tasks if one.poller in agents]
        weights: dict[str, float] = {}
        for one in there:
            weights[one.poller] = weights.get(one.poller, 0.0) + one.weight_a_second
        self._weights = [*self._weights, weights][-WEIGHED:]
        self.loads = loads(there, agents, processor, self._weights[0], trend, self._late(polled, now_ms))
        self._processor.update({name: part for name, part in processor.items() if name in agents})
        self._tell(now_ms)
        await self._results.flush()
        await self._relieve(tasks, agents, now_ms)
        there = [replace(one, others=()) if self._stays_ms.get(one.device, 0) > now_ms else one for one in there]
        await self._level(moves(there, self._ready(now_ms)), agents, now_ms)

    def _tasks(self, polled: Sequence[Polled], agents: Mapping[str, str], durations: Mapping[str, float]) -> list[Task]:
        """All that is polled, and by which of the agents that are connected it may be."""
        found = []
        for one in polled:
            record = one.record
            poller = self._fleet.instance_of(record.agent_id)
            interval_s, weight = record.interval_ms / 1000, 1.0 + self._weigh(record.instance)
            others = self._others(one, poller, agents)
            found.append(Task(record.instance, poller, interval_s, durations.get(record.instance), weight, others))
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

    async def _level(self, planned: Sequence[Move], agents: Mapping[str, str], now_ms: int) -> None:
        """Has pollers that will be full give devices away, and says so."""
        for move in planned:
            if await self._hand_over(move, agents[move.poller], agents[move.to], BUSY, APART_S):
                self._stays_ms[move.device] = now_ms + STAYS_MS
                self._rests_ms[move.poller] = self._rests_ms[move.to] = now_ms + REST_MS
                because = f"would be {move.because:.0%} busy within an hour"
                await self._note([_moved(move, because, now_ms)])

    async def _relieve(self, tasks: Sequence[Task], agents: Mapping[str, str], now_ms: int) -> None:
        """Has what pollers left that are gone polled by others, and says once of each what became of its devices."""
        gone = self._fleet.away(GONE_MS)
        left = [one for one in tasks if one.poller in gone]
        pollers = {one.poller for one in left}
        found = loads(left, pollers, self._processor, {}, {}, {})
        self._awaited = {one: load for one, load in self._awaited.items() if self._rests_ms[one] > now_ms}
        there = {
            name: replace(one, ahead=max(one.ahead, self._awaited.get(name, 0.0))) for name, one in self.loads.items()
        }
        done = []
        for move in takeovers(left, found, there):
            if await self._hand_over(move, gone[move.poller], agents[move.to], GONE, 0.0):
                self._rests_ms[move.to] = now_ms + REST_MS
                self._awaited[move.to] = self._awaited.get(move.to, self.loads[move.to].ahead) + move.cost
                done.append(move)
        news = [_moved(move, "is gone", now_ms) for move in done]
        for poller in sorted(pollers):
            takers = sorted({one.to for one in done if one.poller == poller})
            if takers or poller not in self._missed:
                moved = sum(one.poller == poller for one in done)
                news.append(_gone(poller, found[poller].devices, moved, takers, now_ms))
                log.warning("poller.gone", poller=poller, devices=found[poller].devices, moved=moved)
        self._missed = pollers
        if news:
            await self._note(news)

    async def _hand_over(self, move: Move, before: str, agent_id: str, because: str, apart_s: float) -> bool:
        try:
            return await self._polling.hand_over(move.device, before, agent_id, because, apart_s)
        except (DeviceExists, TooMany, SQLAlchemyError) as error:
            log.warning("poller.not_changed", device=move.device, poller=move.to, error=str(error)[:200])
            return False

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


def _moved(move: Move, because: str, now_ms: int) -> NewEvent:
    text = f"{move.device} is polled by {move.to}: {move.poller} {because}"
    fields = {"before": move.poller, "poller": move.to}
    return NewEvent(now_ms, move.device, "netmon", MOVED, int(Severity.NOTICE), 1, text, "", fields)


def _gone(poller: str, devices: int, moved: int, takers: Sequence[str], now_ms: int) -> NewEvent:
    """What became of the devices of a poller that is gone."""
    told = [f"devices taken over by {', '.join(takers)}: {moved}"] if moved else []
    if moved < devices:
        told.append(f"devices that wait for it: {devices - moved}")
    text = f"{poller} has not been connected for {GONE_MS // 60_000} minutes; {', '.join(told)}"
    fields = {"devices": str(devices), "moved": str(moved)}
    return NewEvent(now_ms, poller, "netmon", MISSED, int(Severity.WARNING), 1, text, "", fields)
