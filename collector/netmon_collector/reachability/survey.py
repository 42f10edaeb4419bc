"""The whole picture at one moment: who is down, who is merely behind it, and which poller is blind. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from netmon_collector.reachability.opinion import Finding, Opinion, opinion_of
from netmon_collector.reachability.standing import Standing, State, Steadiness, stood
from netmon_collector.reachability.witnesses import DIRECT, Account, Patience, Verdict, Witness, verdict
from netmon_collector.topology.graph import Graph

Accounts = Mapping[Witness, Account]

FEWEST: Final = 3
"""A poller without canaries is blind when so many targets, and all of them, fail at once."""


_AS_EVER: Final = Opinion(Finding.WELL)


@dataclass(frozen=True, slots=True)
class Settings:
    """hold_ms: how long a device waits to be called down while something before it is in doubt."""

    patience: Patience = field(default_factory=Patience)
    steadiness: Steadiness = field(default_factory=Steadiness)
    hold_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known at one moment.

    devices: the accounts of each device's witnesses. canaries: those of each poller about what it must always see, such
    as its gateway. serviced: devices in maintenance. blind: pollers that were blind before, and since when.
    """

    devices: Mapping[str, Accounts]
    canaries: Mapping[str, Iterable[Accounts]] = field(default_factory=dict)
    serviced: Set[str] = frozenset()
    graph: Graph = field(default_factory=Graph)
    blind: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """standings: of each device. ask_again: probes that would tell.

    blind: pollers that have lost their own network, and since when; whoever keeps the accounts forgives theirs.
    """

    standings: Mapping[str, Standing]
    blind: Mapping[str, int]
    ask_again: tuple[tuple[str, Witness], ...]


def surveyed(scene: Scene, before: Mapping[str, Standing], now_ms: int, settings: Settings) -> Survey:
    """Judges all devices together."""
    blind = {one: scene.blind.get(one, now_ms) for one in sorted(blind_pollers(scene, now_ms, settings.patience))}
    opinions = {
        device: opinion_of(accounts, now_ms, settings.patience, blind.keys())
        for device, accounts in scene.devices.items()
    }
    ill = {device for device, one in opinions.items() if one.finding is Finding.ILL}
    doubted = {device for device, one in opinions.items() if one.finding is Finding.DOUBT}
    shadows = _shadows(scene.graph, ill, opinions)
    maybe = _shadows(scene.graph, ill | doubted, opinions) if doubted else {}
    standings = {}
    for device, opinion in opinions.items():
        was = before.get(device, Standing(since_ms=now_ms))
        if opinion == _AS_EVER and was == _untroubled(was) and device not in scene.serviced:
            standings[device] = was
            continue
        is_held = device in maybe and _may_wait(scene.devices[device], now_ms, settings)
        after = _judged(was, opinion, shadows.get(device, ()), is_held, scene.devices[device], now_ms, settings)
        if device in scene.serviced:
            after = replace(after, state=State.MAINTENANCE)
        standings[device] = stood(was, after, now_ms, settings.steadiness)
    again = tuple((device, one) for device, opinion in sorted(opinions.items()) for one in opinion.ask_again)
    return Survey(standings, blind, again)


def _untroubled(was: Standing) -> Standing:
    """A standing that is up since as long, and of which there is nothing more to say."""
    return Standing(State.UP, was.since_ms)


def _judged(
    was: Standing,
    opinion: Opinion,
    shadowed_by: tuple[str, ...],
    is_held: bool,
    accounts: Accounts,
    now_ms: int,
    settings: Settings,
) -> Standing:
    """The state that an opinion comes to, with its evidence; the rest as before."""
    as_before = replace(was, evidence=opinion.evidence, shadowed_by=())
    usual = {Finding.WELL: State.UP, Finding.MIXED: State.DEGRADED, Finding.MUTE: State.UNKNOWN}
    if opinion.finding in usual:
        return replace(as_before, state=usual[opinion.finding], shadow_ms=None)
    if shadowed_by:
        told = (f"behind {', '.join(shadowed_by)}, which is down", *opinion.evidence)
        return replace(was, state=State.UNREACHABLE, evidence=told, shadowed_by=shadowed_by, shadow_ms=now_ms)
    if opinion.finding is Finding.DOUBT or is_held:
        return as_before if was.state is not State.MAINTENANCE else replace(as_before, state=State.UNKNOWN)
    if was.shadow_ms is not None and now_ms - was.shadow_ms < _chance_ms(accounts, settings):
        return replace(as_before, state=State.UNREACHABLE)  # nobody had time to see it since the way is free
    return replace(as_before, state=State.DOWN)


def _chance_ms(accounts: Accounts, settings: Settings) -> int:
    """How long it takes until every witness has had its tries."""
    patience = settings.patience
    longest_ms = max((one.interval_ms for one in accounts), default=0) * patience.failures
    return max(longest_ms, patience.agent_ms) + settings.hold_ms


def _may_wait(accounts: Accounts, now_ms: int, settings: Settings) -> bool:
    """Whether it is too early to call a device down that may be behind another."""
    failing_ms = [account.failing_ms for account in accounts.values() if account.failing_ms is not None]
    seen_ms = [account.ok_ms for account in accounts.values() if account.ok_ms is not None]
    return now_ms - max(failing_ms or seen_ms, default=now_ms) < _chance_ms(accounts, settings)


def _shadows(graph: Graph, ill: Set[str], opinions: Mapping[str, Opinion]) -> dict[str, tuple[str, ...]]:
    """The devices that nobody can see because others are down, and which: those that are nearest to who looks."""
    seekers: dict[str, set[str]] = defaultdict(set)
    for device in ill:
        for poller in opinions[device].pollers - {device}:
            if poller in graph:
                seekers[poller].add(device)
    behind: dict[str, list[frozenset[str]]] = defaultdict(list)
    for poller, devices in seekers.items():
        first = _first_met(graph, poller, ill)
        reach = graph.reachable(poller)
        after = {root: graph.downstream(root, poller) for root in first} if len(first) > 1 else {}
        for device in devices:
            if device in first or device not in reach:
                behind[device].append(frozenset())
            else:
                alone = frozenset(root for root, beyond in after.items() if device in beyond)
                behind[device].append(alone or frozenset(first))
    return {device: tuple(sorted(frozenset().union(*found))) for device, found in behind.items() if all(found)}


def _first_met(graph: Graph, poller: str, ill: Set[str]) -> set[str]:
    """The ill devices that are met first on all ways from a poller."""
    seen = graph.reachable(poller, ill - {poller})
    links = (link for link in graph.ways if (link.a.node in seen) != (link.b.node in seen))
    return {link.b.node if link.a.node in seen else link.a.node for link in links} & ill


def blind_pollers(scene: Scene, now_ms: int, patience: Patience) -> set[str]:
    """The pollers that have lost their own network.

    One with canaries is blind when all of them are silent. One without is when all it asks fail at once, and the graph
    knows of nothing that stands before all of these.
    """
    asked: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for device, accounts in scene.devices.items():
        for witness, account in accounts.items():
            if witness.kind in DIRECT:
                asked[witness.by][device] = _worse(
                    asked[witness.by].get(device), verdict(witness, account, now_ms, patience)
                )
    found = set()
    for poller, verdicts in asked.items():
        canaries = list(scene.canaries.get(poller, ()))
        if canaries:
            if _none_sings(canaries, now_ms, patience):
                found.add(poller)
        elif poller in scene.blind:
            if not _has_seen(scene, poller, scene.blind[poller]):
                found.add(poller)
        elif _all_fail(verdicts) and not _explained(scene.graph, poller, set(verdicts)):
            found.add(poller)
    return found


def _none_sings(canaries: Sequence[Accounts], now_ms: int, patience: Patience) -> bool:
    told = [
        verdict(witness, account, now_ms, patience, supported=len(canaries) > 1)
        for accounts in canaries
        for witness, account in accounts.items()
    ]
    return bool(told) and all(one in (Verdict.ILL, Verdict.DOUBT) for one in told)


def _has_seen(scene: Scene, poller: str, since_ms: int) -> bool:
    """Whether a poller has seen anything since a time."""
    return any(
        witness.by == poller and account.ok_ms is not None and account.ok_ms > since_ms
        for accounts in scene.devices.values()
        for witness, account in accounts.items()
    )


def _worse(one: Verdict | None, other: Verdict) -> Verdict:
    """Of two probes of one device by one poller: it is seen if either sees it."""
    if one is None or Verdict.WELL in (one, other):
        return Verdict.WELL if one is Verdict.WELL else other
    return Verdict.ILL if Verdict.ILL in (one, other) else other


def _all_fail(verdicts: Mapping[str, Verdict]) -> bool:
    told = [one for one in verdicts.values() if one is not Verdict.MUTE]
    return len(told) >= FEWEST and Verdict.ILL in told and set(told) <= {Verdict.ILL, Verdict.DOUBT}


def _explained(graph: Graph, poller: str, devices: Set[str]) -> bool:
    """Whether one of the devices stands before all others, seen from the poller: then that one is down."""
    if poller not in graph:
        return False
    first = _first_met(graph, poller, devices)
    return len(first) == 1 and devices - first <= graph.cut_off(first, poller)
