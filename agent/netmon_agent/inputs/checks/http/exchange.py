"""One request and its answer over HTTP/1.1, bounded in every part, or over HTTP/2 where that was agreed."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from netmon_agent.inputs.checks import http2
from netmon_agent.inputs.checks.base import Wrong
from netmon_agent.inputs.checks.channel import Channel

_MOST_HEADERS: Final = 200
_WITHOUT_BODY: Final = (204, 304)
_READ_BYTES: Final = 64 << 10
_STATUS_LINE: Final = re.compile(r"HTTP/(1\.[01]) ([1-9]\d\d)(?: .*)?")
_DECIMAL: Final = re.compile(r"\d{1,15}")
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{1,12}")


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL names."""

    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def of(cls, url: str) -> "Place":
        """Raises ValueError."""
        if any(ord(one) < 0x21 or ord(one) == 0x7F for one in url):
            raise ValueError("must have no blank or control character in it")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as https://www.example.net/health")
        if parts.username is not None:
            raise ValueError("must have no user in it; there are options for that")
        tls = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        port = (443 if tls else 80) if parts.port is None else parts.port
        return cls(parts.hostname, port, path.encode("ascii", "replace").decode(), tls)

    @property
    def named(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


@dataclass(slots=True)
class Answer:
    """What came back, and how long it took until its first byte and from there to its end."""

    version: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    processing_s: float = 0.0
    transfer_s: float = 0.0

    @property
    def length(self) -> int:
        """As the server said it; -1 where it did not, 0 where the status says that there is nothing."""
        length = self.headers.get("content-length", "0" if self.status in _WITHOUT_BODY else "")
        return int(length) if _DECIMAL.fullmatch(length) and "transfer-encoding" not in self.headers else -1


async def exchange(
    channel: Channel, method: str, place: Place, headers: Mapping[str, str], body: bytes, most_bytes: int
) -> Answer:
    """Raises Wrong, OSError."""
    if channel.protocol == http2.ALPN:
        return await _exchange_2(channel, method, place, headers, body, most_bytes)
    lines = [f"{method} {place.path} HTTP/1.1"]
    given = {name.lower() for name in headers}
    defaults = {"Host": place.named, "User-Agent": "netmon", "Connection": "close"}
    if body or method in ("POST", "PUT", "PATCH"):
        defaults["Content-Length"] = str(len(body))
    lines += [f"{name}: {value}" for name, value in defaults.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    started = time.perf_counter()
    channel.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)
    status = await channel.line()
    first = time.perf_counter()
    answer = await _head(channel, status)
    while answer.status < 200 and answer.status != 101:  # "continue" and the like
        answer = await _head(channel, await channel.line())
    if method != "HEAD" and answer.status not in (101, *_WITHOUT_BODY):
        await _body(channel, answer, most_bytes)
    answer.processing_s, answer.transfer_s = first - started, time.perf_counter() - first
    return answer


async def _exchange_2(
    channel: Channel, method: str, place: Place, headers: Mapping[str, str], body: bytes, most_bytes: int
) -> Answer:
    started = time.perf_counter()
    authority = next((value for name, value in headers.items() if name.lower() == "host"), place.named)
    pseudo = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", place.path)]
    agent = {} if any(name.lower() == "user-agent" for name in headers) else {"user-agent": "netmon"}
    length = {"content-length": str(len(body))} if body else {}
    reply = await http2.ask(channel, pseudo, {**agent, **length, **headers}, body, most_bytes)
    return Answer(
        "2",
        reply.status,
        reply.headers,
        reply.body,
        reply.first_byte_s - started,
        time.perf_counter() - reply.first_byte_s,
    )


async def _head(channel: Channel, status: str) -> Answer:
    match = _STATUS_LINE.fullmatch(status)
    if match is None:
        raise Wrong("what answers does not speak HTTP")
    answer = Answer(match[1], int(match[2]))
    for _ in range(_MOST_HEADERS):
        line = await channel.line()
        if not line:
            return answer
        name, _, value = line.partition(":")
        answer.headers.setdefault(name.strip().lower(), value.strip())
    raise Wrong(f"the answer has more than {_MOST_HEADERS} headers")


async def _body(channel: Channel, answer: Answer, most_bytes: int) -> None:
    if answer.headers.get("transfer-encoding", "").lower() == "chunked":
        while size := await _chunk_size(channel):
            await _read(channel, answer.body, size, most_bytes)
            if await channel.line():
                raise Wrong("a part of the answer is longer than it says")
        for _ in range(_MOST_HEADERS):
            if not await channel.line():
                return
        raise Wrong("the answer has too many trailers")
    if "content-length" in answer.headers:
        if answer.length < 0:
            raise Wrong("the answer's length is no number")
        await _read(channel, answer.body, answer.length, most_bytes)
        return
    while data := await channel.reader.read(_READ_BYTES):
        _add(answer.body, data, most_bytes)


async def _chunk_size(channel: Channel) -> int:
    size = (await channel.line()).partition(";")[0].strip()
    if not _HEXADECIMAL.fullmatch(size):
        raise Wrong("a part of the answer does not say how long it is")
    return int(size, 16)


async def _read(channel: Channel, body: bytearray, size: int, most_bytes: int) -> None:
    while size > 0:
        data = await channel.reader.read(min(size, _READ_BYTES))
        if not data:
            raise Wrong("the answer is cut off")
        _add(body, data, most_bytes)
        size -= len(data)


def _add(body: bytearray, data: bytes, most_bytes: int) -> None:
    body += data
    if len(body) > most_bytes:
        raise Wrong(f"the answer has more than {most_bytes} bytes (max_size)")
