"""One GET over HTTP/1.1, bounded in time and size: a target can neither hold the agent up nor fill its memory."""

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_LINE_BYTES: Final = 16 << 10
_MOST_HEADERS: Final = 100
_READ_BYTES: Final = 64 << 10


class NotFetched(Exception):
    """Why there is no page; for people."""


class Page(NamedTuple):
    text: str
    media: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a page is."""

    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def of(cls, url: str) -> "Address":
        """Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://127.0.0.1:9100/metrics")
        if parts.username is not None or parts.fragment or any(ord(one) < 0x21 for one in url):
            raise ValueError("must have no user, fragment or blank in it")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, port, path.encode("ascii", "replace").decode(), parts.scheme == "https")

    @property
    def named(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def fetch(
    address: Address,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    most_bytes: int,
    context: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> Page:
    """The page. Raises NotFetched."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _fetch(address, headers, most_bytes, context, server_name)
    except TimeoutError:
        raise NotFetched(f"no page within {timeout_s:g} s") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, zlib.error) as error:
        raise NotFetched(str(error) or type(error).__name__) from None


async def _fetch(
    address: Address, headers: Mapping[str, str], most_bytes: int, context: ssl.SSLContext | None, name: str | None
) -> Page:
    reader, writer = await asyncio.open_connection(
        address.host,
        address.port,
        limit=_LINE_BYTES,
        ssl=context,
        server_hostname=(name or address.host) if context else None,
    )
    try:
        lines = [f"GET {address.path} HTTP/1.1", f"Host: {address.named}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answered = await _head(reader)
        if answered.get("content-encoding", "identity") not in ("identity", "gzip"):
            raise NotFetched(f"the page is packed by {answered['content-encoding'][:40]!r}, not gzip")
        body = _Body(most_bytes, packed=answered.get("content-encoding") == "gzip")
        await _read_body(reader, answered, body)
        return Page(body.text(), answered.get("content-type", ""))
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> dict[str, str]:
    """The headers of a good answer. Raises NotFetched."""
    status = (await reader.readuntil(b"\r\n")).decode("latin-1").split(None, 2)
    if len(status) < 2 or not status[0].startswith("HTTP/1."):
        raise NotFetched("what answers does not speak HTTP")
    if status[1] != "200":
        raise NotFetched(f"the answer is {' '.join(status[1:])[:80].strip()}")
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = (await reader.readuntil(b"\r\n")).decode("latin-1").strip()
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    raise NotFetched(f"the answer has more than {_MOST_HEADERS} headers")


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], body: "_Body") -> None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            if size < 0:
                raise NotFetched("the answer has a part of negative size")
            await _read_exactly(reader, size, body)
            await reader.readuntil(b"\r\n")
    elif "content-length" in headers:
        await _read_exactly(reader, int(headers["content-length"]), body)
    else:
        while data := await reader.read(_READ_BYTES):
            body.add(data)


async def _read_exactly(reader: asyncio.StreamReader, size: int, body: "_Body") -> None:
    while size > 0:
        data = await reader.read(min(size, _READ_BYTES))
        if not data:
            raise NotFetched("the answer is cut off")
        body.add(data)
        size -= len(data)


class _Body:
    """What was read so far, unpacked."""

    def __init__(self, most_bytes: int, *, packed: bool) -> None:
        self._most_bytes = most_bytes
        self._unpacker = zlib.decompressobj(wbits=31) if packed else None
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        if self._unpacker is not None:
            data = self._unpacker.decompress(data, self._most_bytes - self._size + 1)
        self._size += len(data)
        if self._size > self._most_bytes:
            raise NotFetched(f"the page has more than {self._most_bytes} bytes (max_size)")
        self._pieces.append(data)

    def text(self) -> str:
        if self._unpacker is not None and not self._unpacker.eof:
            raise NotFetched("the answer is cut off")
        return b"".join(self._pieces).decode()
