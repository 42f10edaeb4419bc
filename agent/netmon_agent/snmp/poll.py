"""Polls one device once: who it is, what it has, and how it is."""

from collections.abc import Callable, Sequence
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

Item = TypeVar("Item")


async def poll(session: Session, library: Library, absent: frozenset[str] = frozenset()) -> Findings:
    """Asks a device all that its profile knows. What fails is named in `troubles`; the rest is kept.

    Processors and memory come from the most particular layer that finds any, because the general ones describe the
    same again; all else from all layers.
    """
    reader = Reader(session, absent)
    identity, layers = await identify(reader, library)
    found = Findings(identity, reader.answered, troubles=reader.troubles)
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


def _all(layers: Sequence[Profile], pick: Callable[[Profile], Sequence[Item]]) -> list[Item]:
    return [item for layer in layers for item in pick(layer)]
