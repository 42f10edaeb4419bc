"""What one witness says of a device, and what that is worth by now. Pure, without a clock."""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """How a device is seen."""

    AGENT = "agent"
    """Its own agent sends. Silence is all that tells of a fault."""
    ICMP = "icmp"
    SNMP = "snmp"
    TCP = "tcp"
    NEIGHBOUR = "neighbour"
    """The port of a neighbour that leads to it; that such a port is up says little, that it is down a lot."""
    ARP = "arp"
    """A router has just seen its address. Nobody is asked, so that silence says nothing."""


DIRECT = frozenset({Kind.AGENT, Kind.ICMP, Kind.SNMP, Kind.TCP})
"""Those that can tell alone that a device is down."""


class Witness(NamedTuple):
    """by: the poller that asks, the neighbour and its port, or the collector that an agent sends to."""

    kind: Kind
    by: str
    interval_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    """All that counts of what a witness has told. Times are Unix milliseconds.

    ok_ms: when it last went well. failures: how often in a row it did not, since failing_ms.
    """

    last_ms: int | None = None
    ok_ms: int | None = None
    failures: int = 0
    failing_ms: int | None = None


class Verdict(Enum):
    """What a witness's account comes to."""

    WELL = "well"
    DOUBT = "doubt"
    ILL = "ill"
    MUTE = "mute"
    """It has told nothing for long, so that it has no say."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much it takes to be believed.

    failures: of a probe in a row; supported_failures: where another witness says the same. intervals: of silence, after
    which an agent is gone, agent_ms at least; and after which a poller has no say. fresh_ms: how long ARP counts.
    """

    failures: int = 3
    supported_failures: int = 2
    intervals: float = 3.0
    agent_ms: int = 30_000
    fresh_ms: int = 60_000


def told(before: Account, ok: bool, at_ms: int) -> Account:
    """The account after another word; one that comes late changes nothing."""
    has_told = before.ok_ms is not None or before.failures > 0
    if has_told and before.last_ms is not None and at_ms <= before.last_ms:
        return before
    if ok:
        return Account(at_ms, at_ms)
    failing_ms = at_ms if before.failing_ms is None else before.failing_ms
    return replace(before, last_ms=at_ms, failures=before.failures + 1, failing_ms=failing_ms)


def forgiven(witness: Witness, account: Account, now_ms: int) -> Account:
    """The account of a witness that could not see: what it missed meanwhile does not count."""
    if witness.kind is Kind.AGENT:
        return replace(account, last_ms=now_ms)
    return replace(account, failures=0, failing_ms=None)


def verdict(witness: Witness, account: Account, now_ms: int, patience: Patience, *, supported: bool = False) -> Verdict:
    """What an account is worth now. supported: whether another witness speaks against the device too."""
    if account.last_ms is None:
        return Verdict.MUTE
    silent_ms = now_ms - account.last_ms
    match witness.kind:
        case Kind.AGENT:
            gone_ms = max(patience.intervals * witness.interval_ms, patience.agent_ms)
            if silent_ms > gone_ms:
                return Verdict.ILL
            is_well = account.ok_ms is not None and silent_ms <= 1.5 * witness.interval_ms
            return Verdict.WELL if is_well else Verdict.DOUBT
        case Kind.ARP:
            return Verdict.WELL if account.ok_ms is not None and silent_ms <= patience.fresh_ms else Verdict.MUTE
    if silent_ms > (patience.intervals + 1) * witness.interval_ms:
        return Verdict.MUTE
    if not account.failures:
        return Verdict.WELL
    if witness.kind is Kind.NEIGHBOUR:
        return Verdict.ILL
    enough = patience.supported_failures if supported else patience.failures
    return Verdict.ILL if account.failures >= enough else Verdict.DOUBT


def name_of(witness: Witness) -> str:
    """A witness as people call it."""
    match witness.kind:
        case Kind.AGENT:
            return "agent"
        case Kind.NEIGHBOUR:
            return f"neighbour {witness.by}"
    return f"{witness.kind} from {witness.by}"


def evidence(witness: Witness, account: Account, found: Verdict, now_ms: int) -> str:
    """One line for people."""
    who = name_of(witness)
    if account.last_ms is None:
        return f"{who}: has told nothing yet"
    last_s = (now_ms - account.last_ms) / 1000
    match found:
        case Verdict.WELL if witness.kind is Kind.NEIGHBOUR:
            return f"{who}: its port was up {last_s:.0f} s ago"
        case Verdict.WELL:
            return f"{who}: seen {last_s:.0f} s ago"
        case Verdict.MUTE:
            return f"{who}: has told nothing for {last_s:.0f} s"
    if witness.kind is Kind.AGENT:
        return f"{who}: silent for {last_s:.0f} s"
    if witness.kind is Kind.NEIGHBOUR:
        return f"{who}: its port is down"
    since_s = (now_ms - (account.failing_ms or account.last_ms)) / 1000
    tries = "try" if account.failures == 1 else "tries"
    return f"{who}: no answer to {account.failures} {tries} in {since_s:.0f} s"
