"""Readings out of profiles' metric rules, with the names and labels of snmp_exporter."""

from collections.abc import Sequence

from netmon_agent.inputs.base import Reading
from netmon_agent.snmp.reader import Reader, references_in
from netmon_agent.snmp.values import as_number
from netmon_configs.profile import ColumnRule, MetricRule
from netmon_proto.model import Kind

_KINDS = {"counter": Kind.COUNTER, "gauge": Kind.GAUGE}


async def readings(reader: Reader, rules: Sequence[MetricRule]) -> list[Reading]:
    """All values of all rules; where a table is empty, its labels are not asked for."""
    found: list[Reading] = []
    for rule in rules:
        columns = list(rule.values.values())
        await reader.load([one for column in columns for one in (column.value, column.unless)], "metrics")
        if not any(reader.column(column.value) for column in columns):
            continue
        await reader.load([one for text in rule.labels.values() for one in references_in(text)], "metrics")
        labels: dict[str, dict[str, str]] = {}
        for name, column in rule.values.items():
            found += _column(reader, rule, name, column, labels)
    return found


def _column(
    reader: Reader, rule: MetricRule, name: str, column: ColumnRule, labels: dict[str, dict[str, str]]
) -> list[Reading]:
    better, kind, divisor = reader.column(column.unless), _KINDS[column.kind], column.divisor
    found = []
    for index, raw in reader.column(column.value).items():
        if index in better:
            continue
        value = raw if isinstance(raw, int) else as_number(raw)
        if value is None:
            continue
        known = labels.get(index)
        if known is None:
            known = labels[index] = _labels(reader, rule, index)
        found.append(Reading(name, known, value / divisor, kind))
    return found


def _labels(reader: Reader, rule: MetricRule, index: str) -> dict[str, str]:
    texts = {label: reader.text(pieces, index) for label, pieces in rule.labels.items()}
    return {label: text for label, text in texts.items() if text}
