"""Which way packets take to a host: its hops, how fast and how reliable each is, and whether it has changed."""

import time
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, PrivateAttr

from netmon_agent.icmp.trace import LEAST_BYTES, Hop, NotPossible, Path, TracePlan, trace
from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import CannotCheck, HostProbe, IpVersion, Way, Wrong
from netmon_configs.options import Duration
from netmon_proto.model import Kind

_LOOKUP_S: Final = 5.0

Routers = Mapping[int, frozenset[str]]
"""Who answers, by the number of the hop; silent ones are not there."""


class PathInput(HostProbe):
    """Up when the target answers; what changes of the way is counted from the agent's start."""

    type: Literal["path"]
    ip_version: IpVersion = None
    max_hops: int = Field(default=30, ge=1, le=64)
    tries: int = Field(default=3, ge=1, le=10)
    gap_s: Duration = Field(default=0.02, alias="gap", ge=0.001, le=1)
    timeout_s: Duration = Field(default=1.0, alias="timeout", gt=0, le=10)
    size: int = Field(default=32, ge=LEAST_BYTES, le=1400, multiple_of=2)

    _routers: dict[int, frozenset[str]] = PrivateAttr(default_factory=dict)
    _length: int = PrivateAttr(default=0)
    """Hops to the target when it was reached last; 0 where it never was."""
    _changes: int = PrivateAttr(default=0)

    @property
    def target(self) -> str:
        return f"path://{self.host}"

    @property
    def limit_s(self) -> float:
        return _LOOKUP_S + self.max_hops * self.tries * self.gap_s * 2 + self.timeout_s

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        way = await Way.to(self.host, 0, self.ip_version)
        told += way.about(target)
        started = time.perf_counter()
        plan = TracePlan(way.address, self.max_hops, self.tries, self.gap_s, self.timeout_s, self.size)
        try:
            path = await trace(plan)
        except NotPossible as error:
            raise CannotCheck(str(error)) from None
        told.append(Reading("probe_path_duration_seconds", target, time.perf_counter() - started))
        told += self._about_way(path, target)
        told += [one for number, hop in enumerate(path.hops, 1) for one in _about_hop(number, hop, target)]
        if path.refused_by is not None:
            raise Wrong(f"{path.refused_by} says that there is no way to it")
        if not path.reached:
            raise Wrong(f"no answer; the last hop that answers is number {len(path.hops)}")

    def _about_way(self, path: Path, target: dict[str, str]) -> list[Reading]:
        """Compares with what was known before, and keeps what is known now."""
        now = {number: frozenset(hop.addresses) for number, hop in enumerate(path.hops, 1) if hop.addresses}
        length = len(path.hops) if path.reached else 0
        changed = has_changed(self._routers, now) or bool(length and self._length and length != self._length)
        self._changes += changed
        self._length = length or self._length
        kept = {number: who for number, who in self._routers.items() if not length or number <= length}
        self._routers = kept | now
        found = [
            Reading("probe_path_changed", target, float(changed)),
            Reading("probe_path_changes_total", target, float(self._changes), Kind.COUNTER),
        ]
        return [*found, Reading("probe_path_hops", target, float(length))] if length else found


def has_changed(before: Routers, now: Routers) -> bool:
    """Whether some hop is another router than before; one that is silent now may well be the same."""
    return any(before[number].isdisjoint(who) for number, who in now.items() if number in before)


def _about_hop(number: int, hop: Hop, target: dict[str, str]) -> list[Reading]:
    labels = target | {"hop": str(number)}
    found = [Reading("probe_path_hop_loss_ratio", labels, 1.0 - len(hop.rtts_s) / hop.sent)]
    if hop.rtts_s:
        found.append(Reading("probe_path_hop_rtt_seconds", labels, sum(hop.rtts_s) / len(hop.rtts_s)))
    return [*found, *(Reading("probe_path_hop_info", labels | {"address": one}, 1.0) for one in hop.addresses)]
