"""One device, polled again and again: never twice at once, and never at another device's cost."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from netmon_agent.batcher import Batcher
from netmon_agent.clock import Clock
from netmon_agent.columns import DuplicateSeries
from netmon_agent.inputs.base import Reading
from netmon_agent.polling.asking import Asking, DeviceDown, distinct
from netmon_agent.polling.newcomers import Newcomers
from netmon_agent.polling.outbox import Outbox
from netmon_agent.schedule import next_tick_ms, phase_ms
from netmon_configs.logs import EventLog
from netmon_proto.model import DeviceFacts, DeviceReport, Job

if TYPE_CHECKING:
    from netmon_agent.snmp.findings import Findings

log = EventLog("netmon.agent.polling")

JOB = "snmp"
LONGEST_TEXT = 1024
FACTS_INTERVAL_MS = 600_000
MOST_PORTS = 64
"""More that are wanted at once are polled with all of the device."""


class Watch:
    """Polls a device at the same phase of every interval, in one task: a slow poll delays itself alone."""

    def __init__(
        self,
        job: Job,
        asking: Asking,
        slots: asyncio.Semaphore,
        newcomers: Newcomers,
        batcher: Batcher,
        clock: Clock,
        outbox: Outbox,
        seed: str,
    ) -> None:
        """`seed` decides when within its intervals the device is polled."""
        self.job = job
        self._asking = asking
        self._slots = slots
        self._newcomers = newcomers
        self._batcher = batcher
        self._clock = clock
        self._outbox = outbox
        self._phase_ms = phase_ms(seed, job.interval_ms)
        self._facts_interval_ms = job.facts_interval_ms or FACTS_INTERVAL_MS
        self._facts_phase_ms = phase_ms(f"{seed} facts", self._facts_interval_ms)
        self._facts_due_ms = 0
        self._wanted = asyncio.Event()
        self._all_wanted = False
        self._ports: set[int] = set()
        self._port_titles: set[str] = set()
        self._told: DeviceReport | None = None
        self._trouble = ""
        self._broken = False

    async def run(self, at_once: bool) -> None:
        """Polls until cancelled, the first time when its time comes, or `at_once`, when it is admitted."""
        last_ms = -self.job.interval_ms
        if at_once:
            async with self._newcomers.admitted():
                last_ms = await self._poll_all(None)
        else:  # a device that is remembered tells its facts in its own time, or all would do so after a restart
            self._plan_facts(self._clock.now_ms())
        while True:
            now_ms = self._clock.now_ms()
            tick_ms = next_tick_ms(now_ms, self.job.interval_ms, self._phase_ms, last_ms)
            is_wanted = await self._wait((tick_ms - now_ms) / 1000)
            if is_wanted and not self._all_wanted:
                async with self._slots:
                    await self._poll_ports()
                continue
            last_ms = await self._poll_all(None if is_wanted else tick_ms)

    def poll_now(self, is_afresh: bool = False) -> None:
        """Ends the wait for the next poll, and for the time when credentials may be tried again."""
        if is_afresh:
            self._asking.look_afresh()
        self._asking.try_again()
        self._want_all()

    def poll_ports(self, indexes: Iterable[int]) -> None:
        """Has some ports polled at once, and the facts of the device with its next poll."""
        self._ports.update(indexes)
        if len(self._ports) > MOST_PORTS:
            self._want_all()
        self._wanted.set()

    def retire(self) -> None:
        """Ends the device's series."""
        for title in (*self._port_titles, self._title):
            self._batcher.put(title, JOB, self._clock.now_ms(), [], self.job.device)

    def _want_all(self) -> None:
        self._all_wanted = True
        self._wanted.set()

    @property
    def _title(self) -> str:
        return f"{JOB}:{self.job.device}"

    async def _wait(self, pause_s: float) -> bool:
        """Waits for the next poll's time; whether it is wanted earlier."""
        try:
            async with asyncio.timeout(max(pause_s, 0.0)):
                await self._wanted.wait()
        except TimeoutError:
            return False
        self._wanted.clear()
        return True

    async def _poll_all(self, tick_ms: int | None) -> int:
        """Polls the device, as its time has come or, without one, as somebody wants it; from when that counts."""
        async with self._slots:
            is_wanted, self._all_wanted = tick_ms is None or self._all_wanted, False
            self._wanted.clear()
            self._ports.clear()  # they are in what is polled now
            last_ms = self._clock.now_ms() if tick_ms is None else tick_ms
            await self._poll(is_wanted)
            return last_ms

    async def _poll_ports(self) -> None:
        """Polls the ports that are wanted; where that cannot be, all of the device, which tells why."""
        ports, self._ports = sorted(self._ports), set()
        now_ms, self._facts_due_ms = self._clock.now_ms(), 0
        try:
            async with asyncio.timeout(self.job.interval_ms / 1000):
                found = await self._asking.ask_ports(time.monotonic(), ports)
        except (TimeoutError, DeviceDown):
            self._want_all()
            return
        except Exception as error:  # noqa: BLE001 - one device that breaks its poll must not stop the others
            log.warning("device.ports_broken", device=self.job.device, error=repr(error))
            self._want_all()
            return
        for port, readings in found.items():
            # A gather of its own: in that of the whole device, what is not in it would have come to an end.
            title = f"{self._title}:{port}"
            self._port_titles.add(title)
            self._put(title, now_ms, readings)

    async def _poll(self, is_wanted: bool) -> None:
        readings: list[Reading] = []
        now_ms, started_s = self._clock.now_ms(), time.monotonic()
        try:
            async with asyncio.timeout(self.job.interval_ms / 1000):
                found = await self._ask(started_s, now_ms, is_wanted)
        except TimeoutError:
            report = self._down(now_ms, "its answers took longer than the interval")
        except DeviceDown as down:
            report = self._down(now_ms, str(down))
        except Exception as error:  # noqa: BLE001 - one device that breaks its poll must not stop the others
            report = self._down(now_ms, f"its poll failed: {type(error).__name__}")
            if not self._broken:
                log.warning("device.poll_broken", device=self.job.device, error=repr(error))
            self._broken = True
        else:
            report, readings = (
                self._with_standing_trouble(_report(self.job.device, now_ms, found), found),
                found.readings,
            )
            self._broken = False
            self._tell_facts(found, now_ms)
        own = [
            Reading("snmp_up", {}, float(report.answered)),
            Reading("snmp_poll_duration_seconds", {}, time.monotonic() - started_s),
        ]
        self._put(self._title, now_ms, [*own, *readings])
        self._say(report, is_wanted)

    async def _ask(self, started_s: float, now_ms: int, is_wanted: bool) -> "Findings":
        """Asks for everything where that is wanted or due. What is due waits for a poll when there is room for it."""
        overdue_ms = now_ms - self._facts_due_ms
        is_due = overdue_ms >= 0 or overdue_ms < -2 * self._facts_interval_ms  # the clock was set back
        if not is_wanted and is_due and overdue_ms < self._facts_interval_ms:
            if not self._newcomers.has_room:
                return await self._asking.ask(started_s, False)
            async with self._newcomers.admitted():
                return await self._asking.ask(started_s, True)
        return await self._asking.ask(started_s, is_wanted or is_due)

    def _tell_facts(self, found: "Findings", now_ms: int) -> None:
        if found.facts is not None and found.answered:
            self._outbox.facts(DeviceFacts(self.job.device, now_ms, found.facts))
            self._plan_facts(now_ms)

    def _with_standing_trouble(self, report: DeviceReport, found: "Findings") -> DeviceReport:
        """A poll that reads metrics alone does not meet what troubles the reading of facts, which is still there."""
        if found.facts is not None:
            self._trouble = report.trouble
        return report if report.trouble or not report.answered else replace(report, trouble=self._trouble)

    def _plan_facts(self, now_ms: int) -> None:
        self._facts_due_ms = next_tick_ms(now_ms, self._facts_interval_ms, self._facts_phase_ms, now_ms)

    def _put(self, title: str, now_ms: int, readings: list[Reading]) -> None:
        try:
            self._batcher.put(title, JOB, now_ms, readings, self.job.device)
        except DuplicateSeries:
            self._batcher.put(title, JOB, now_ms, distinct(readings), self.job.device)

    def _down(self, now_ms: int, why: str) -> DeviceReport:
        return DeviceReport(self.job.device, now_ms, False, why[:LONGEST_TEXT])

    def _say(self, report: DeviceReport, is_wanted: bool) -> None:
        """Reports what is new. The words of a trouble may change at every poll; that there is one is what counts."""
        before, self._told = self._told, report
        if before is not None and not is_wanted and _gist(before) == _gist(report):
            return
        if before is None or before.answered != report.answered:
            log.info("device.state", device=report.device, answered=report.answered, why=report.trouble)
        self._outbox.report(report)


def _gist(report: DeviceReport) -> DeviceReport:
    return replace(report, time_ms=0, trouble="some" if report.trouble else "")


def _report(device: str, now_ms: int, found: "Findings") -> DeviceReport:
    who = found.identity
    troubles = "; ".join(f"{one.part}: {one.text}" for one in found.troubles)
    if not found.answered:
        return DeviceReport(device, now_ms, False, (troubles or "no answer")[:LONGEST_TEXT])
    texts = {
        name: getattr(who, name)[:LONGEST_TEXT]
        for name in "profile vendor os model version serial object_id name descr location contact".split()
    }
    return DeviceReport(device, now_ms, True, troubles[:LONGEST_TEXT], **texts)
