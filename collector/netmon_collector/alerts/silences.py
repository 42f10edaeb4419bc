"""Silences: who said that nobody is to be told of some alerts, from when until when, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from netmon_collector.alerts.matching import Matcher, matches_all


class SilenceState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class NoSilence(ValueError):
    """A silence cannot be, or is not there; says why."""


@dataclass(frozen=True, slots=True)
class Silence:
    """All matchers must match; at least one does not match the empty text. Times are Unix milliseconds."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at_ms: int
    ends_at_ms: int
    updated_at_ms: int
    created_by: str
    comment: str

    def state(self, now_ms: int) -> SilenceState:
        if now_ms < self.starts_at_ms:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now_ms < self.ends_at_ms else SilenceState.EXPIRED


class Silences:
    """All silences, in memory. What `plan` and `end` give counts once `keep` is told of it. The semantics are
    Alertmanager's."""

    def __init__(self, silences: Iterable[Silence] = ()) -> None:
        self._silences = {silence.id: silence for silence in silences}

    def all(self) -> Mapping[str, Silence]:
        return self._silences

    def muted_by(self, labels: Mapping[str, str], now_ms: int) -> list[str]:
        """Ids of the silences that are active for an alert at a time, sorted."""
        return sorted(
            silence.id
            for silence in self._silences.values()
            if silence.starts_at_ms <= now_ms < silence.ends_at_ms and matches_all(silence.matchers, labels)
        )

    def plan(self, wanted: Silence, new_id: str, now_ms: int) -> list[Silence]:
        """What a new silence, or a change of the one of that id, comes to: what changes, the wanted one last.

        One that is active keeps its matchers and its start, and one that is pending its matchers: where these differ,
        or where it is over, the old one ends now and the wanted one gets `new_id`. A new one never starts in the past.
        Raises NoSilence.
        """
        _check(wanted, now_ms)
        wanted = replace(wanted, updated_at_ms=now_ms)
        old = self._silences.get(wanted.id) if wanted.id else None
        if wanted.id and old is None:
            raise NoSilence(f"there is no silence {wanted.id}")
        if old is not None and _may_become(old, wanted, now_ms):
            return [wanted]
        changed = [] if old is None or old.state(now_ms) is SilenceState.EXPIRED else [ended(old, now_ms)]
        starts_at_ms = max(wanted.starts_at_ms, now_ms)
        return [*changed, replace(wanted, id=new_id, starts_at_ms=starts_at_ms)]

    def end(self, silence_id: str, now_ms: int) -> Silence:
        """A silence that ends now. Raises NoSilence where it is not there or over."""
        old = self._silences.get(silence_id)
        if old is None:
            raise NoSilence(f"there is no silence {silence_id}")
        if old.state(now_ms) is SilenceState.EXPIRED:
            raise NoSilence(f"silence {silence_id} is over already")
        return ended(old, now_ms)

    def keep(self, changed: Iterable[Silence]) -> None:
        """Goes by silences as they are now."""
        self._silences.update({silence.id: silence for silence in changed})

    def forget_before(self, at_ms: int) -> list[str]:
        """Drops those that ended before a time; their ids."""
        gone = [silence.id for silence in self._silences.values() if silence.ends_at_ms < at_ms]
        for silence_id in gone:
            del self._silences[silence_id]
        return gone


def ended(silence: Silence, now_ms: int) -> Silence:
    """A silence that ends now; one that had not begun begins and ends now."""
    starts_at_ms = min(silence.starts_at_ms, now_ms)
    return replace(silence, starts_at_ms=starts_at_ms, ends_at_ms=now_ms, updated_at_ms=now_ms)


def _check(wanted: Silence, now_ms: int) -> None:
    if not wanted.matchers:
        raise NoSilence("a silence needs a matcher")
    if all(matcher.matches({}) for matcher in wanted.matchers):
        raise NoSilence("a silence needs a matcher that does not match the empty text")
    if wanted.ends_at_ms <= wanted.starts_at_ms:
        raise NoSilence("a silence must end after it starts")
    if wanted.ends_at_ms <= now_ms:
        raise NoSilence("a silence must not end in the past")


def _may_become(old: Silence, wanted: Silence, now_ms: int) -> bool:
    if set(old.matchers) != set(wanted.matchers):
        return False
    match old.state(now_ms):
        case SilenceState.ACTIVE:
            return wanted.starts_at_ms == old.starts_at_ms
        case SilenceState.PENDING:
            return wanted.starts_at_ms >= now_ms
        case _:
            return False
