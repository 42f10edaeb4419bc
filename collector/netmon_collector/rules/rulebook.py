"""All rules at work: changed without losing what is known of their alerts, kept over restarts, told to whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from netmon_collector.rules.alerting import AlertingRule
from netmon_collector.rules.continuity import keys_of
from netmon_collector.rules.evaluation import GroupAtWork, Keeper, RuleAtWork, Surroundings
from netmon_collector.rules.life import Active, restored
from netmon_collector.rules.model import Group, Rule
from netmon_collector.rules.sources import Sources
from netmon_configs.logs import EventLog
from netmon_configs.mistakes import Mistake
from netmon_proto.model import Labels

log = EventLog("netmon.collector.rulebook")

LOOK_EVERY_S: Final = 10.0
"""How soon a changed file is noticed."""
SETTLES_S: Final = 1.0
"""A file is read when it was left alone for so long: editors write in two steps, or remove what they write anew."""
MOST_PAUSES: Final = 10
"""One that is written all the time is read nevertheless."""


class Memory(Keeper, Protocol):
    """What a restart does not take away; calls that are no coroutines block on the database."""

    def all(self) -> dict[str, list[Active]]: ...

    def last_ms(self) -> int | None: ...

    async def mark(self, now_ms: int) -> None: ...


class Rulebook:
    """The groups of all files. Belongs to one event loop."""

    def __init__(
        self,
        sources: Sources,
        surroundings: Surroundings,
        memory: Memory,
        now_ms: Callable[[], int],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sources = sources
        self._around = surroundings
        self._memory = memory
        self._now_ms = now_ms
        self._pause = pause
        self._groups: dict[str, GroupAtWork] = {}
        self._kept: dict[str, dict[Labels, Active]] = {}
        self._told: list[str] = []
        self._changes = asyncio.Lock()

    @property
    def groups(self) -> list[GroupAtWork]:
        """All groups, sorted by file, in each as they stand there."""
        return list(self._groups.values())

    @property
    def mistakes(self) -> list[Mistake]:
        """What is wrong with rule files as they are now."""
        return self._sources.mistakes

    @property
    def interval_ms(self) -> int:
        return self._around.interval_ms

    async def start(self) -> None:
        """Takes up what was known before a restart, and reads the rules."""
        kept, last_ms = await asyncio.to_thread(lambda: (self._memory.all(), self._memory.last_ms()))
        away_ms = max(0, self._now_ms() - last_ms) if last_ms is not None else 0
        self._kept = {
            rule: {alert.labels: restored(alert, away_ms) for alert in alerts} for rule, alerts in kept.items()
        }
        await self._read()
        await self._forget_unclaimed()

    async def reload(self) -> None:
        """Reads what has changed of the rules, once nobody writes there any more, and works with that from now on."""
        news = await asyncio.to_thread(self._sources.news)
        for _ in range(MOST_PAUSES if news else 0):
            await self._pause(SETTLES_S)
            before, news = news, await asyncio.to_thread(self._sources.news)
            if news == before:
                break
        await self._read()

    async def _read(self) -> None:
        async with self._changes:
            if await asyncio.to_thread(self._sources.look):
                await self._replace([group for file in self._sources.files.values() for group in file.groups])
            self._tell_mistakes()

    async def run(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Looks after changed files, and notes how far rules were evaluated, until cancelled."""
        while True:
            await self.reload()
            await self._memory.mark(self._now_ms())
            await sleep(LOOK_EVERY_S)

    def rules(self) -> Iterator[tuple[GroupAtWork, RuleAtWork]]:
        for group in self._groups.values():
            for rule in group.rules:
                yield group, rule

    async def _replace(self, groups: Sequence[Group]) -> None:
        before = {rule.key: rule for group in self._groups.values() for rule in group.rules}
        known = {key: one.rule for key, one in before.items()}
        kept = {key: list(alerts) for key, alerts in self._kept.items()}
        after: dict[str, GroupAtWork] = {}
        for group in groups:
            old = self._groups.get(group.key)
            if old is not None and old.group == group:
                after[group.key] = old
                continue
            keys = keys_of(group, known, kept)
            rules = [
                self._at_work(key, rule, group, before.get(key)) for key, rule in zip(keys, group.rules, strict=True)
            ]
            after[group.key] = GroupAtWork(group, rules, self._around, old)
        self._groups = after
        left = {rule.key for group in after.values() for rule in group.rules}
        for key, rule in before.items():
            if key not in left:
                await self._end(rule)
        await self._around.ledger.flush()
        log.info("rules.loaded", groups=len(after), rules=len(left))

    def _at_work(self, key: str, rule: Rule, group: Group, before: RuleAtWork | None) -> RuleAtWork:
        if not rule.is_alert:
            return RuleAtWork(key, rule, None) if before is None else RuleAtWork(key, rule, None, before.history)
        alerting = AlertingRule(rule, group.limit)
        if before is not None and before.alerting is not None:
            alerting.active = before.alerting.active
            return RuleAtWork(key, rule, alerting, before.history)
        alerting.active = self._kept.pop(key, {})
        self._around.ledger.resume(key, [labels for labels, _ in alerting.series()])
        return RuleAtWork(key, rule, alerting)

    async def _end(self, rule: RuleAtWork) -> None:
        """A rule is no more: its alerts are over, and so are its series."""
        now_ms = self._now_ms()
        self._around.ledger.end([rule.key], now_ms)
        if rule.alerting is None or not rule.alerting.active:
            return
        rule.alerting.rule = replace(rule.rule, keep_firing_for_ms=0)
        gone = [(rule.key, alert) for alert in rule.alerting.active.values()]
        rule.alerting.live({}, now_ms)
        group = GroupAtWork(Group("", ""), [], self._around)
        await group.hand_on(rule.alerting, now_ms)
        await self._memory.keep([], gone)

    async def _forget_unclaimed(self) -> None:
        """Ends what was kept of rules that are gone since."""
        unclaimed, self._kept = self._kept, {}
        for key, active in unclaimed.items():
            rule = Rule(key.split(";")[-2], "vector(0)", is_alert=True)
            alerting = AlertingRule(rule)
            alerting.active = active
            self._around.ledger.resume(key, [labels for labels, _ in alerting.series()])
            await self._end(RuleAtWork(key, rule, alerting))
        await self._around.ledger.flush()

    def _tell_mistakes(self) -> None:
        """Tells of each mistake once, when it appears."""
        told = [str(mistake) for mistake in self._sources.mistakes]
        for text in told:
            if text not in self._told:
                log.error("rules.mistake", mistake=text, consequence="the rules of this file stay as they were")
        self._told = told
