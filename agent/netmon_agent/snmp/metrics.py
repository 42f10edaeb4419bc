"""Readings out of profiles' metric rules, with the names and labels of snmp_exporter."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from sys import intern

from netmon_agent.inputs.base import Reading
from netmon_agent.snmp.counters import SMALLEST_FRAME_BITS, CounterBook, Moment, countable, line_speed_bps
from netmon_agent.snmp.reader import Reader, references_in
from netmon_agent.snmp.values import as_number, as_text
from netmon_configs.profile import ColumnRule, LineRule, MetricRule
from netmon_configs.reference import Pieces
from netmon_proto.model import Kind

_KINDS = {"counter": Kind.COUNTER, "counter64": Kind.COUNTER, "gauge": Kind.GAUGE}
_BITS_OF = {"octets": 8, "packets": SMALLEST_FRAME_BITS}


@dataclass(slots=True)
class Judge:
    """What counters are judged by: what was read before, when it is now, and what people say of the speed of ports."""

    book: CounterBook = field(default_factory=CounterBook)
    now: Moment = field(default_factory=Moment)
    speeds_bps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a rule's rows: how fast each is, which speeds are people's word, and whose counters were cleared."""

    speeds_bps: Mapping[str, float] = field(default_factory=dict)
    told_bps: Mapping[str, float] = field(default_factory=dict)
    cleared: Set[str] = frozenset()


async def readings(reader: Reader, rules: Sequence[MetricRule], judge: Judge) -> list[Reading]:
    """All values of all rules; where a table is empty, its labels are not asked for.

    A row of which a label could not be read this time is left out: under other labels it would be another series.
    """
    found: list[Reading] = []
    for rule in rules:
        columns = list(rule.values.values())
        await reader.load([one for column in columns for one in (column.value, column.unless)], "metrics")
        if not any(reader.column(column.value) for column in columns):
            continue
        await reader.load([one for text in rule.labels.values() for one in references_in(text)], "metrics")
        lines = _Lines() if rule.line is None else await _lines(reader, rule.line, judge)
        labels: dict[str, dict[str, str]] = {}
        unsure = [pieces for pieces in rule.labels.values() if reader.lacks(references_in(pieces))]
        for name, column in rule.values.items():
            for index, value in _values(reader, rule, name, column, lines, judge).items():
                known = labels.get(index)
                if known is None:
                    known = labels[index] = _labels(reader, rule, index)
                if not unsure or all(_is_whole(reader, pieces, index) for pieces in unsure):
                    found.append(Reading(name, known, value / column.divisor, _KINDS[column.kind]))
    return found


def _values(
    reader: Reader, rule: MetricRule, name: str, column: ColumnRule, lines: _Lines, judge: Judge
) -> Mapping[str, float]:
    """A metric's value for each row that has one, counters as they are to be stored."""
    if reader.lacks([column.unless]):
        return {}
    better, counts = reader.column(column.unless), column.kind != "gauge"
    numbers: dict[str, float] = {}
    counted: dict[str, int] = {}
    for index, raw in reader.column(column.value).items():
        if index in better:
            continue
        if counts and isinstance(raw, int) and countable(raw):
            counted[index] = raw
        elif (value := raw if isinstance(raw, int) else as_number(raw)) is not None:
            numbers[index] = value
    if rule.line is not None and column.value in (rule.line.mbps, rule.line.bps):
        unit = 1e6 if column.value == rule.line.mbps else 1.0
        numbers.update({index: bps / unit for index, bps in lines.told_bps.items() if index in numbers})
    if not counted:
        return numbers
    bits_of = _BITS_OF[column.counts] if column.counts else 0
    most_per_s = {index: bps / bits_of for index, bps in lines.speeds_bps.items()} if bits_of else {}
    bits = 64 if column.kind == "counter64" else 32
    return {**numbers, **judge.book.judge(name, counted, bits, judge.now, most_per_s, lines.cleared)}


async def _lines(reader: Reader, rule: LineRule, judge: Judge) -> _Lines:
    await reader.load([rule.mbps, rule.bps, rule.cleared, *rule.names], "metrics")
    told = _told(reader, rule, judge.speeds_bps) if judge.speeds_bps else {}
    speeds = {}
    for index in {**reader.column(rule.bps), **reader.column(rule.mbps)}:
        speed = line_speed_bps(reader.number(rule.mbps, index), reader.number(rule.bps, index), told.get(index))
        if speed is not None:
            speeds[index] = speed
    times = {index: value for index, value in reader.column(rule.cleared).items() if isinstance(value, int)}
    times = {index: value for index, value in times.items() if value >= 0}
    cleared = judge.book.changed(rule.cleared.oid, times, judge.now)
    return _Lines(speeds, told, cleared)


def _told(reader: Reader, rule: LineRule, speeds_bps: Mapping[str, float]) -> dict[str, float]:
    """People's word on speeds, by row: they name a port as the device does, or by its index."""
    found = {}
    for reference in (*rule.names, rule.bps, rule.mbps):
        for index, value in reader.column(reference).items():
            name = as_text(value) if reference in rule.names else index
            if name in speeds_bps:
                found[index] = speeds_bps[name]
    return found


def _is_whole(reader: Reader, pieces: Pieces, index: str) -> bool:
    """Whether a row has all that a text is made of."""
    return all(reader.value(reference, index) is not None for reference in references_in(pieces))


def _labels(reader: Reader, rule: MetricRule, index: str) -> dict[str, str]:
    """Labels of a row; as texts they are the same objects for all rows and devices that have them."""
    texts = {label: intern(reader.text(pieces, index)) for label, pieces in rule.labels.items()}
    return {label: text for label, text in texts.items() if text}
