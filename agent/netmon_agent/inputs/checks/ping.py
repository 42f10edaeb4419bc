"""Whether hosts answer pings, how fast, and how many are lost."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field, PrivateAttr, field_validator

from netmon_agent.icmp.pinger import Pinger, Plan, Round
from netmon_agent.icmp.wire import Targets
from netmon_agent.inputs.base import Columns, Input, Key, Reading
from netmon_agent.inputs.checks.base import Check, Host, SocketAddress, address_hash, literal, resolve
from netmon_configs.options import Duration
from netmon_proto.model import STALE, Kind

_LOOKUPS_AT_ONCE: Final = 16
_SERIES: Final = (
    ("probe_success", ""),
    ("probe_duration_seconds", ""),
    ("probe_dns_lookup_time_seconds", ""),
    ("probe_icmp_duration_seconds", "resolve"),
    ("probe_icmp_duration_seconds", "setup"),
    ("probe_ip_protocol", ""),
    ("probe_ip_addr_hash", ""),
    ("probe_icmp_reply_hop_limit", ""),
    ("probe_icmp_packet_loss_ratio", ""),
    ("probe_icmp_rtt_min_seconds", ""),
    ("probe_icmp_rtt_avg_seconds", ""),
    ("probe_icmp_duration_seconds", "rtt"),
    ("probe_icmp_rtt_max_seconds", ""),
    ("probe_icmp_rtt_jitter_seconds", ""),
)
_Summary = tuple[float, float, float, float, float, float, float]
"""Success, loss, and RTT: least, mean, mean (once more), most, jitter."""
_DOWN: Final[_Summary] = (0.0, 1.0, STALE, STALE, STALE, STALE, STALE)


class _Found(NamedTuple):
    """A target's address, None where it has none, its hash, and how long the search took."""

    address: SocketAddress | None
    hash: float
    took_s: float


class PingInput(Check):
    """Sends ICMP echo requests to many targets; one that answers at least one of them is up.

    Values that a target has only while it answers end with the stale marker, in place: the series of many targets
    need no new layout when one of them goes down.
    """

    type: Literal["ping"]
    targets: Annotated[tuple[Host, ...], Field(min_length=1, max_length=6_000)]
    count: int = Field(default=3, ge=1, le=100)
    gap_s: Duration = Field(default=0.2, alias="gap", ge=0.001, le=10)
    timeout_s: Duration = Field(default=2.0, alias="timeout", gt=0, le=60)
    ip_version: Literal[4, 6] | None = None
    size: int = Field(default=56, ge=12, le=65_000)
    dscp: int = Field(default=0, ge=0, le=63)

    _pinger: Pinger | None = PrivateAttr(default=None)
    _keys: tuple[Key, ...] = PrivateAttr(default=())
    _known: dict[str, _Found] = PrivateAttr(default_factory=dict)
    """Targets that are addresses."""
    _aimed: Targets = PrivateAttr(default_factory=lambda: Targets([]))
    """The addresses of the last gather."""

    @field_validator("targets")
    @classmethod
    def _differ(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(targets)) < len(targets):
            twice = next(one for position, one in enumerate(targets) if one in targets[:position])
            raise ValueError(f"must differ: {twice} is there more than once")
        return targets

    @property
    def title(self) -> str:
        more = f" and {len(self.targets) - 1} more" if len(self.targets) > 1 else ""
        return f"ping {self.targets[0][:90]}{more}"

    @property
    def probed(self) -> tuple[str, ...]:
        return self.targets

    @property
    def asked(self) -> Mapping[str, str]:
        return {target: target for target in self.targets}

    def use(self, pinger: Pinger) -> None:
        """Goes through a socket that others use too."""
        self._pinger = pinger

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        found = await self._resolve_all()
        addresses = [one.address for one in found if one.address is not None]
        if addresses != self._aimed.addresses:
            self._aimed = Targets(addresses)
        plan = Plan(
            self._aimed,
            count=self.count,
            gap_s=self.gap_s,
            timeout_s=self.timeout_s,
            size=self.size,
            traffic_class=self.dscp << 2,
        )
        if self._pinger is None:
            self._pinger = Pinger()
        try:
            done = await self._pinger.ping(plan)
        except PermissionError:
            raise PermissionError("this user may not send pings; 'netmon doctor' says how to allow it") from None
        if not self._keys:
            self._keys = tuple(_key(name, phase, target) for name, phase in _SERIES for target in self.targets)
        return [Columns(self._keys, _values(found, done))]

    async def close(self) -> None:
        if self._pinger is not None:
            self._pinger.close()

    async def _resolve_all(self) -> Sequence[_Found]:
        if not self._known:
            addresses = ((target, literal(target)) for target in self.targets)
            self._known = {
                target: _Found(address, address_hash(address), 0.0)
                for target, address in addresses
                if address is not None and self.ip_version in (None, 4 if len(address) == 2 else 6)
            }
        if len(self._known) == len(self.targets):
            return list(self._known.values())
        room = asyncio.Semaphore(_LOOKUPS_AT_ONCE)
        looked_up = (self._look_up(target, room) for target in self.targets if target not in self._known)
        rest = iter(await asyncio.gather(*looked_up))
        return [self._known.get(target) or next(rest) for target in self.targets]

    async def _look_up(self, target: str, room: asyncio.Semaphore) -> _Found:
        async with room:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self.timeout_s):
                    address = await resolve(target, ip_version=self.ip_version)
            except OSError:  # no such name, nobody to ask, timed out: nobody to ping
                return _Found(None, 0.0, time.perf_counter() - started)
            return _Found(address, address_hash(address), time.perf_counter() - started)


def share_socket(inputs: Iterable[Input], pinger: Pinger) -> None:
    """Has all pings go through one socket per address family."""
    for one in inputs:
        if isinstance(one, PingInput):
            one.use(pinger)


def _key(name: str, phase: str, target: str) -> Key:
    labels = (("phase", phase), ("target", target)) if phase else (("target", target),)
    return Key(name, labels, Kind.GAUGE)


def _values(found: Sequence[_Found], done: Round) -> list[float]:
    """In the order of _SERIES, and for each in the order of the targets."""
    reached = [one.address is not None for one in found]
    took_s, hops = iter(_durations_s(done)), iter(done.hop_limits)
    success, loss, *rtt = _summaries(done) if all(reached) else _with_gaps(_summaries(done), reached)
    lookup_s = [one.took_s for one in found]
    return [
        *success,
        *[one.took_s + (next(took_s) if one.address else 0.0) for one in found],
        *lookup_s,
        *lookup_s,
        *[0.0] * len(found),  # the socket is open already
        *[float(4 if len(one.address) == 2 else 6) if one.address else 0.0 for one in found],
        *[one.hash for one in found],
        *[float(hop) if hop else STALE for hop in (next(hops) if one else 0 for one in reached)],
        *loss,
        *[value for column in rtt for value in column],
    ]


def _with_gaps(columns: Iterable[Sequence[float]], reached: Sequence[bool]) -> list[list[float]]:
    """Columns of the targets that were pinged, with those in between that had no address."""
    rests = [(iter(column), down) for column, down in zip(columns, _DOWN, strict=True)]
    return [[next(rest) if one else down for one in reached] for rest, down in rests]


def _summaries(done: Round) -> Sequence[Sequence[float]]:
    """A column for each value of a summary."""
    width = len(done.plan.targets)
    if done.plan.count > 1 or not width:
        return list(zip(*(_summary(done.rtt_ns[at::width].tolist()) for at in range(width)), strict=True)) or [()] * 7
    if min(done.rtt_ns) >= 0:
        rtts_s = [rtt_ns * 1e-9 for rtt_ns in done.rtt_ns]
        zeros = [0.0] * width
        return [1.0] * width, zeros, rtts_s, rtts_s, rtts_s, rtts_s, zeros
    up = [rtt_ns >= 0 for rtt_ns in done.rtt_ns]
    rtts_s = [rtt_ns * 1e-9 if rtt_ns >= 0 else STALE for rtt_ns in done.rtt_ns]
    loss, jitter = [0.0 if one else 1.0 for one in up], [0.0 if one else STALE for one in up]
    return list(map(float, up)), loss, rtts_s, rtts_s, rtts_s, rtts_s, jitter


def _summary(rtts_ns: list[int]) -> _Summary:
    came = [one * 1e-9 for one in rtts_ns if one >= 0]
    if not came:
        return _DOWN
    mean = sum(came) / len(came)
    steps = [abs(after - before) for before, after in pairwise(came)]
    jitter = sum(steps) / len(steps) if steps else 0.0
    return 1.0, 1.0 - len(came) / len(rtts_ns), min(came), mean, mean, max(came), jitter


def _durations_s(done: Round) -> list[float]:
    """From a target's first request until its last reply, or until the last was given up."""
    width, timeout_s = len(done.plan.targets), done.plan.timeout_s
    last = len(done.sent_ns) - width
    if done.plan.count == 1:
        return [rtt_ns * 1e-9 if rtt_ns >= 0 else timeout_s for rtt_ns in done.rtt_ns]
    return [
        (done.sent_ns[last + at] - done.sent_ns[at]) * 1e-9
        + (done.rtt_ns[last + at] * 1e-9 if done.rtt_ns[last + at] >= 0 else timeout_s)
        if done.sent_ns[at] and done.sent_ns[last + at]
        else 0.0
        for at in range(width)
    ]
