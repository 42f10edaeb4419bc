"""What time it is for all that deletes what is old: not what a clock says that has jumped, until it has lasted."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from netmon_collector.store.base import StoreError
from netmon_collector.store.durable import new_file
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.clock")

TOLERATED_MS: Final = 86_400_000
"""The clock may be elsewhere by so much at once: machines are switched off for a night, or paused."""
CONFIRMED_MS: Final = 7 * 86_400_000
"""What a clock says that has jumped counts after the collector has run for so long."""
FILE: Final = "clock.json"
CONFIRMATION: Final = "clock-is-right"
"""Who makes a file of this name in the state folder says that the clock is right."""


class BelievedTime:
    """Goes on as a clock that never steps, and with the wall's clock as long as that is near.

    What is believed outlives a restart: the newest samples do not tell it, since they have the times of a wrong clock.
    """

    def __init__(
        self, folder: Path, newest_ms: int | None, now_ms: Callable[[], int], running_ms: Callable[[], int]
    ) -> None:
        """newest_ms: the time of the newest sample, which counts where nothing is known yet."""
        self._folder = folder
        self._now_ms = now_ms
        self._running_ms = running_ms
        known_ms = now_ms() if newest_ms is None else min(newest_ms, now_ms())
        self._believed_ms, self._off_ms, self._doubted_ms = _kept(folder) or (known_ms, 0, 0)
        away_ms = now_ms() - self._believed_ms - self._off_ms
        self._at_ms = running_ms() - (away_ms if 0 <= away_ms <= TOLERATED_MS else 0)  # a night off is as if it had run

    @property
    def off_ms(self) -> int:
        """By how much the clock is ahead of what is believed; 0 where it is believed."""
        return self._off_ms

    def now_ms(self) -> int:
        """The time, or an earlier one: nothing is old by what a clock says that nobody has confirmed."""
        now_ms, expected_ms = self._now_ms(), self._expected_ms()
        return expected_ms if now_ms - expected_ms > TOLERATED_MS else now_ms

    def look(self) -> None:
        """Compares both clocks; to be called every now and then."""
        now_ms, running_ms = self._now_ms(), self._running_ms()
        passed_ms = running_ms - self._at_ms
        expected_ms = self._believed_ms + passed_ms
        off_ms = now_ms - expected_ms
        self._doubted_ms += passed_ms if self._off_ms else 0
        confirmation = self._folder / CONFIRMATION
        if abs(off_ms) <= TOLERATED_MS or self._doubted_ms >= CONFIRMED_MS or confirmation.exists():
            if self._off_ms:
                log.info("clock.believed", now_ms=now_ms)
            believed_ms, self._off_ms, self._doubted_ms = now_ms, 0, 0
        else:
            if not self._off_ms:
                log.warning(
                    "clock.doubted",
                    ahead_s=off_ms // 1000,
                    consequence="nothing is deleted for its age by this clock before the collector has run for a week",
                    if_it_is_right=f"touch {confirmation}",
                )
            believed_ms, self._off_ms = expected_ms, off_ms
        self._believed_ms, self._at_ms = believed_ms, running_ms
        with suppress(StoreError, OSError):  # a disk that is full is told of elsewhere, and this is written again
            self._keep()
            confirmation.unlink(missing_ok=True)

    def _expected_ms(self) -> int:
        return self._believed_ms + self._running_ms() - self._at_ms

    def _keep(self) -> None:
        kept = {"believed_ms": self._believed_ms, "ahead_ms": self._off_ms, "doubted_for_ms": self._doubted_ms}
        with new_file(self._folder / FILE) as file:
            file.write(json.dumps(kept).encode())


def tell_in(registry: CollectorRegistry, believed: BelievedTime) -> None:
    """Has the collector's own metrics tell of it."""
    told = Gauge(
        "netmon_clock_doubted_seconds",
        "By how much the clock is ahead of the time by which what is old is deleted; 0 where it is believed.",
        registry=registry,
    )
    told.set_function(lambda: believed.off_ms / 1000)


def ahead_ms(folder: Path) -> int:
    """By how much the clock is ahead of what the collector of a state folder believes, as it wrote down last."""
    kept = _kept(folder)
    return kept[1] if kept else 0


def _kept(folder: Path) -> tuple[int, int, int] | None:
    try:
        kept = json.loads((folder / FILE).read_bytes())
        return int(kept["believed_ms"]), int(kept["ahead_ms"]), int(kept["doubted_for_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
