"""How a device stands, and how that changes: a pure state machine."""

from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    UP = "up"
    DEGRADED = "degraded"
    """Some witnesses see it, others do not."""
    DOWN = "down"
    UNREACHABLE = "unreachable"
    """Nobody can see it, because what stands between is down."""
    UNKNOWN = "unknown"
    """Nobody who could tell is left, or it is too early."""
    MAINTENANCE = "maintenance"


CODES = {state: float(number) for number, state in enumerate(State)}
"""The values of netmon_device_state."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """When coming and going is one fault.

    A device that is up again is so once it was for recover_ms; one that went down `flaps` times within window_ms, once
    it was for steady_ms.
    """

    recover_ms: int = 60_000
    flaps: int = 3
    window_ms: int = 3_600_000
    steady_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class Page:
    """That somebody is to be told. count: how often the device went down in that time."""

    since_ms: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How a device stands, since when and why.

    shadowed_by: what is down between it and who looks; shadow_ms: when it was behind something last. downs: when it
    went down lately. page: whether somebody is to be told, which outlives short recoveries.
    """

    state: State = State.UNKNOWN
    since_ms: int = 0
    evidence: tuple[str, ...] = ()
    shadowed_by: tuple[str, ...] = ()
    shadow_ms: int | None = None
    page: Page | None = None
    downs: tuple[int, ...] = ()

    @property
    def is_worth_keeping(self) -> bool:
        """Whether a restart must not make it new."""
        troubled = self.state in (State.DOWN, State.DEGRADED, State.UNREACHABLE)
        return troubled or self.page is not None or bool(self.downs)


def stood(before: Standing, after: Standing, now_ms: int, steadiness: Steadiness) -> Standing:
    """The standing after a judgement: `after` has state, evidence and shadow, and the rest follows."""
    changed = after.state is not before.state
    recent = tuple(one for one in before.downs if now_ms - one <= steadiness.window_ms)
    is_fall = before.state in (State.UP, State.DEGRADED) or before.page is None
    downs = (*recent, now_ms)[-100:] if changed and after.state is State.DOWN and is_fall else recent
    since_ms = now_ms if changed else before.since_ms
    page = _page(before, replace(after, since_ms=since_ms), downs, now_ms, steadiness)
    return replace(after, since_ms=since_ms, page=page, downs=downs)


def _page(
    before: Standing, after: Standing, downs: tuple[int, ...], now_ms: int, steadiness: Steadiness
) -> Page | None:
    is_fall = downs[-1:] == (now_ms,)
    match after.state:
        case State.DOWN if before.page is None:
            return Page(now_ms, len(downs) if len(downs) >= steadiness.flaps else 1)
        case State.DOWN:
            return replace(before.page, count=before.page.count + is_fall) if before.page else None
        case State.MAINTENANCE:
            return None
        case State.UNKNOWN | State.UNREACHABLE:
            return before.page  # nobody has seen it recover
    if before.page is None:
        return None
    needed_ms = steadiness.steady_ms if len(downs) >= steadiness.flaps else steadiness.recover_ms
    return before.page if now_ms - after.since_ms < needed_ms else None
