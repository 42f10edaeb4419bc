"""What all witnesses together say of one device, each of them heard, before the network around it is looked at."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import Enum

from netmon_collector.reachability.witnesses import (
    DIRECT,
    Account,
    Kind,
    Patience,
    Verdict,
    Witness,
    evidence,
    name_of,
    verdict,
)


class Finding(Enum):
    """What witnesses agree on."""

    WELL = "well"
    MIXED = "mixed"
    """Some see it and some do not."""
    DOUBT = "doubt"
    """It may be ill; it is too early to tell."""
    ILL = "ill"
    MUTE = "mute"
    """Nobody who has a say is left."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """evidence: a line for each witness. ask_again: probes of which one more answer would tell."""

    finding: Finding
    evidence: tuple[str, ...] = ()
    ask_again: tuple[Witness, ...] = ()
    pollers: frozenset[str] = frozenset()
    """Those who say that it is ill, or may be."""


def opinion_of(
    accounts: Mapping[Witness, Account], now_ms: int, patience: Patience, blind: Set[str] = frozenset()
) -> Opinion:
    """What witnesses come to. blind: pollers that cannot see anything now, whose failures say nothing."""
    heard = {one: account for one, account in accounts.items() if one.by not in blind}
    first = {one: verdict(one, account, now_ms, patience) for one, account in heard.items()}
    if not blind and first and all(found is Verdict.WELL for found in first.values()):
        return Opinion(Finding.WELL)  # which is how nearly all devices are, nearly always
    against = [one for one, found in first.items() if found in (Verdict.ILL, Verdict.DOUBT)]
    found = {
        one: verdict(one, account, now_ms, patience, supported=any(other != one for other in against))
        for one, account in heard.items()
    }
    told = [evidence(one, accounts[one], found[one], now_ms) for one in sorted(found)]
    told += [f"{name_of(one)}: {one.by} sees nothing itself" for one in sorted(accounts) if one not in heard]
    doubts = tuple(one for one, which in found.items() if which is Verdict.DOUBT and one.kind is not Kind.AGENT)
    ill = frozenset(one.by for one, which in found.items() if which in (Verdict.ILL, Verdict.DOUBT))
    return Opinion(_finding(found, heard), tuple(told), doubts, ill)


def _finding(found: Mapping[Witness, Verdict], accounts: Mapping[Witness, Account]) -> Finding:
    direct = {one: which for one, which in found.items() if one.kind in DIRECT}
    says = set(direct.values()) - {Verdict.MUTE}
    if not says:
        return Finding.MUTE
    if Verdict.ILL not in says:
        return Finding.WELL if Verdict.DOUBT not in says or Verdict.WELL in says else Finding.DOUBT
    if Verdict.WELL in says or _seen_since(direct, found, accounts):
        return Finding.MIXED
    return Finding.DOUBT if Verdict.DOUBT in says else Finding.ILL


def _seen_since(
    direct: Mapping[Witness, Verdict], found: Mapping[Witness, Verdict], accounts: Mapping[Witness, Account]
) -> bool:
    """Whether ARP has seen the device since the others lost it: since the first failure after the last of their
    successes. Between these two it may have died."""
    last_ms = max((accounts[one].ok_ms or 0 for one in direct), default=0)
    failing_ms = [ms for one in direct if (ms := accounts[one].failing_ms) is not None and ms > last_ms]
    lost_ms = min(failing_ms, default=last_ms)
    arp = [accounts[one].ok_ms or 0 for one, which in found.items() if one.kind is Kind.ARP and which is Verdict.WELL]
    return any(seen_ms > lost_ms for seen_ms in arp)
