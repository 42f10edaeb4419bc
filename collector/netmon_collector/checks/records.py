"""What is known of an assigned check; what is secret of it is kept elsewhere, sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netmon_proto.model import CheckReport


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """A check, and which agents make it; times are Unix milliseconds.

    `shown` are its options without what is secret. `targets` are names or addresses of hosts by the label `target`,
    empty where a target is no host; `devices` are the handles that they are to each agent. With `is_any` one agent
    makes it, and another one when that is gone. `interval_ms` is 0 where each agent's own counts. `revision` differs
    from that of a check that had the name before.
    """

    name: str
    type: str
    shown: Mapping[str, Any]
    targets: Mapping[str, str]
    agents: tuple[str, ...]
    interval_ms: int
    added_ms: int
    revision: int
    size_bytes: int
    is_any: bool = False
    devices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Told(NamedTuple):
    """What an agent said of a check last."""

    report: CheckReport
    heard_ms: int


@dataclass(slots=True)
class Assigned:
    """A check as it is now, and what its agents say of it."""

    record: CheckRecord
    told: dict[str, Told] = field(default_factory=dict)
