"""Looks at all that has an end, again and again: what is told of it, as series, as events and for whoever asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from netmon_collector.capacity.limits import Limited, Way
from netmon_collector.capacity.options import CapacityOptions
from netmon_collector.capacity.prospects import LATELY_MINUTES, Prospect, prospects
from netmon_collector.capacity.warnings import Warnings
from netmon_collector.query.engine import Engine
from netmon_collector.repeat import keep_at
from netmon_collector.rules.writing import Ledger
from netmon_collector.state.events import NewEvent
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.capacity")

WRITE_EVERY_S: Final = 60.0
STEP_MS: Final = 3_600_000
PART_MS: Final = 2 * 86_400_000
"""Asked for at once: weeks of tens of thousands of ports would take gigabytes."""
MINUTE_MS: Final = 60_000
JOB: Final = "capacity"
REST: Final = 20
"""After a look, at least so many times as long as it took is waited: it takes a twentieth of a processor at most."""


class Survey:
    """note: takes events. begins_ms: when history begins, if that is known. Times are Unix milliseconds."""

    def __init__(
        self,
        options: CapacityOptions,
        engine: Engine,
        results: Ledger,
        note: Callable[[Sequence[NewEvent]], Awaitable[None]],
        warnings: Warnings,
        now_ms: Callable[[], int],
        begins_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._options = options
        self._limited = options.all()
        self._engine = engine
        self._results = results
        self._note = note
        self._warnings = warnings
        self._now_ms = now_ms
        self._begins_ms = begins_ms
        self._rest_until_s = 0.0
        self._failing: set[Limited] = set()
        self.found: Sequence[Prospect] = ()
        """The soonest first; a new sequence after each look."""
        self.looked_ms: int | None = None

    @property
    def is_enabled(self) -> bool:
        return self._options.enabled

    def is_warned(self, prospect: Prospect) -> bool:
        """Whether it was told of as an event that was not taken back."""
        return self._warnings.is_told(prospect)

    async def run(self) -> None:
        """Until cancelled."""
        if not self.is_enabled:
            return
        await keep_at(
            self._keep,
            min(WRITE_EVERY_S, self._options.every_s),
            failing=lambda error: log.error("capacity.not_told", error=error),
            recovered=lambda: log.info("capacity.told_again"),
        )

    async def _keep(self) -> None:
        if time.monotonic() >= self._rest_until_s:
            began_s = time.monotonic()
            try:
                await self.look()
            finally:
                took_s = time.monotonic() - began_s
                self._rest_until_s = began_s + max(self._options.every_s, took_s * REST)
        await self.write()

    async def look(self) -> None:
        """Looks at everything once."""
        now_ms, begins_ms = self._now_ms(), self._begins_ms()
        back_ms = round(self._options.history_s * 1000)
        if begins_ms is not None:
            back_ms = min(back_ms, -(min(begins_ms - now_ms, 0) // STEP_MS) * STEP_MS)
        found: list[Prospect] = []
        for limited in self._limited:
            found += await self._found_of(limited, now_ms, back_ms)
        self.found = sorted(found, key=lambda one: (one.reached.middle_s, one.reached.low_s, one.labels))
        self.looked_ms = now_ms
        await self._note(self._warnings.look(self.found, now_ms))

    async def _found_of(self, limited: Limited, now_ms: int, back_ms: int) -> Sequence[Prospect]:
        """What is found now, or was before where that fails."""
        try:
            found = await self._look_at(limited, now_ms, back_ms)
        except Exception as error:  # noqa: BLE001 - what cannot be asked of one kind must not hide the others
            if limited not in self._failing:
                log.error("capacity.not_looked_at", what=limited.what, error=str(error) or type(error).__name__)
            self._failing.add(limited)
            return [one for one in self.found if one.limited == limited]
        if limited in self._failing:
            log.info("capacity.looked_at_again", what=limited.what)
        self._failing.discard(limited)
        return found

    async def _look_at(self, limited: Limited, now_ms: int, back_ms: int) -> list[Prospect]:
        if limited.way is Way.COUNTS_DOWN:
            back_ms = 0
        by_hours = [
            await self._engine.range(
                limited.expression, start_ms, min(start_ms + PART_MS - STEP_MS, now_ms), STEP_MS, may_be_kept=False
            )
            for start_ms in range(now_ms - back_ms, now_ms + 1, PART_MS)
        ]
        by_minutes = None
        if limited.way is Way.PILES_UP:
            by_minutes = await self._engine.range(
                limited.expression, now_ms - LATELY_MINUTES * MINUTE_MS, now_ms, MINUTE_MS, may_be_kept=False
            )
        return await asyncio.to_thread(lambda: list(prospects(limited, by_hours, by_minutes, now_ms / 1000)))

    async def write(self) -> None:
        """Writes down when what has a date runs out, counted from now, and of what there are events."""
        now_ms = self._now_ms()
        dated = [one for one in self.found if one.reached.low_s != float("inf")]
        fields = {"": "middle_s", "_low": "low_s", "_high": "high_s"}
        for end, field in fields.items():
            series = {
                _labels(f"netmon_exhaustion{end}_seconds", one): max(
                    getattr(one.reached, field) - (now_ms / 1000 - one.at_s), 0.0
                )
                for one in dated
            }
            self._results.note(f"{JOB}{end}", series, now_ms)
        warned = {_labels("netmon_exhaustion_soon", one): float(self.is_warned(one)) for one in dated}
        self._results.note(f"{JOB} soon", warned, now_ms)
        await self._results.flush()


def _labels(name: str, prospect: Prospect) -> Labels:
    own = {**dict(prospect.labels), "__name__": name, "job": JOB, "what": prospect.limited.what}
    return tuple(sorted(own.items()))
