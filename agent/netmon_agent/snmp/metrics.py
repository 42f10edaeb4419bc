"""Readings out of profiles' metric rules, with the names and labels of snmp_exporter."""

from collections.abc import Sequence

from netmon_agent.inputs.base import Reading
from netmon_agent.snmp.reader import Reader, references_in
from netmon_configs.profile import ColumnRule, MetricRule
from netmon_proto.model import Kind

_KINDS = {"counter": Kind.COUNTER, "gauge": Kind.GAUGE}


async def readings(reader: Reader, rules: Sequence[MetricRule]) -> list[Reading]:
    """All values of all rules; where a table is empty, its labels are not asked for."""
    found: list[Reading] = []
    for rule in rules:
        wanted = [column.value for column in rule.values.values()]
        await reader.load([one for column in rule.values.values() for one in (column.value, column.unless)], "metrics")
        if not any(reader.rows(reference) for reference in wanted):
            continue
        await reader.load([one for text in rule.labels.values() for one in references_in(text)], "metrics")
        labels: dict[str, dict[str, str]] = {}
        for name, column in rule.values.items():
            found += _column(reader, rule, name, column, labels)
    return found


def _column(
    reader: Reader, rule: MetricRule, name: str, column: ColumnRule, labels: dict[str, dict[str, str]]
) -> list[Reading]:
    found = []
    for index in reader.rows(column.value):
        if column.unless is not None and reader.value(column.unless, index) is not None:
            continue
        value = reader.number(column.value, index)
        if value is None:
            continue
        known = labels.get(index)
        if known is None:
            known = {label: reader.text(pieces, index) for label, pieces in rule.labels.items()}
            known = labels[index] = {label: text for label, text in known.items() if text}
        found.append(Reading(name, known, value / column.divisor, _KINDS[column.kind]))
    return found
