"""Listens to what the collector knows of its devices, judges them on a beat, and says what changed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence, Set
from typing import Final

from netmon_collector.fleet import Fleet
from netmon_collector.reachability.ledger import Judgement, Ledger
from netmon_collector.reachability.telling import Chronicler, note_series
from netmon_collector.reachability.witnesses import Kind, Witness
from netmon_collector.rules.writing import Ledger as Results
from netmon_collector.state.events import NewEvent
from netmon_collector.store.base import Latest, Matcher, MatchOp, StoreError
from netmon_collector.topology.graph import Graph
from netmon_configs.logs import EventLog
from netmon_proto.model import NAME, is_stale

log = EventLog("netmon.collector.reachability")

EVERY_S: Final = 5.0
ASK_AGAIN_MS: Final = 10_000
"""A device in doubt is asked again no sooner than that."""
GRACE_MS: Final = 60_000
"""After the collector's start agents have that long to find it again, beside their patience."""
_CHECKS: Final = [Matcher(NAME, MatchOp.EQUAL, "probe_success")]
_USUAL_MS: Final = 10_000
"""The interval of a check that is made by somebody of whom nothing else is known."""

Newest = Callable[[Sequence[Matcher]], Awaitable[Latest]]
"""The newest sample of each series."""

Chronicle = Callable[[Sequence[NewEvent]], Awaitable[None]]
"""Takes what happened into the log of events; raises nothing."""


class Watch:
    """All devices of a fleet.

    chronicle: takes each change, with its evidence. serviced: which of some devices are in maintenance at a time, in
    Unix milliseconds. check_interval_ms: of an assigned check by name, 0 where that of the agent counts. here: what the
    collector's own host is called, whose agent says nothing of the network.
    """

    def __init__(
        self,
        fleet: Fleet,
        newest: Newest,
        results: Results,
        graph: Callable[[], Graph],
        serviced: Callable[[Set[str], int], Set[str]],
        poll_now: Callable[[str], object],
        check_interval_ms: Callable[[str], int],
        now_ms: Callable[[], int],
        here: str,
        ledger: Ledger,
        chronicle: Chronicle,
    ) -> None:
        self._fleet = fleet
        self._newest = newest
        self._results = results
        self._graph = graph
        self._serviced = serviced
        self._poll_now = poll_now
        self._check_interval_ms = check_interval_ms
        self._now_ms = now_ms
        self._here = here
        self._asked_ms: dict[str, int] = {}
        self.ledger = ledger
        self._chronicle = chronicle
        self._chronicler = Chronicler()

    async def run(self) -> None:
        """Until cancelled."""
        broken = False
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - a judgement that fails must not end the collector
                if not broken:
                    log.error("reachability.broken", error=f"{type(error).__name__}: {error}")
                broken = True
            else:
                if broken:
                    log.info("reachability.recovered")
                broken = False
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """One beat."""
        now_ms = self._now_ms()
        devices = {*self._hear_agents(), *self._hear_polls()}
        self.ledger.keep(devices)
        await self._hear_checks()
        judgement = self.ledger.judge(now_ms, self._graph(), self._serviced(devices, now_ms))
        self._log(judgement)
        await self._chronicle(list(self._chronicler.entries(judgement, now_ms)))
        self._chronicler.forget(self.ledger.standings)
        self._ask_again(judgement, now_ms)
        note_series(self.ledger, self._results, now_ms)
        await self._results.flush()

    def _hear_agents(self) -> Iterator[str]:
        for voice in self._fleet.voices():
            by = voice.instance if voice.hostname == self._here else self._here
            witness = Witness(Kind.AGENT, by, voice.interval_ms)
            if voice.heard_ms is None:
                self.ledger.expect(voice.instance, witness, voice.since_ms + GRACE_MS)
            else:
                self.ledger.tell(voice.instance, witness, ok=True, at_ms=voice.heard_ms)
            yield voice.instance

    def _hear_polls(self) -> Iterator[str]:
        for polled, poller in self._fleet.polls():
            record = polled.record
            witness = Witness(Kind.SNMP, poller, record.interval_ms)
            if polled.heard_ms is not None and polled.up is not None:
                self.ledger.tell(record.instance, witness, polled.up, polled.heard_ms)
            yield record.instance

    async def _hear_checks(self) -> None:
        """Checks of a polled device's address, as far as agents make them."""
        hosts = {polled.record.host: polled.record.instance for polled, _ in self._fleet.polls()}
        if not hosts:
            return
        try:
            found = await self._newest(_CHECKS)
        except StoreError:
            return
        intervals_ms = {voice.instance: voice.interval_ms for voice in self._fleet.voices()}
        for labels, at_ms, value in zip(found.labels, found.times.tolist(), found.values.tolist(), strict=True):
            told = dict(labels)
            host, _, port = told.get("target", "").partition(":")
            device = hosts.get(host)
            if device is not None and not is_stale(value):
                kind, by = Kind.TCP if port else Kind.ICMP, told.get("instance", "")
                own_ms = self._check_interval_ms(told.get("check", ""))
                witness = Witness(kind, by, own_ms or intervals_ms.get(by, _USUAL_MS))
                self.ledger.tell(device, witness, value > 0, at_ms)

    def _log(self, judgement: Judgement) -> None:
        for poller in judgement.blinded:
            log.error("poller.blind", poller=poller, consequence="what it misses counts against no device")
        for poller in judgement.seeing:
            log.info("poller.sees_again", poller=poller)

    def _ask_again(self, judgement: Judgement, now_ms: int) -> None:
        """Has devices in doubt polled at once: an outage is known sooner, and so is a lost packet."""
        for device, witness in judgement.ask_again:
            if witness.kind is Kind.SNMP and now_ms - self._asked_ms.get(device, 0) >= ASK_AGAIN_MS:
                self._asked_ms[device] = now_ms
                self._poll_now(device)
