"""The collector's WebSocket (RFC 6455), with nothing but the standard library: messages are JSON objects in text."""

import base64
import contextlib
import hashlib
import json
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from netmon_cli.access import Access

PATH: Final = "/api/v1/ws"
SILENCE_S: Final = 90.0
"""The collector asks every 30 seconds whether we are there; one that does not is gone."""
LARGEST_BYTES: Final = 64 << 20
_ACCEPT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_LAST = 0x80
_MASKED = 0x80


class NotListening(Exception):
    """The WebSocket cannot be had, or has ended; says why."""


class Listening:
    """An open WebSocket. All methods raise NotListening when it is over."""

    def __init__(self, connection: socket.socket, reader: BinaryIO) -> None:
        self._connection = connection
        self._reader = reader

    def say(self, message: dict[str, Any]) -> None:
        self._send(_TEXT, json.dumps(message).encode())

    def messages(self) -> Iterator[Any]:
        """What the collector says, until it ends."""
        whole = b""
        while True:
            first, payload = self._frame()
            match first & 0xF:
                case 0 | 1:
                    whole += payload
                    if len(whole) > LARGEST_BYTES:
                        raise NotListening("a message is too large")
                    if first & _LAST:
                        yield _parsed(whole)
                        whole = b""
                case 8:
                    raise NotListening(payload[2:].decode("utf-8", "replace") or "the collector closed the connection")
                case 9:
                    self._send(_PONG, payload)

    def close(self) -> None:
        with contextlib.suppress(NotListening):
            self._send(_CLOSE, struct.pack("!H", 1000))
        self._connection.close()

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        if length > LARGEST_BYTES or second & _MASKED:
            raise NotListening("what answers is no WebSocket of netmon's")
        return first, self._read(length)

    def _read(self, length: int) -> bytes:
        try:
            found = self._reader.read(length)
        except OSError as error:
            raise NotListening(str(error)) from None
        if len(found) < length:
            raise NotListening("the connection ended")
        return found

    def _send(self, kind: int, payload: bytes) -> None:
        """At most 65,535 bytes. Masked, as all that clients send: so that no proxy takes it for HTTP."""
        size, mask = len(payload), secrets.token_bytes(4)
        lengths = struct.pack("!BH", _MASKED | 126, size) if size > 125 else bytes([_MASKED | size])
        masked = bytes(one ^ mask[place % 4] for place, one in enumerate(payload))
        try:
            self._connection.sendall(bytes([_LAST | kind]) + lengths + mask + masked)
        except OSError as error:
            raise NotListening(str(error)) from None


@contextlib.contextmanager
def listening(access: Access, timeout_s: float = 10.0) -> Iterator[Listening]:
    """Opens the WebSocket of a collector, and closes it at the end. Raises NotListening."""
    with contextlib.ExitStack() as closing:
        try:
            connection = closing.enter_context(_connected(access.url, timeout_s))
            response = HTTPResponse(connection)
            closing.callback(response.close)
            reader = response.fp
            _shake_hands(connection, response, access)
            connection.settimeout(SILENCE_S)
        except (OSError, HTTPException) as error:
            raise NotListening(str(error) or type(error).__name__) from None
        opened = Listening(connection, reader)
        closing.callback(opened.close)
        yield opened


def _connected(url: str, timeout_s: float) -> socket.socket:
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_tls = parts.scheme == "https"
    connection = socket.create_connection((host, parts.port or (443 if is_tls else 80)), timeout_s)
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host) if is_tls else connection


def _shake_hands(connection: socket.socket, response: HTTPResponse, access: Access) -> None:
    parts, key = urlsplit(access.url), base64.b64encode(secrets.token_bytes(16))
    lines = [
        f"GET {parts.path.rstrip('/')}{PATH} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key.decode()}",
    ]
    if access.token is not None:
        lines.append(f"Authorization: Bearer {access.token}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    response.begin()
    wanted = base64.b64encode(hashlib.sha1(key + _ACCEPT, usedforsecurity=False).digest()).decode()
    if response.status != 101 or response.headers.get("Sec-WebSocket-Accept") != wanted:
        raise NotListening(f"HTTP status {response.status}")


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise NotListening("what was said is no JSON") from None
