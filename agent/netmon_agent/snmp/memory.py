"""What polls learn of a device, so that the next one, or the next process, need not learn it again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from netmon_agent.snmp.counters import CounterBook
from netmon_agent.snmp.credentials import Tries
from netmon_agent.snmp.findings import Identity
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.poll import Known


@dataclass(slots=True)
class Memory:
    """What is known of a device from earlier polls; belongs to one device, and to one poll at a time."""

    pace: Pace = field(default_factory=Pace)
    tries: Tries = field(default_factory=Tries)
    known: Known = field(default_factory=Known)
    in_vlans: bool = True
    """Whether it may be asked VLAN by VLAN; a process learns anew that it may not."""


def packed(memory: Memory) -> dict[str, Any]:
    """A memory as plain values, without what means nothing to another process: times, and counters' last readings."""
    identity = memory.known.identity
    return {
        "pace": asdict(memory.pace),
        "credential": memory.tries.known,
        "identity": None if identity is None else asdict(identity),
        "absent": sorted(memory.known.absent),
        "silent": sorted(memory.known.silent),
        "offsets": memory.known.counters.offsets,
    }


def unpacked(plain: Mapping[str, Any]) -> Memory:
    """The memory that was packed. Raises KeyError, TypeError, ValueError for what is none."""
    pace = Pace(**{one.name: plain["pace"][one.name] for one in fields(Pace)})
    known = plain["identity"]
    identity = None if known is None else Identity(**{**known, "reasons": tuple(known["reasons"])})
    offsets = {
        str(metric): {str(index): int(offset) for index, offset in rows.items()}
        for metric, rows in plain["offsets"].items()
    }
    credential = plain["credential"]
    return Memory(
        pace,
        Tries(None if credential is None else int(credential)),
        Known(
            identity,
            frozenset(map(str, plain["absent"])),
            silent=frozenset(map(str, plain.get("silent", ()))),
            counters=CounterBook(offsets),
        ),
    )
