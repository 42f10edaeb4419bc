"""Polls one device once: who it is, what it has, and how it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from netmon_agent.snmp import rules
from netmon_agent.snmp.components import component_readings
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.identify import identify
from netmon_agent.snmp.metrics import readings
from netmon_agent.snmp.reader import Reader
from netmon_agent.snmp.session import Session
from netmon_configs.library import Library
from netmon_configs.profile import Profile
from netmon_configs.reference import Reference

Item = TypeVar("Item")


async def poll(session: Session, library: Library, absent: frozenset[str] = frozenset()) -> Findings:
    """Asks a device all that its profile knows. What fails is named in `troubles`; the rest is kept.

    Processors and memory come from the most particular layer that finds any, because the general ones describe the
    same again; all else from all layers. Single objects are asked for together, before all else.
    """
    reader = Reader(session, absent)
    identity, layers = await identify(reader, library)
    found = Findings(identity, reader.answered, troubles=reader.troubles)
    await reader.load(_single_objects(layers), "objects")
    found.readings.extend(await readings(reader, _all(layers, lambda layer: layer.metrics)))
    found.entries.extend(await rules.entries(reader, _all(layers, lambda layer: layer.entries)))
    for layer in layers:
        if not found.processors:
            found.processors.extend(await rules.processors(reader, layer.processors))
        if not found.memory:
            found.memory.extend(await rules.amounts(reader, layer.memory, "memory"))
    found.storage.extend(await rules.amounts(reader, _all(layers, lambda layer: layer.storage), "storage"))
    found.sensors.extend(await rules.sensors(reader, _all(layers, lambda layer: layer.sensors)))
    found.readings.extend(component_readings(found))
    return replace(found, absent=absent | reader.empty)


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
