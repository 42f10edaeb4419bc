"""Whether a time server gives the time, and how far off this machine's clock is of it (RFC 5905)."""

import random
import struct
import time
from typing import Final, Literal, NamedTuple

from pydantic import Field

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import HostProbe, IpVersion, Port, Way, Wrong, url_of
from netmon_agent.inputs.checks.datagrams import Datagrams
from netmon_configs.options import Duration

_PACKET: Final = struct.Struct("!BBbbII4sQ8sQQ")
_CLIENT: Final = 4 << 3 | 3
_SERVER_MODE: Final = 4
_UNSYNCHRONISED: Final = 3
_LAST_STRATUM: Final = 15
_EPOCH_S: Final = 2_208_988_800
"""From 1900, where NTP's time begins, to 1970."""
_ERA: Final = 1 << 64
_SHORT: Final = 1 / (1 << 16)
_LONG: Final = 1 / (1 << 32)


class Answer(NamedTuple):
    """What a server said; its times are of NTP: 2^-32 seconds since 1900, modulo 2^64."""

    leap: int
    stratum: int
    root_delay_s: float
    root_dispersion_s: float
    reference: bytes
    set_at: int
    received: int
    sent: int


def read_answer(data: bytes, mark: bytes) -> Answer | None:
    """None where it is no answer to the request with this mark. Raises Wrong."""
    if len(data) < _PACKET.size:
        raise Wrong("what answers does not speak NTP")
    flags, stratum, _, _, delay, dispersion, reference, set_at, origin, received, sent = _PACKET.unpack_from(data)
    if flags & 7 != _SERVER_MODE or origin != mark:
        return None
    return Answer(flags >> 6, stratum, delay * _SHORT, dispersion * _SHORT, reference, set_at, received, sent)


def ntp_time(unix_ns: int) -> int:
    """The wall clock as NTP has it."""
    return ((unix_ns << 32) // 1_000_000_000 + (_EPOCH_S << 32)) % _ERA


def offset_s(answer: Answer, asked: int, came: int) -> float:
    """How far the server's clock is ahead of ours, both of whose times are NTP's; right in any era within 68 years."""
    return (_difference(answer.received, asked) + _difference(answer.sent, came)) * _LONG / 2


def _difference(one: int, other: int) -> int:
    """Signed; times wrap every 136 years, next in 2036."""
    return (one - other + _ERA // 2) % _ERA - _ERA // 2


class NtpInput(HostProbe):
    """Up when the server is synchronised and, where bounds are told, within them."""

    type: Literal["ntp"]
    port: Port = 123
    ip_version: IpVersion = None
    max_stratum: int = Field(default=_LAST_STRATUM, ge=1, le=_LAST_STRATUM)
    max_offset_s: Duration | None = Field(default=None, alias="max_offset", gt=0)

    @property
    def target(self) -> str:
        return url_of(self.type, self.host, self.port)

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        way = await Way.to(self.host, self.port, self.ip_version)
        told += way.about(target)
        # A mark in place of the time tells nobody our clock, and nobody who does not see it can answer.
        mark = random.SystemRandom().randbytes(8)
        request = _PACKET.pack(_CLIENT, 0, 0, 0, 0, 0, b"", 0, b"", 0, int.from_bytes(mark, "big"))
        datagrams = Datagrams(way)
        try:
            asked_ns, started_ns = time.time_ns(), time.perf_counter_ns()
            answer = await datagrams.ask(request, lambda data: read_answer(data, mark))
            took_ns = time.perf_counter_ns() - started_ns
        finally:
            datagrams.close()
        asked, came = ntp_time(asked_ns), ntp_time(asked_ns + took_ns)
        ahead_s = offset_s(answer, asked, came)
        rtt_s = took_ns * 1e-9 - _difference(answer.sent, answer.received) * _LONG
        told += _about(answer, target, ahead_s, rtt_s, asked, asked_ns)
        self._judge(answer, ahead_s)

    def _judge(self, answer: Answer, ahead_s: float) -> None:
        """Raises Wrong."""
        if answer.stratum == 0:
            raise Wrong(f"the server refuses: {answer.reference.decode('ascii', 'replace').strip(chr(0))!r}")
        if answer.leap == _UNSYNCHRONISED or answer.stratum > _LAST_STRATUM:
            raise Wrong("the server's clock is not synchronised")
        if answer.stratum > self.max_stratum:
            raise Wrong(f"the server's stratum is {answer.stratum} (max_stratum {self.max_stratum})")
        if self.max_offset_s is not None and abs(ahead_s) > self.max_offset_s:
            raise Wrong(f"the clocks differ by {ahead_s:.6g} s (max_offset {self.max_offset_s:g} s)")


def _about(
    answer: Answer, target: dict[str, str], ahead_s: float, rtt_s: float, now: int, now_ns: int
) -> list[Reading]:
    found = {
        "stratum": answer.stratum,
        "leap": answer.leap,
        "offset_seconds": ahead_s,
        "rtt_seconds": max(rtt_s, 0.0),
        "root_delay_seconds": answer.root_delay_s,
        "root_dispersion_seconds": answer.root_dispersion_s,
    }
    if answer.set_at:
        found["reference_timestamp_seconds"] = now_ns * 1e-9 + _difference(answer.set_at, now) * _LONG
    return [Reading(f"probe_ntp_{name}", target, float(value)) for name, value in found.items()]
