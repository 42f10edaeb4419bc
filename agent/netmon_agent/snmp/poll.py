"""Polls one device once: who it is, what it has, and how it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from netmon_agent.snmp import rules
from netmon_agent.snmp.components import component_readings
from netmon_agent.snmp.counters import CounterBook, Moment, Uptime, uptime_between
from netmon_agent.snmp.entries import entries, tables
from netmon_agent.snmp.findings import Findings, Identity, Trouble
from netmon_agent.snmp.identify import greet, identify
from netmon_agent.snmp.metrics import Judge, readings
from netmon_agent.snmp.reader import Reader
from netmon_agent.snmp.session import Session, Vlans
from netmon_configs.library import Library
from netmon_configs.profile import Profile
from netmon_configs.reference import Reference

Item = TypeVar("Item")
_BOOTS = Reference("1.3.6.1.6.3.10.2.1.2.0")
"""snmpEngineBoots (RFC 3411)"""


@dataclass(frozen=True, slots=True)
class Pulse:
    """How long a device was up, and how often it has started, at a time of a monotonic clock."""

    time_s: float
    ticks: int
    boots: int | None


@dataclass(slots=True)
class Known:
    """What earlier polls learned of a device: who it is, which objects it does not have, where its counters stood."""

    identity: Identity | None = None
    absent: frozenset[str] = frozenset()
    failed: frozenset[str] | None = None
    """What could not be read in the last whole poll; None before there was one."""
    silent: frozenset[str] = frozenset()
    """What could not be read in the first whole poll, or in the last two."""
    counters: CounterBook = field(default_factory=CounterBook)
    pulse: Pulse | None = None
    restarts: int = 0
    """As seen by this process."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people say of a device: its profile, if not the one that fits best, and speeds of ports by name or index."""

    profile: str = ""
    speeds_bps: Mapping[str, float] = field(default_factory=dict)


async def poll(
    session: Session,
    library: Library,
    known: Known | None = None,
    is_whole: bool = True,
    wanted: Wanted | None = None,
    now_s: float = 0.0,
    vlans: Vlans | None = None,
) -> Findings:
    """Asks a device all that its profile knows. What fails is named in `troubles`; the rest is kept.

    A poll that is not whole reads metrics alone, of a device that is known: neither who it is nor its facts, and
    nothing that it lacked before. It becomes a whole one where the device has restarted, or is another one.
    Processors and memory come from the most particular layer that finds any, because the general ones describe the
    same again; all else from all layers. Single objects are asked for together, before all else. `now_s` is of a
    monotonic clock, and counters are judged by it. `vlans` is the device VLAN by VLAN, where it can be asked so.
    """
    known, forced = known or Known(), wanted.profile if wanted else ""
    reader = Reader(session, silent=known.silent)
    greeted = await greet(reader)
    before = None if is_whole else _same(known.identity, greeted)
    if before is not None and before.profile not in library.layers:  # it is of a process with other profiles
        before = None
    if before is not None:
        reader.absent, identity = known.absent, before
    else:
        if forced and forced not in library.layers:
            reader.troubles.append(Trouble("identity", f"this poller has no profile {forced!r}; it chose one itself"))
            forced = ""
        identity = await identify(reader, library, greeted, forced)
    layers = library.layers[identity.profile]
    found = Findings(identity, reader.answered, troubles=reader.troubles)
    await reader.load(_single_objects(layers), "objects")
    judge = Judge(known.counters, _moment(reader, known, greeted, now_s), wanted.speeds_bps if wanted else {})
    found.readings.extend(await readings(reader, _all(layers, lambda layer: layer.metrics), judge))
    await _measure(reader, layers, found)
    if before is None:
        listed = _all(layers, lambda layer: layer.entries)
        entered, broken = await entries(reader, listed, vlans)
        found = replace(found, facts=tables(entered, listed, broken))
        found.entries.extend(entered)
    if found.answered:
        known.identity, known.absent = identity, reader.absent | reader.empty
        if before is None:
            known.silent = reader.failed if known.failed is None else reader.failed & known.failed
            known.failed = reader.failed
    return found


async def _measure(reader: Reader, layers: Sequence[Profile], found: Findings) -> None:
    for place, layer in enumerate(layers):
        if not found.processors and not any(rules.lacking(reader, one.processors) for one in layers[:place]):
            found.processors.extend(await rules.processors(reader, layer.processors))
        if not found.memory and not any(rules.lacking(reader, one.memory) for one in layers[:place]):
            found.memory.extend(await rules.amounts(reader, layer.memory, "memory"))
    found.storage.extend(await rules.amounts(reader, _all(layers, lambda layer: layer.storage), "storage"))
    found.sensors.extend(await rules.sensors(reader, _all(layers, lambda layer: layer.sensors)))
    found.readings.extend(component_readings(found))


def _moment(reader: Reader, known: Known, greeted: Identity, now_s: float) -> Moment:
    """When this poll is; takes note of a restart of the device."""
    if greeted.uptime_s is not None:
        before, boots = known.pulse, reader.number(_BOOTS, "0")
        now = known.pulse = Pulse(now_s, round(greeted.uptime_s * 100), None if boots is None else int(boots))
        if before is None:  # of counters before this process there are only offsets
            if known.identity is not None and (known.identity.uptime_s or 0) > greeted.uptime_s:
                known.counters.forget_offsets()
        else:
            elapsed_s = now_s - before.time_s
            uptime = uptime_between(before.ticks, now.ticks, elapsed_s, before.boots, now.boots)
            known.restarts += uptime is Uptime.REBOOTED
    return Moment(now_s, known.restarts)


def _same(known: Identity | None, greeted: Identity) -> Identity | None:
    """What is known of a device that is still the one it was, as it is now; None where it is not, or has restarted."""
    if known is None or (known.object_id, known.descr) != (greeted.object_id, greeted.descr):
        return None
    if (greeted.uptime_s or 0) < (known.uptime_s or 0):
        return None
    now = greeted.name, greeted.location, greeted.contact, greeted.uptime_s
    return replace(known, name=now[0], location=now[1], contact=now[2], uptime_s=now[3])


def _single_objects(layers: Sequence[Profile]) -> Iterator[Reference]:
    """What all the rules read of the device as a whole, rather than of a table's rows."""
    for layer in layers:
        values = [column.value for rule in layer.metrics for column in rule.values.values()]
        values += [rule.value for rule in (*layer.processors, *layer.sensors)]
        for pool in (*layer.memory, *layer.storage):
            values += [one for one in (pool.used, pool.free, pool.total, pool.percent) if one is not None]
        yield from (value for value in values if value.is_scalar)


def _all(layers: Sequence[Profile], pick: Callable[[Profile], Sequence[Item]]) -> list[Item]:
    return [item for layer in layers for item in pick(layer)]
