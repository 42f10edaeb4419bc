"""Finds out why incidents happened and what they hit, while they are open, and keeps it.

Everything that is known is asked for on the event loop; the judgement is made in a thread.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from netmon_analytics.cause import Cause, Earlier, Fault, Observations, rank
from netmon_analytics.cause.impact import Estate, Impact, impact, priority
from netmon_analytics.cause.words import evidence, title
from netmon_collector.alerts.incident import Incident, blame
from netmon_collector.causes.findings import Finding, Findings, Toll
from netmon_collector.causes.matter import Laying, Matter, needs_of
from netmon_collector.causes.plan import Plan
from netmon_collector.repeat import keep_at
from netmon_collector.topology.graph import Graph
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.causes")

Floats = NDArray[np.float64]

LOOK_S: Final = 15.0
LOOKED_AT_MS: Final = 1_800_000
"""So long after the opening it is looked at again and again, then only when the incident has changed."""
AGAIN_MS: Final = 60_000
SHARE: Final = 0.05
"""How much of the time may go into judging one incident."""
BEFORE_MS: Final = 300_000
"""So long before its opening signs may have begun that belong to an incident."""
SURE: Final = 0.5
"""From this score on a cause is written into the timeline, and counts as what it was."""
MOST_TOLD: Final = 5


class Collecting(Protocol):
    """Gives what is known."""

    async def matter(self, since_ms: int, until_ms: int) -> Matter:
        """Of a time."""
        ...

    async def graph(self, at_ms: int) -> Graph:
        """The map as it was at a time, and all that is on it now."""
        ...

    async def loads(self, plan: Plan, at_ms: int) -> tuple[Floats, ...]:
        """What each link carries, what it could carry, and the most that it is to carry in the coming hours, in bits a
        second; NaN where nobody knows."""
        ...

    def sites(self) -> Mapping[str, str]:
        """The site of each device that has one."""
        ...

    def here(self) -> str:
        """What the collector's own host is called on the map."""
        ...


class Kept(Protocol):
    """Where findings outlive a restart. Calls are synchronous."""

    def all(self) -> list[Findings]: ...

    def keep(self, findings: Findings) -> None: ...

    def drop(self, numbers: Sequence[int]) -> None: ...


class Inquests:
    """What was found out about each incident. incidents: all, by number. change: see Alerting.change_incident."""

    def __init__(
        self,
        collecting: Collecting,
        kept: Kept,
        incidents: Callable[[], Mapping[int, Incident]],
        change: Callable[[int, Callable[[Incident], Incident]], Awaitable[Incident]],
        now_ms: Callable[[], int],
    ) -> None:
        self._collecting = collecting
        self._kept = kept
        self._incidents = incidents
        self._change = change
        self._now_ms = now_ms
        self._looked: dict[int, tuple[int, int]] = {}
        self._took_ms = 0.0
        self.findings = {one.number: one for one in kept.all()}

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(LOOK_S)
        await keep_at(
            self.look,
            LOOK_S,
            failing=lambda error: log.warning("causes.broken", error=error),
            recovered=lambda: log.info("causes.recovered"),
        )

    async def look(self) -> None:
        """Looks at the incidents that want it, and forgets those that are no more."""
        incidents = dict(self._incidents())
        gone = [number for number in self.findings if number not in incidents]
        if gone:
            await asyncio.to_thread(self._kept.drop, gone)
        for number in gone:
            del self.findings[number]
        for incident in incidents.values():
            if self._is_due(incident):
                started_s = time.monotonic()
                findings = await self.of(incident)
                self._took_ms = 1000 * (time.monotonic() - started_s)
                await self._keep(incident, findings)

    async def of(self, incident: Incident) -> Findings:
        """What can be found out now. Of an incident that is over, what was found while it was open."""
        known = self.findings.get(incident.number)
        if incident.closed_ms is not None and known is not None:
            return known
        now_ms = self._now_ms()
        until_ms = min(now_ms, incident.closed_ms or now_ms, incident.opened_ms + LOOKED_AT_MS)
        since_ms = incident.opened_ms - BEFORE_MS
        matter = await self._collecting.matter(incident.opened_ms - LOOKED_AT_MS, until_ms)
        graph = await self._collecting.graph(since_ms)
        viewers = [self._collecting.here(), *sorted(set(matter.watched_by.values())), *matter.servers()]
        plan = Plan.of(graph, matter.answers(), [one for one in viewers if one], self._collecting.sites())
        loads = await self._collecting.loads(plan, since_ms)
        earlier = list(_earlier(plan, self.findings.values(), incident.number))
        others = [one for one in self._incidents().values() if one.closed_ms is None and one.number != incident.number]
        elsewhere = set[str]().union(*map(devices_of, others)) - devices_of(incident)
        times_ms = since_ms, until_ms, now_ms
        return await asyncio.to_thread(_judge, incident, elsewhere, plan, matter, loads, earlier, times_ms)

    def _is_due(self, incident: Incident) -> bool:
        if incident.closed_ms is not None:
            return False
        now_ms, state = self._now_ms(), len(incident.members)
        at_ms, looked = self._looked.get(incident.number, (0, -1))
        is_young = now_ms - incident.opened_ms < LOOKED_AT_MS
        pause_ms = max(AGAIN_MS, self._took_ms / SHARE)
        if looked == state and not (is_young and now_ms - at_ms >= pause_ms):
            return False
        self._looked[incident.number] = (now_ms, state)
        return True

    async def _keep(self, incident: Incident, findings: Findings) -> None:
        cause = findings.cause
        try:
            await asyncio.to_thread(self._kept.keep, findings)
            if cause is not None and cause.score >= SURE and not incident.probable_cause.startswith(f"{cause.title} ("):
                title, score, devices = cause.title, cause.score, cause.devices
                await self._change(incident.number, lambda one: blame(one, title, score, devices, findings.at_ms))
        except SQLAlchemyError as error:
            log.warning("causes.not_kept", incident=incident.number, error=str(getattr(error, "orig", error))[:200])
        self.findings[incident.number] = findings


def _judge(
    incident: Incident,
    elsewhere: Set[str],
    plan: Plan,
    matter: Matter,
    loads: Sequence[Floats],
    earlier: Sequence[Earlier],
    times_ms: tuple[int, int, int],
) -> Findings:
    """`elsewhere`: devices that other incidents are about, whose signs have their causes there."""
    since_ms, until_ms, now_ms = times_ms
    laying = Laying(plan, matter, until_ms / 1000)
    signs = laying.observations()
    seen = Observations.of(one for one in signs if plan.names[one.node] not in elsewhere)
    about = frozenset(plan.numbers[one] for one in devices_of(incident) if one in plan.numbers)
    ranked = rank(plan.network, seen, laying.changes(signs), earlier, since_ms / 1000, about or None)
    causes = [one for one in ranked if plan.is_known(one)]
    home = int(plan.network.viewers[0]) if len(plan.network.viewers) else 0
    needs = np.array(needs_of(plan, matter), np.intp).reshape(-1, 2)
    load, capacity, expected = loads
    estate = Estate(home, np.array(plan.site_of, np.intp), needs, load, capacity, expected=expected)
    hits = [(one, impact(plan.network, estate, one, seen)) for one in _leading(causes)]
    first, hit = hits[0] if hits else (None, Impact((), (), (), (), ()))
    return Findings(
        incident.number,
        now_ms,
        int(np.count_nonzero(seen.seen)),
        tuple(_finding(one, plan, matter) for one in causes[:MOST_TOLD]),
        _toll(plan, matter, hits),
        priority(
            incident.severity, hit, first.score if first else 0.0, len(matter.standings), first.earlier if first else 0
        ),
    )


def devices_of(incident: Incident) -> set[str]:
    """What an incident is about, with what is behind that."""
    named = {device for one in incident.members for device in one.devices}
    named |= {value for label, value in incident.marks if label in ("instance", "device")}
    return named.union(incident.shadows, *incident.shadows.values())


def _leading(causes: Sequence[Cause]) -> list[Cause]:
    """The most probable cause, and those that are likely to be there beside it."""
    found: dict[int, Cause] = {}
    for one in causes:
        if not found or (one.beside not in found and one.score >= SURE):
            found[one.beside] = one
    return list(found.values())


def _finding(cause: Cause, plan: Plan, matter: Matter) -> Finding:
    subject, devices = plan.subject(cause), plan.devices(cause)
    load = "; ".join(matter.consumers[one] for one in devices if one in matter.consumers)
    pieces = tuple((one.text, round(one.worth, 1)) for one in evidence(cause, load))
    return Finding(
        cause.fault.value, subject, devices, title(cause, subject), round(cause.score, 3), pieces, cause.beside
    )


def _toll(plan: Plan, matter: Matter, hits: Sequence[tuple[Cause, Impact]]) -> Toll:
    def names(numbers: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted({plan.names[one] for one in numbers} & matter.standings.keys()))

    blind = {plan.subject(one) for one, _ in hits if one.fault is Fault.VIEW}
    return Toll(
        names(node for _, hit in hits for node in hit.devices),
        names(node for _, hit in hits for node in hit.services),
        names(node for _, hit in hits for node in hit.needing),
        tuple(sorted({plan.sites[site] for _, hit in hits for site in hit.sites})),
        tuple((plan.link_name(link), use) for _, hit in hits for link, use in hit.overloaded),
        tuple(sorted(device for device, viewer in matter.watched_by.items() if viewer in blind)),
        tuple((plan.link_name(link), use) for _, hit in hits for link, use in hit.filling),
    )


def _earlier(plan: Plan, findings: Iterable[Findings], number: int) -> Iterable[Earlier]:
    """What was the cause of other incidents, as far as it is still on the map."""
    counts: dict[tuple[str, str], int] = {}
    for one in findings:
        if one.number != number and one.cause is not None and one.cause.score >= SURE:
            key = one.cause.fault, one.cause.subject
            counts[key] = counts.get(key, 0) + 1
    for (fault, name), times in counts.items():
        subject = plan.find(Fault(fault), name)
        if subject is not None:
            yield Earlier(Fault(fault), subject, times)
