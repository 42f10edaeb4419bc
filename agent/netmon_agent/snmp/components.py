"""Processors, memory, storage and sensors as readings, with one set of names for all vendors."""

from collections.abc import Iterator

from netmon_agent.inputs.base import Reading
from netmon_agent.snmp.findings import Amount, Findings

SEVERITIES = {"ok": 0.0, "warning": 1.0, "critical": 2.0, "unknown": 3.0}


def component_readings(found: Findings) -> Iterator[Reading]:
    """`snmp_processor_busy_ratio`, `snmp_memory_*`, `snmp_storage_*`, `snmp_sensor_*`; docs/profiles.md lists them."""
    for processor in found.processors:
        labels = {"index": processor.index, "processor": processor.name}
        yield Reading("snmp_processor_busy_ratio", labels, processor.percent / 100)
    for pool in found.memory:
        yield from _amount("snmp_memory", pool)
    for disk in found.storage:
        yield from _amount("snmp_storage", disk)
    for sensor in found.sensors:
        labels = {"index": sensor.index, "object": sensor.oid.removesuffix(f".{sensor.index}"), "sensor": sensor.name}
        if sensor.severity:
            yield Reading("snmp_sensor_state", labels, SEVERITIES[sensor.severity])
        else:
            unit = f"_{sensor.unit}" if sensor.unit and sensor.unit != sensor.type else ""
            yield Reading(f"snmp_sensor_{sensor.type}{unit}", labels, sensor.value)


def _amount(prefix: str, amount: Amount) -> Iterator[Reading]:
    labels = {"index": amount.index, "kind": amount.kind, "name": amount.name}
    if amount.total_bytes is not None:
        yield Reading(f"{prefix}_size_bytes", labels, amount.total_bytes)
        if amount.used_bytes is not None:
            yield Reading(f"{prefix}_used_bytes", labels, amount.used_bytes)
    elif amount.percent is not None:
        yield Reading(f"{prefix}_used_ratio", labels, amount.percent / 100)
