"""The checks that this agent makes for the collector, beside those of its own file."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from netmon_agent.assigned.check import LONGEST_TEXT, AssignedInput, title_of
from netmon_agent.clock import Clock
from netmon_agent.icmp.pinger import Pinger
from netmon_agent.inputs.checks.ping import share_socket
from netmon_agent.inputs.checks.reach import Reach
from netmon_agent.polling.kept import Kept
from netmon_agent.polling.outbox import Outbox
from netmon_agent.schedule import Scheduler
from netmon_configs.load import ConfigError
from netmon_configs.logs import EventLog
from netmon_proto.model import AssignedCheck, CheckOutcome, CheckReport

log = EventLog("netmon.agent.assigned")

MOST_CHECKS: Final = 2_000
MOST_AT_ONCE: Final = 50
"""Of more that are new together each waits for its moment: a thousand handshakes at once would all be slow."""


class Checker:
    """Has the scheduler make what is assigned. It outlives restarts, so that a collector which is away changes nothing.

    The series of a check are this agent's own, told apart from those of its file by the label `check`.
    """

    def __init__(
        self,
        kept: Kept[AssignedCheck],
        scheduler: Scheduler,
        outbox: Outbox,
        pinger: Pinger,
        clock: Clock,
        reach: Reach,
    ) -> None:
        """`reach` is what assigned checks may ask."""
        self._kept = kept
        self._scheduler = scheduler
        self._outbox = outbox
        self._pinger = pinger
        self._clock = clock
        self._reach = reach
        self._checks: dict[str, AssignedCheck] = {}
        self._made: set[str] = set()
        self._changes = asyncio.Lock()

    async def run(self) -> None:
        """Goes on with the checks of the last run; until cancelled."""
        try:
            async with self._changes:
                if not self._checks:
                    await self._take_on(await asyncio.to_thread(self._kept.read), are_new=False)
            await asyncio.Event().wait()
        finally:
            self._pinger.close()

    async def assign(self, checks: Sequence[AssignedCheck]) -> None:
        """Makes these checks and no others. One that is as before goes on; a new one is made at once."""
        checks = checks[:MOST_CHECKS]
        async with self._changes:
            if self._checks == {one.name: one for one in checks}:
                return
            await asyncio.to_thread(self._kept.write, checks)
            await self._take_on(checks, are_new=True)

    async def _take_on(self, checks: Sequence[AssignedCheck], *, are_new: bool) -> None:
        wanted = {one.name: one for one in checks}
        for name in [name for name, before in self._checks.items() if wanted.get(name) != before]:
            await self._drop(name, ends=name not in wanted)
        new = wanted.keys() - self._checks.keys()
        for name in new:
            self._start(wanted[name], is_new=are_new and len(new) <= MOST_AT_ONCE)
        if checks:
            log.info("checks.taken", checks=len(checks))

    def _start(self, assigned: AssignedCheck, *, is_new: bool) -> None:
        from netmon_agent.assigned.options import check_of  # what it takes is loaded when there is a check

        self._checks[assigned.name] = assigned
        try:
            check = check_of(json.loads(assigned.options))
        except (ConfigError, ValueError) as error:  # of a newer collector
            self._refuse(assigned, f"this agent's version of netmon cannot make it: {error}")
            return
        share_socket([check], self._pinger)
        self._scheduler.add(AssignedInput.of(assigned, check, self._outbox.report, self._reach), is_due=is_new)
        self._made.add(assigned.name)

    def _refuse(self, assigned: AssignedCheck, why: str) -> None:
        now_ms, told = self._clock.now_ms(), why[:LONGEST_TEXT]
        log.warning("check.refused", check=assigned.name, error=told)
        self._outbox.report(CheckReport(assigned.name, assigned.revision, now_ms, CheckOutcome.BROKEN, told))

    async def _drop(self, name: str, *, ends: bool) -> None:
        del self._checks[name]
        if name in self._made:
            self._made.discard(name)
            await self._scheduler.drop(title_of(name), ends=ends)
        if ends:
            self._outbox.forget_check(name)
