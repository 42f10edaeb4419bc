"""The way of an alert, from who raises it to the outbox."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.alerts.base import Alert, AlertsNotTaken, mended
from netmon_collector.alerts.decision import Decisions, Outcome
from netmon_collector.alerts.escalation import escalate, next_step_ms
from netmon_collector.alerts.groups import Due, Groups, as_of
from netmon_collector.alerts.incident import Incident
from netmon_collector.state.alerts import AlertBook
from netmon_collector.state.outbox import Outbox, Posted
from netmon_configs.logs import EventLog

GRACE_MS: Final = 300_000
"""After a start, or where time has passed unseen, nothing is over for want of news before this time: who raises alerts
begins at the same time."""

LONGEST_WAIT_S: Final = 60.0

log = EventLog("netmon.alerts")


class Notifier:
    """Takes alerts, decides who is told of them when, and puts that into the outbox. See base.AlertReceiver.

    What is decided is on disk before anybody may be told of it, and `post` hears of it only then.
    """

    def __init__(
        self,
        groups: Groups,
        decisions: Decisions,
        book: AlertBook,
        outbox: Outbox,
        post: Callable[[Sequence[Posted]], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._groups = groups
        self._decisions = decisions
        self._book = book
        self._outbox = outbox
        self._post = post
        self._now_ms = now_ms
        self._alerts: dict[str, Alert] = {}
        self._news = asyncio.Event()
        self._broken = False
        self._escalate_after_ms = 0

    def load(self) -> None:
        """Goes on where the last run ended: with its alerts, and with who was told of them."""
        now_ms = self._now_ms()
        decisions = self._decisions
        decisions.told.update(self._outbox.told())
        told = {fingerprint for one in decisions.told.values() for fingerprint in one.firing}
        for alert in self._book.alerts():
            self._enter(_awaited(alert, now_ms), now_ms, known=alert.fingerprint in told)
        self._book.drop_alerts(self._drop(alert for alert in self.alerts() if alert.resolved_at_ms is not None))

    def use(self, groups: Groups, decisions: Decisions) -> None:
        """Goes on with other routes, rules and endpoints; who was told what still holds."""
        decisions.told.update(self._decisions.told)
        self._groups, self._decisions = groups, decisions
        told = {fingerprint for one in decisions.told.values() for fingerprint in one.firing}
        now_ms = self._now_ms()
        for alert in list(self._alerts.values()):
            self._enter(alert, now_ms, known=alert.fingerprint in told)
        self._news.set()

    async def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Takes alerts as of a time; what is new is on disk when this returns. That something is over of which nobody
        knows here is nothing: it was told, and is said again for who has not heard it. Raises AlertsNotTaken."""
        taken: list[Alert] = []
        news: dict[str, Alert] = {}
        for alert in map(mended, alerts):
            fingerprint = alert.fingerprint
            known = news.get(fingerprint) or self._alerts.get(fingerprint)
            if known is None and alert.resolved_at_ms is not None:
                continue
            taken.append(alert)
            if _is_news(known, alert):
                news[fingerprint] = alert
        if news:
            try:
                await asyncio.to_thread(self._book.keep_alerts, list(news.values()))
            except SQLAlchemyError as error:
                raise AlertsNotTaken(f"alerts cannot be kept: {getattr(error, 'orig', None) or error}") from error
        for alert in taken:
            self._enter(alert, now_ms)
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            before_ms = self._now_ms()
            await self.look()
            next_ms = self.next_ms()
            wait_s = LONGEST_WAIT_S if next_ms is None else (next_ms - self._now_ms()) / 1000
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait_s, 0.0), LONGEST_WAIT_S)):
                    await self._news.wait()
            self._make_up(before_ms, self._now_ms())

    def _make_up(self, before_ms: int, now_ms: int) -> None:
        """Where the clock was set ahead or the machine stood still, has whoever raises alerts say so again first."""
        if now_ms - before_ms < 2 * LONGEST_WAIT_S * 1000:
            return
        for alert in list(self._alerts.values()):
            if as_of(alert, before_ms) == alert:
                self._enter(_awaited(alert, now_ms), now_ms)

    async def look(self) -> None:
        """Decides on all groups that are due. Where the database fails, they are due again at their next interval, and
        nobody has been told anything meanwhile."""
        now_ms = self._now_ms()
        incidents = self._decisions.incidents
        async with incidents.lock:
            await self._escalate(now_ms)
            dues = self._groups.flush(now_ms)
            decided = [self._decisions.decide(due) for due in dues]
            outcomes = [outcome for one in decided for outcome in one.outcomes]
            told = [one.notification for one in outcomes if one.notification is not None]
            held = [due.group.key for due, one in zip(dues, decided, strict=True) if one.is_held]
            present = {group.key for group in self._groups.all()}
            chains = {due.group.key: self._decisions.escalation(due) for due in dues}
            changed = incidents.plan(dues, told, held, present, chains, self._decisions.kinship, now_ms)
            if await self._keep(outcomes, changed):
                await self._forget(dues)

    async def _escalate(self, now_ms: int) -> None:
        """Has further receivers told of what nobody takes on, by having its groups looked at now. After a crash in
        between they are told when the groups are looked at next."""
        if now_ms < self._escalate_after_ms:
            return
        raised = escalate(self._decisions.incidents.all_open(), self._decisions.chains, now_ms)
        if raised and not await self._keep([], raised):
            self._escalate_after_ms = now_ms + round(LONGEST_WAIT_S * 1000)
            return
        self._groups.hurry((member.key for one in raised for member in one.members), now_ms)

    async def _keep(self, outcomes: Sequence[Outcome], incidents: Sequence[Incident]) -> bool:
        """Whether it is on disk; only then anybody hears of it."""
        if not outcomes and not incidents:
            return True
        try:
            posted = await asyncio.to_thread(self._outbox.keep_outcomes, outcomes, incidents)
        except SQLAlchemyError as error:
            if not self._broken:
                log.warning("alerts.not_kept", error=str(getattr(error, "orig", None) or error))
            self._broken = True
            return False
        if self._broken:
            log.info("alerts.kept_again")
            self._broken = False
        self._decisions.keep(outcomes)
        self._decisions.incidents.keep(incidents)
        self._post(posted)
        return True

    def next_ms(self) -> int | None:
        """When there is something to decide next."""
        group_ms = self._groups.next_ms()
        step_ms = next_step_ms(self._decisions.incidents.all_open(), self._decisions.chains)
        if step_ms is not None:
            step_ms = max(step_ms, self._escalate_after_ms)
        return min((one for one in (group_ms, step_ms) if one is not None), default=None)

    def alerts(self) -> list[Alert]:
        """All alerts of which somebody may still be told, sorted by labels."""
        return sorted(self._alerts.values(), key=lambda alert: alert.labels)

    @property
    def groups(self) -> Groups:
        return self._groups

    @property
    def decisions(self) -> Decisions:
        return self._decisions

    def _enter(self, alert: Alert, now_ms: int, *, known: bool = False) -> None:
        self._alerts[alert.fingerprint] = alert
        self._decisions.take(alert)
        self._groups.take(alert, now_ms, known=known)

    async def _forget(self, dues: Sequence[Due]) -> None:
        """Drops alerts that are over and of which everybody has been told."""
        for due in dues:
            self._groups.settle(due)
        gone = self._drop(one for due in dues for one in due.alerts if one.resolved_at_ms is not None)
        if gone:
            with suppress(SQLAlchemyError):  # they are found and dropped once more after a restart
                await asyncio.to_thread(self._book.drop_alerts, gone)

    def _drop(self, over: Iterable[Alert]) -> list[str]:
        """Forgets those alerts of some that are over that are in no group any more; their fingerprints."""
        waiting = {fingerprint for group in self._groups.all() for fingerprint in group.alerts}
        gone = {one.fingerprint: one for one in over if one.fingerprint not in waiting}
        for fingerprint, alert in gone.items():
            self._alerts.pop(fingerprint, None)
            self._decisions.take(alert)
        return sorted(gone)


def _awaited(alert: Alert, now_ms: int) -> Alert:
    """The same alert, not over for want of news for a while, where whoever raises it may just begin again."""
    if alert.valid_until_ms is None or alert.resolved_at_ms is not None:
        return alert
    return replace(alert, valid_until_ms=max(alert.valid_until_ms, now_ms + GRACE_MS))


def _is_news(known: Alert | None, alert: Alert) -> bool:
    """Whether an alert says something that a restart must not forget; that it goes on firing is not."""
    if known is None:
        return True
    return replace(alert, value=known.value, valid_until_ms=known.valid_until_ms) != known
