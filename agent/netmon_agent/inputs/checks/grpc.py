"""Whether a gRPC server says of itself or of a service that it is well (grpc.health.v1)."""

import asyncio
import struct
import time
from typing import Final, Literal

from pydantic import Field

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks import http2
from netmon_agent.inputs.checks.base import HostProbe, IpVersion, Port, Way, Wrong, url_of
from netmon_agent.inputs.checks.channel import Channel, TlsOptions

_PATH: Final = "/grpc.health.v1.Health/Check"
_STATES: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_PREFIX: Final = struct.Struct("!BI")
_MOST_BYTES: Final = 64 << 10
_DEADLINE_EXCEEDED: Final = 4
_UNAVAILABLE: Final = 14
_OK: Final = 0


class GrpcInput(HostProbe):
    """Up when the answer is SERVING; an empty `service` means the server as a whole."""

    type: Literal["grpc"]
    port: Port
    ip_version: IpVersion = None
    service: str = Field(default="", max_length=200)
    tls: TlsOptions | None = None

    @property
    def target(self) -> str:
        address = url_of("grpcs" if self.tls is not None else "grpc", self.host, self.port)
        return f"{address}/{self.service}" if self.service else address

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        context = self.tls.context(http2.ALPN) if self.tls is not None else None
        phases = {"resolve": 0.0, "check": 0.0}
        code, state = _UNAVAILABLE, ""
        try:
            way = await Way.to(self.host, self.port, self.ip_version)
            told += way.about(target)
            phases["resolve"] = way.lookup_s
            started = time.perf_counter()
            channel = await Channel.open(way)
            try:
                if self.tls is not None and context is not None:
                    await channel.secure(context, self.tls.server_name or self.host)
                    told += channel.about_tls(target)
                reply = await self._ask(channel)
            finally:
                channel.close()
                phases["check"] = time.perf_counter() - started
            code = status_of(reply)
            state = state_of(reply) if code == _OK else ""
        except asyncio.CancelledError:
            code = _DEADLINE_EXCEEDED
            raise
        finally:
            told += _about(target, code, state, phases, tls=context is not None)
        if code != _OK:
            raise Wrong(f"the server answers with status {code}: {reply.trailers.get('grpc-message', '')[:200]!r}")
        if state != "SERVING":
            raise Wrong(f"the server says {state}")

    async def _ask(self, channel: Channel) -> http2.Reply:
        """Raises Wrong, OSError."""
        name = self.service.encode()
        message = b"\x0a" + _varint(len(name)) + name if name else b""  # field 1 of HealthCheckRequest
        host, _, _ = self.target.partition("://")[2].partition("/")
        pseudo = [
            (":method", "POST"),
            (":scheme", "https" if self.tls is not None else "http"),
            (":authority", host),
            (":path", _PATH),
        ]
        headers = {"content-type": "application/grpc", "te": "trailers", "user-agent": "netmon"}
        return await http2.ask(channel, pseudo, headers, _PREFIX.pack(0, len(message)) + message, _MOST_BYTES)


def status_of(reply: http2.Reply) -> int:
    """The status of gRPC. Raises Wrong."""
    if reply.status != 200:
        raise Wrong(f"what answers does not speak gRPC: the status of HTTP is {reply.status}")
    if "grpc-status" in reply.headers:  # an answer that is trailers alone
        reply.trailers = reply.headers
    text = reply.trailers.get("grpc-status", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise Wrong("what answers does not speak gRPC: it gives no status")
    return int(text)


def state_of(reply: http2.Reply) -> str:
    """What a HealthCheckResponse says. Raises Wrong."""
    body = bytes(reply.body)
    if len(body) < _PREFIX.size:
        raise Wrong("the answer has no message")
    packed, length = _PREFIX.unpack_from(body)
    if packed or length != len(body) - _PREFIX.size:
        raise Wrong("the answer is not one plain message")
    try:
        number = _first_field(body, _PREFIX.size)
    except IndexError:
        raise Wrong("the answer is no health") from None
    return _STATES[number] if number < len(_STATES) else f"state {number}"


def _first_field(data: bytes, at: int) -> int:
    """The value of field 1, a varint, 0 where it is left out. Raises IndexError where the message is cut off."""
    value = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        match key & 7:
            case 0:
                number, at = _read_varint(data, at)
                value = number if key >> 3 == 1 else value
            case 2:
                length, at = _read_varint(data, at)
                at += length
            case 1 | 5:
                at += 8 if key & 7 == 1 else 4
            case _:
                raise IndexError
        if at > len(data):
            raise IndexError
    return value


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise IndexError


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _about(target: dict[str, str], code: int, state: str, phases: dict[str, float], *, tls: bool) -> list[Reading]:
    return [
        Reading("probe_grpc_ssl", target, float(tls)),
        Reading("probe_grpc_status_code", target, float(code)),
        *(Reading("probe_grpc_duration_seconds", target | {"phase": name}, phases[name]) for name in phases),
        *(
            Reading("probe_grpc_healthcheck_response", target | {"serving_status": one}, float(one == state))
            for one in _STATES
        ),
    ]
