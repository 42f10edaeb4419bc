"""What the rules of profiles make of a device: processors, memory, storage, sensors."""

import math
from collections.abc import Iterable, Sequence

from netmon_agent.snmp.findings import Amount, Processor, Sensor
from netmon_agent.snmp.reader import Reader, references_in
from netmon_agent.snmp.session import MOST_VALUES
from netmon_agent.snmp.values import as_text
from netmon_configs.profile import (
    SEVERITIES,
    UNITS,
    AmountRule,
    Choice,
    Convert,
    ProcessorRule,
    Rule,
    Scaled,
    SensorClass,
    SensorRule,
)
from netmon_configs.reference import Reference


async def processors(reader: Reader, rules: Sequence[ProcessorRule]) -> list[Processor]:
    found: list[Processor] = []
    for place, rule in enumerate(rules):
        if rule.fallback and (found or lacking(reader, rules[:place])):
            continue
        for index in await rows_of(reader, rule, [rule.value], "processors"):
            value = scaled(reader, rule, index)
            if value is not None and 0 <= value <= 100:
                percent = 100 - value if rule.idle else value
                found.append(Processor(_oid(rule.value, index), index, _name(reader, rule, index), percent))
    return found


async def amounts(reader: Reader, rules: Sequence[AmountRule], part: str) -> list[Amount]:
    found: list[Amount] = []
    for place, rule in enumerate(rules):
        if rule.fallback and (found or lacking(reader, rules[:place])):
            continue
        leading = rule.leading
        indexes = await rows_of(reader, rule, leading[:1], part, leading[1:])
        pools = [amount for index in indexes if (amount := _amount(reader, rule, leading[0], index)) is not None]
        found += _without_reclaimable(rule, pools)
    return found


def lacking(reader: Reader, rules: Sequence[ProcessorRule] | Sequence[AmountRule]) -> bool:
    """Whether these rules may find at other times what they don't find now: others then would tell it differently."""
    return any(
        reader.lacks([*one.leading, *(test.of for test in (*one.only, *one.skip)), *references_in(one.name)])
        for one in rules
    )


async def sensors(reader: Reader, rules: Sequence[SensorRule]) -> list[Sensor]:
    found: dict[tuple[str, bool], Sensor] = {}
    for rule in rules:
        more = [rule.precision, rule.scale, rule.type.of if isinstance(rule.type, Choice) else None]
        leading = [rule.rows or rule.value]
        for index in await rows_of(reader, rule, leading, "sensors", more, [rule.value]):
            sensor = _sensor(reader, rule, index)
            if sensor is not None:
                found.setdefault((sensor.oid, sensor.type == "state"), sensor)  # the more particular rule's word
    return list(found.values())


async def rows_of(
    reader: Reader,
    rule: Rule,
    leading: Sequence[Reference],
    part: str,
    more: Iterable[Reference | None] = (),
    values: Iterable[Reference] = (),
    most: int = MOST_VALUES,
) -> list[str]:
    """The rows that count. What stands beside them is read only where there are any.

    None do where `more`, or what their names are made of, could not be read this time: they would be told in other
    units, or as others. Of `values` those count that were read.
    """
    more = [*more, *references_in(rule.name)]
    await reader.load(leading, part, most=most)
    indexes = dict.fromkeys(index for reference in leading for index in reader.rows(reference))
    if not indexes:
        return []
    conditions = [*rule.only, *rule.skip]
    await reader.load([one.of for one in conditions], part, most=most)
    kept = [one for one in indexes if reader.fits(rule.only, one) and not reader.hits(rule.skip, one)]
    if kept:
        await reader.load([*values, *more], part, most=most)
    return [] if reader.lacks([*(one.of for one in conditions), *more]) else kept


def scaled(reader: Reader, rule: Scaled, index: str) -> float | None:
    """A row's number in the rule's unit; None where there is none, or one that stands for "none"."""
    raw = reader.number(rule.value, index, rule.regex)
    if raw is None or raw in rule.skip_values:
        return None
    value = raw * rule.multiplier / rule.divisor
    if isinstance(rule, SensorRule) and (rule.scale is not None or rule.precision is not None):
        value = _entity_scaled(reader, rule, index, value)
    return value if rule.convert is None else converted(value, rule.convert)


def converted(value: float, how: Convert) -> float | None:
    match how:
        case "fahrenheit":
            return (value - 32) * 5 / 9
        case "milliwatt_dbm" | "microwatt_dbm" | "watt_dbm":
            milliwatts = value * {"milliwatt_dbm": 1.0, "microwatt_dbm": 0.001, "watt_dbm": 1000.0}[how]
            return 10 * math.log10(milliwatts) if milliwatts > 0 else None


def _sensor(reader: Reader, rule: SensorRule, index: str) -> Sensor | None:
    kind = _class(reader, rule, index)
    if kind is None:
        return None
    value = scaled(reader, rule, index)
    severity, meaning = "", ""
    if rule.states or rule.bits:
        read = _flags(reader, rule, index) if rule.bits else _state(reader, rule, index, value)
        value, severity, meaning = read
    if value is None:
        return None
    oid, name = _oid(rule.value, index), _name(reader, rule, index)
    return Sensor(oid, index, name, kind, UNITS[kind], round(value, 6), severity, meaning)


def _state(reader: Reader, rule: SensorRule, index: str, value: float | None) -> tuple[float | None, str, str]:
    """Value, severity and meaning; a state in words has its place in the profile as value."""
    raw = reader.value(rule.value, index)
    written = "" if raw is None else as_text(raw)
    if value is not None and written not in rule.states:
        written = f"{value:g}"
    known = rule.states.get(written, "unknown")
    if value is None and written in rule.states:
        value = float(list(rule.states).index(written))
    severity, _, meaning = known.partition(" ")
    return value, severity, meaning


def _flags(reader: Reader, rule: SensorRule, index: str) -> tuple[float | None, str, str]:
    """The bits that are set, as a number, the worst severity among them, and what they mean."""
    raw = reader.value(rule.value, index)
    if raw is None:
        return None, "", ""
    octets = raw if isinstance(raw, bytes) else b""
    told = [
        rule.bits[place] if place < len(rule.bits) else "unknown"
        for place in range(8 * min(len(octets), 8))
        if octets[place // 8] & 0x80 >> place % 8
    ]
    worst = max((one.split(" ", 1)[0] for one in told), key=SEVERITIES.index, default="ok")
    meaning = ", ".join(one.partition(" ")[2] for one in told)
    return float(int.from_bytes(octets[:6], "big")), worst, meaning


def _class(reader: Reader, rule: SensorRule, index: str) -> SensorClass | None:
    if not isinstance(rule.type, Choice):
        return rule.type
    found = reader.value(rule.type.of, index)
    return None if found is None else rule.type.map.get(as_text(found))


def _entity_scaled(reader: Reader, rule: SensorRule, index: str, value: float) -> float:
    """RFC 3433: the scale counts in thousands around units(9), the precision is the digits behind the point."""
    scale = reader.number(rule.scale, index)
    precision = reader.number(rule.precision, index) or 0
    power = 3 * (scale - 9) if scale is not None and 1 <= scale <= 17 else 0
    return float(value * 10 ** (power - max(-8, min(9, precision))))


def _amount(reader: Reader, rule: AmountRule, leading: Reference, index: str) -> Amount | None:
    unit = _unit(reader, rule.unit, index)
    total_unit = unit if rule.total_unit is None else _unit(reader, rule.total_unit, index)
    used, free, total = (
        None if number is None else (number if number >= 0 else number + 2**32) * scale
        for number, scale in (
            (reader.number(rule.used, index), unit),
            (reader.number(rule.free, index), unit),
            (reader.number(rule.total, index), total_unit),
        )
    )
    percent = reader.number(rule.percent, index)
    if total is None and used is not None and free is not None:
        total = used + free
    if used is None and total is not None:
        used = total - free if free is not None else total * percent / 100 if percent is not None else None
    if (total is not None and total <= 0) or (used is None and percent is None):
        return None
    if percent is None and total and used is not None:
        percent = 100 * used / total
    name = _name(reader, rule, index)
    kind = next((one.kind for one in rule.kinds if one.name.search(name)), rule.kind)
    return Amount(_oid(leading, index), index, name, kind, total, used, percent)


def _unit(reader: Reader, unit: float | Reference, index: str) -> float:
    return unit if isinstance(unit, float) else reader.number(unit, index) or 1.0


def _without_reclaimable(rule: AmountRule, pools: list[Amount]) -> list[Amount]:
    """Buffers and caches are memory that can be had at once: they count as parts of the pool, and not as used."""
    main = next((pool for pool in pools if rule.main is not None and rule.main.search(pool.name)), None)
    if main is None or main.used_bytes is None or not main.total_bytes:
        return pools
    parts = [pool for pool in pools if pool.kind in ("buffers", "cached", "shared")]
    freed = sum(pool.used_bytes or 0 for pool in parts if pool.kind != "shared")
    used = main.used_bytes - freed if freed <= main.used_bytes else main.used_bytes
    return [
        _sized(pool, main.total_bytes, used)
        if pool is main
        else _sized(pool, main.total_bytes, pool.used_bytes or 0)
        if pool in parts
        else pool
        for pool in pools
    ]


def _sized(pool: Amount, total: float, used: float) -> Amount:
    return Amount(pool.oid, pool.index, pool.name, pool.kind, total, used, 100 * used / total)


def _name(reader: Reader, rule: Rule, index: str) -> str:
    return reader.text(rule.name, index) or index


def _oid(reference: Reference, index: str) -> str:
    return reference.oid if reference.is_scalar else f"{reference.oid}.{index}"
