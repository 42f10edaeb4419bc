"""Overrides of schedules that people make while all goes on: who stands in from when until when."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from netmon_collector.alerts.schedule import Override, Schedule

MOST: Final = 1000
LONGEST_MS: Final = 366 * 86_400_000


class NoOverride(ValueError):
    """An override cannot be; says why."""


@dataclass(frozen=True, slots=True)
class OnCallOverride:
    """`receiver` is on call by a schedule from a time until another, Unix milliseconds, whoever's turn it is."""

    id: str
    schedule: str
    receiver: str
    starts_ms: int
    ends_ms: int
    created_by: str
    comment: str
    created_ms: int


class Overrides:
    """All that people made, those that are over too, in the order in which they were made."""

    def __init__(self, overrides: Iterable[OnCallOverride] = ()) -> None:
        self._overrides = {one.id: one for one in sorted(overrides, key=lambda one: one.created_ms)}

    def all(self) -> Mapping[str, OnCallOverride]:
        return self._overrides

    def applied(self, schedule: Schedule, receivers: Container[str]) -> Schedule:
        """A schedule with its overrides, which count before those of the file. Those for whom is not among the
        receivers any more do not count: somebody else is to be told."""
        further = tuple(
            Override(one.receiver, one.starts_ms, one.ends_ms)
            for one in self._overrides.values()
            if one.schedule == schedule.name and one.receiver in receivers
        )
        return replace(schedule, overrides=(*schedule.overrides, *further)) if further else schedule

    def check(self, wanted: OnCallOverride, now_ms: int) -> None:
        """Raises NoOverride for one that cannot be."""
        if wanted.ends_ms <= wanted.starts_ms:
            raise NoOverride("an override must end after it starts")
        if wanted.ends_ms <= now_ms:
            raise NoOverride("an override must not end in the past")
        if wanted.ends_ms - wanted.starts_ms > LONGEST_MS:
            raise NoOverride("an override lasts 366 days at most; what is to last belongs into the schedule")
        if sum(one.ends_ms > now_ms for one in self._overrides.values()) >= MOST:
            raise NoOverride(f"there are {MOST} overrides already; end some")

    def ended(self, override_id: str, now_ms: int) -> OnCallOverride:
        """One as it is when it ends now; one that is over stays as it is. Raises KeyError."""
        one = self._overrides[override_id]
        return one if one.ends_ms <= now_ms else replace(one, starts_ms=min(one.starts_ms, now_ms), ends_ms=now_ms)

    def keep(self, override: OnCallOverride) -> None:
        """Goes by a new one, or one that has changed."""
        self._overrides[override.id] = override

    def forget_before(self, at_ms: int) -> list[str]:
        """Drops those that ended before a time; their ids."""
        gone = [one.id for one in self._overrides.values() if one.ends_ms < at_ms]
        for override_id in gone:
            del self._overrides[override_id]
        return gone
