"""Listens to what the collector knows of its devices, judges them on a beat, and says what changed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Final

from netmon_collector.fleet import Fleet
from netmon_collector.reachability.hearing import Hearing, Newest
from netmon_collector.reachability.ledger import Judgement, Ledger
from netmon_collector.reachability.standing import Standing
from netmon_collector.reachability.telling import Chronicler, note_series, worth_keeping
from netmon_collector.reachability.ways import Ways
from netmon_collector.reachability.witnesses import Kind
from netmon_collector.repeat import keep_at
from netmon_collector.rules.writing import Ledger as Results
from netmon_collector.state.events import NewEvent
from netmon_collector.topology.graph import Graph
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.reachability")

EVERY_S: Final = 5.0
ASK_AGAIN_MS: Final = 10_000
"""A device in doubt is asked again no sooner than that."""

Chronicle = Callable[[Sequence[NewEvent]], Awaitable[None]]
"""Takes what happened into the log of events; raises nothing."""


Keep = Callable[[Mapping[str, Standing | None]], Awaitable[None]]
"""Takes what a restart must not make new; raises nothing."""


class Watch:
    """All devices of a fleet.

    chronicle: takes each change, with its evidence. serviced: which of some devices are in maintenance at a time, in
    Unix milliseconds. The rest is what `Hearing` needs.
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
        keep: Keep,
    ) -> None:
        self._results = results
        self._graph = graph
        self._ways = Ways()
        self._serviced = serviced
        self._poll_now = poll_now
        self._now_ms = now_ms
        self._asked_ms: dict[str, int] = {}
        self.ledger = ledger
        self._hearing = Hearing(ledger, fleet, newest, check_interval_ms, here)
        self._chronicle = chronicle
        self._chronicler = Chronicler(ledger.standings)
        self._keep = keep

    async def run(self) -> None:
        """Until cancelled."""
        await keep_at(
            self.look,
            EVERY_S,
            failing=lambda error: log.error("reachability.broken", error=error),
            recovered=lambda: log.info("reachability.recovered"),
        )

    async def look(self) -> None:
        """One beat."""
        now_ms = self._now_ms()
        graph = self._ways.follow(self._graph(), self.ledger.troubled(), now_ms)
        devices = await self._hearing.hear(graph)
        judgement = self.ledger.judge(now_ms, graph, self._serviced(devices, now_ms))
        self._log(judgement)
        await self._chronicle(list(self._chronicler.entries(judgement, now_ms)))
        self._chronicler.forget(self.ledger.standings)
        await self._keep(worth_keeping(judgement))
        self._ask_again(judgement, now_ms)
        note_series(self.ledger, self._results, now_ms)
        await self._results.flush()

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
