"""Polls some ports of a device and nothing else of it: what their state is now."""

from collections.abc import Iterable, Mapping, Sequence

from netmon_agent.inputs.base import Reading
from netmon_agent.snmp.metrics import Judge, readings
from netmon_agent.snmp.reader import OBJECTS_PER_GET, Reader, references_in
from netmon_agent.snmp.session import MOST_VALUES, Session, Value
from netmon_configs.profile import MetricRule, Profile
from netmon_configs.reference import Reference

_TABLES = ("1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1.")
"""ifTable and ifXTable (RFC 2863): a row's index is its ifIndex."""


class _Rows:
    """A session in which tables have but some rows, which were asked for together; what is elsewhere is not there."""

    def __init__(self, values: Mapping[str, Value], indexes: Sequence[str]) -> None:
        self._values = values
        self._indexes = indexes

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        return {}

    async def walk(self, oid: str, rows: int = 0, most: int = MOST_VALUES) -> Mapping[str, Value]:
        return {index: self._values[f"{oid}.{index}"] for index in self._indexes if f"{oid}.{index}" in self._values}


async def port_readings(
    session: Session, layers: Sequence[Profile], ports: Iterable[int], speeds_bps: Mapping[str, float]
) -> dict[int, list[Reading]]:
    """What is no counter of ports, by ifIndex. Raises SnmpError.

    Counters are left to whole polls: they are judged by all that happened since the one before.
    """
    rules = [stated for layer in layers for rule in layer.metrics if (stated := _of_ports(rule)) is not None]
    indexes = [str(port) for port in ports]
    oids = [f"{oid}.{index}" for index in indexes for oid in dict.fromkeys(_columns(rules))]
    values: dict[str, Value] = {}
    for start in range(0, len(oids), OBJECTS_PER_GET):
        values |= await session.get(oids[start : start + OBJECTS_PER_GET])
    found: dict[int, list[Reading]] = {}
    for index in indexes:  # each by itself, so that each reading's port is known
        reader = Reader(_Rows(values, [index]))
        found[int(index)] = await readings(reader, rules, Judge(speeds_bps=speeds_bps))
    return found


def _of_ports(rule: MetricRule) -> MetricRule | None:
    """Of a rule about ports what is no counter; None of any other rule."""
    gauges = {
        name: column
        for name, column in rule.values.items()
        if column.kind == "gauge" and column.value.oid.startswith(_TABLES)
    }
    return rule.model_copy(update={"values": gauges}) if gauges else None


def _columns(rules: Iterable[MetricRule]) -> Iterable[str]:
    for rule in rules:
        wanted: list[Reference | None] = [
            one for column in rule.values.values() for one in (column.value, column.unless)
        ]
        wanted += [one for text in rule.labels.values() for one in references_in(text)]
        if rule.line is not None:
            wanted += [rule.line.mbps, rule.line.bps, rule.line.cleared, *rule.line.names]
        yield from (one.oid for one in wanted if one is not None and one.oid.startswith(_TABLES))
