"""Plays a scenario from its start to its end, and says what was otherwise than it says."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from netmon_collector.alerts.base import Alert, AlertState
from netmon_collector.alerts.incident import Incident, NotOpen, acknowledge, release, snooze
from netmon_collector.alerts.rehearsal.language import Event, Hold, Quiet, Scenario, WindowText
from netmon_collector.alerts.rehearsal.stage import Collector, World
from netmon_collector.alerts.rehearsal.verdict import judged, judged_now
from netmon_collector.alerts.silences import Silence
from netmon_collector.state.database import open_state
from netmon_configs.load import load
from netmon_configs.mistakes import ConfigError


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of a scenario: what was otherwise than it says, and how long it took."""

    path: Path
    failures: tuple[str, ...]
    sent: int
    took_s: float


def rehearse(path: Path) -> Rehearsal:
    """Plays the scenario in a file. Raises ConfigError where it cannot be read."""
    scenario = load(path, Scenario)
    began_s = time.perf_counter()
    with TemporaryDirectory(prefix="netmon-rehearsal-") as folder:
        state = open_state(f"sqlite:///{folder}/state.sqlite")
        try:
            failures, sent = asyncio.run(_played(scenario, World(scenario, state)))
        except ConfigError as error:  # of rules, whose lines are not those of the scenario
            places = [replace(one, file=str(path), line=0, place=f"rules: {one.place}") for one in error.mistakes]
            raise ConfigError(places) from None
        finally:
            state.dispose()
    return Rehearsal(path, tuple(failures), sent, time.perf_counter() - began_s)


async def _played(scenario: Scenario, world: World) -> tuple[list[str], int]:
    play = _Play(world)
    await play.run()
    return [*play.failures, *judged(scenario, world, play.collector)], len(world.heard)


class _Play:
    """The run of one scenario."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.failures: list[str] = []
        self.collector = Collector(world)
        self._is_up = False
        self._fired: dict[str, Alert] = {}

    async def run(self) -> None:
        await self._start()
        try:
            for event in self.world.scenario.timeline():
                await self._happens(event)
            await self._advance(self.world.scenario.start_ms + self.world.scenario.until_ms)
        finally:
            await self._stop()

    async def _advance(self, until_ms: int) -> None:
        """Has everything done that is due until then, each at its time."""
        clock = self.world.clock
        while self._is_up and (next_ms := self.collector.next_ms()) is not None and next_ms <= until_ms:
            clock.now_ms = max(next_ms, clock.now_ms)
            await self.collector.work()
        clock.now_ms = until_ms

    async def _happens(self, event: Event) -> None:
        at_ms = self.world.scenario.start_ms + event.at_ms
        if event.jump:
            self.world.clock.now_ms = at_ms
            await self.collector.work()
        else:
            await self._advance(at_ms)
        self._change_the_world(event)
        if event.stop or event.restart:
            await self._stop()
        if event.restart or (not self._is_up and not event.stop):
            await self._start()
        await self._alerts_come(event)
        await self._people_act(event)
        if event.check is not None:
            self.failures += judged_now(event.check, self.collector.ledger, event.at_ms)

    def _change_the_world(self, event: Event) -> None:
        network, listeners = self.world.network, self.world.listeners
        if network is not None:
            network.fail(event.fail)
            network.fail(event.mend, mends=True)
            network.deafen(event.deafen)
            network.deafen(event.hear, hears=True)
        for text, value in event.series.items():
            self.world.series.pop(text, None)
            if value is not None:
                self.world.series[text] = value
        if event.away is not None:
            listeners[event.away].is_away = True
        if event.back is not None:
            listeners[event.back].is_away = False
        for name, takes_ms in event.slow.items():
            listeners[name].takes_s = takes_ms / 1000

    async def _alerts_come(self, event: Event) -> None:
        now_ms = self.world.clock.now_ms
        many = event.fire_many
        labels = [*event.fire, *({**many.alert, "host": f"h{n:05}"} for n in range(many.count))] if many else event.fire
        fired = [_alert(one, now_ms) for one in labels]
        self._fired.update((one.fingerprint, one) for one in fired)
        if fired:
            await self.collector.notifier.take(fired, now_ms)
        over = []
        for one in event.resolve:
            known = self._fired.get(_alert(one, 0).fingerprint)
            if known is None:
                self._fail(event, f"{one} has not fired")
            else:
                over.append(replace(known, state=AlertState.RESOLVED, resolved_at_ms=now_ms))
        if over:
            await self.collector.notifier.take(over, now_ms)

    async def _people_act(self, event: Event) -> None:
        now_ms = self.world.clock.now_ms
        for wanted, change in ((event.acknowledge, acknowledge), (event.snooze, snooze)):
            if wanted:
                self._hold(event, wanted, partial(change, by=wanted.by, until_ms=now_ms + wanted.for_ms, comment=""))
        if event.release:
            self._hold(event, event.release, partial(release, by=event.release.by, comment=""))
        if event.silence:
            self._silence(event.silence)
        if event.maintain:
            self._maintain(event.maintain)

    def _hold(self, event: Event, wanted: Hold, change: Callable[..., Incident]) -> None:
        incidents = self.collector.incidents
        incident = incidents.all().get(wanted.incident or max(incidents.all(), default=0))
        if incident is None:
            self._fail(event, "there is no such incident")
            return
        try:
            changed = change(incident, now_ms=self.world.clock.now_ms)
        except NotOpen as error:
            self._fail(event, str(error))
            return
        self.collector.book.keep([changed])
        incidents.keep([changed])

    def _fail(self, event: Event, why: str) -> None:
        self.failures.append(f"event at {event.at_ms / 1000:g}s: {why}")

    def _silence(self, wanted: Quiet) -> None:
        now_ms, number = self.world.clock.now_ms, f"silence {len(self.world.silences) + 1}"
        silence = Silence("", wanted.matchers, now_ms, now_ms + wanted.for_ms, now_ms, "", "")
        changed = self.collector.silences.plan(silence, number, now_ms)
        self.collector.silences.keep(changed)
        self.world.silences.update((one.id, one) for one in changed)

    def _maintain(self, wanted: WindowText) -> None:
        window = wanted.window(self.world.clock.now_ms)
        self.world.windows[window.id] = window
        self.collector.maintenance.keep(window)

    async def _start(self) -> None:
        if self._is_up or self.world.has_run:
            self.collector = Collector(self.world)
        await self.collector.begin()
        self._is_up = True

    async def _stop(self) -> None:
        if self._is_up:
            await self.collector.settle()
            await self.collector.end()
        self._is_up = False


def _alert(labels: dict[str, str], at_ms: int) -> Alert:
    told = tuple(sorted(labels.items()))
    return Alert(told, (), AlertState.FIRING, at_ms, 1.0, fired_at_ms=at_ms)
