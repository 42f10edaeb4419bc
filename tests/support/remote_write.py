"""Remote-write requests, written by hand so that they depend on nothing that is tested."""

import struct
import urllib.request
from collections.abc import Iterable, Mapping

from netmon_proto.model import Labels

_LITERAL = 1 << 16


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _sample(time_ms: int, value: float) -> bytes:
    return b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(time_ms)


def encoded(samples: Mapping[Labels, Mapping[int, float]]) -> bytes:
    """A request with these samples, as protobuf in a snappy block of nothing but literals."""
    body = bytearray()
    for labels, points in samples.items():
        series = b"".join(_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels)
        series += b"".join(_field(2, _sample(time_ms, value)) for time_ms, value in sorted(points.items()))
        body += _field(1, series)
    packed = bytearray(_varint(len(body)))
    for start in range(0, len(body), _LITERAL):
        part = body[start : start + _LITERAL]
        packed += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return bytes(packed)


def write(url: str, samples: Mapping[Labels, Mapping[int, float]]) -> None:
    """Sends samples to a server that takes remote write, in one request per part of time, oldest first."""
    for part in _in_order(samples):
        request = urllib.request.Request(url + "/api/v1/write", encoded(part), method="POST")
        for name, value in {
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }.items():
            request.add_header(name, value)
        urllib.request.urlopen(request, timeout=30).close()


def _in_order(samples: Mapping[Labels, Mapping[int, float]]) -> Iterable[dict[Labels, dict[int, float]]]:
    """A part for each ten minutes."""
    windows = sorted({time_ms // 600_000 for points in samples.values() for time_ms in points})
    for window in windows:
        part = {
            labels: {time_ms: value for time_ms, value in points.items() if time_ms // 600_000 == window}
            for labels, points in samples.items()
        }
        yield {labels: points for labels, points in part.items() if points}
