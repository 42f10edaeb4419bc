"""One gRPC stream to a collector, as bytes.

grpclib rather than grpcio: it speaks HTTP/2 in the event loop's own thread. grpcio's core costs an agent 15 MB and half
a millisecond of CPU every second in idle threads, as much again as the gathering itself (docs/adr/0005).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.metadata import decode_grpc_message
from h2.exceptions import H2Error

from netmon_configs.options import split_address
from netmon_proto import wire

WINDOW_BYTES = 4 << 20
KEEPALIVE_S = 30.0
KEEPALIVE_TIMEOUT_S = 20.0
UNHEARD_S = 10.0
"""So long may what was sent stay without an acknowledgement before the kernel ends the connection (TCP_USER_TIMEOUT).

Else a network that comes back is noticed late: each repetition waits twice as long as the one before it, and a TLS
connection that grpclib closes for want of an answer waits half a minute more to take leave of nobody.
"""
LAST_WORDS_S = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where the collector is (host:port, or unix:/path), and how it is spoken to; without `tls` in the clear."""

    address: str
    tls: bool = False
    root_certificates: bytes | None = None
    server_name: str | None = None
    join_token: str | None = None


class StreamEnded(Exception):
    """The stream is over; says why, for people."""

    def __init__(self, why: str, *, frame_too_large: bool = False) -> None:
        super().__init__(why)
        self.frame_too_large = frame_too_large


class _Bytes(CodecBase):
    """Frames are encoded and decoded by wire.py."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


class Connection:
    """An open stream. All methods raise StreamEnded when it is over."""

    def __init__(self, stream: Stream[bytes, bytes]) -> None:
        self._stream = stream
        self._sending = asyncio.Lock()  # a frame goes out in pieces: two at once would mix

    def transport(self) -> asyncio.Transport:
        """What carries the stream; grpclib keeps it to itself."""
        transport: asyncio.Transport = self._stream._stream.connection._transport
        return transport

    async def send(self, frame: bytes) -> None:
        """Sends a frame, when the other side has room for it."""
        async with self._sending, self._explained():
            await self._stream.send_message(frame)

    async def receive(self) -> bytes:
        """The next frame from the other side."""
        async with self._explained():
            frame = await self._stream.recv_message()
            if frame is not None:
                return frame
            await self._stream.end()
            await self._stream.recv_trailing_metadata()
        raise StreamEnded("the collector closed the stream")

    @contextlib.asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        try:
            yield
        except GRPCError as error:
            raise _status(error) from None
        except StreamTerminatedError as error:
            raise self._last_words() or StreamEnded(str(error)) from None
        except (ProtocolError, H2Error, OSError) as error:
            raise StreamEnded(str(error) or type(error).__name__) from None

    def _last_words(self) -> StreamEnded | None:
        """The status that came just before the connection was closed; grpclib keeps it, but tells of the end only."""
        inner = getattr(self._stream, "_stream", None)
        said = dict(getattr(inner, "headers", None) or ()) | dict(getattr(inner, "trailers", None) or ())
        try:
            status = Status(int(said["grpc-status"]))
        except (KeyError, ValueError):
            return None
        return _status(GRPCError(status, decode_grpc_message(said.get("grpc-message", ""))))


@contextlib.asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Connection]:
    """Opens a stream to a collector and closes it at the end. Raises StreamEnded."""
    config = Configuration(
        http2_connection_window_size=WINDOW_BYTES,
        http2_stream_window_size=WINDOW_BYTES,
        ssl_target_name_override=target.server_name,
        _keepalive_time=KEEPALIVE_S,
        _keepalive_timeout=KEEPALIVE_TIMEOUT_S,
    )
    if target.address.startswith("unix:"):
        channel = Channel(path=target.address.removeprefix("unix:"), codec=_Bytes(), config=config)
    else:
        host, port = split_address(target.address)
        channel = Channel(host, port, codec=_Bytes(), config=config, ssl=_context(target) if target.tls else None)
    metadata = {"authorization": f"Bearer {target.join_token}"} if target.join_token else None
    call = channel.request(wire.METHOD, Cardinality.STREAM_STREAM, bytes, bytes, metadata=metadata)
    try:
        stream = await call.__aenter__()
        try:
            await stream.send_request()
        except ssl.SSLCertVerificationError as error:
            raise StreamEnded(f"the collector's certificate is not accepted: {error.verify_message}") from None
        except (OSError, StreamTerminatedError, H2Error) as error:
            raise StreamEnded(f"not reachable: {_plain(error)}") from None
        connection = Connection(stream)
        _bound_silence(connection.transport())
        yield connection
    finally:
        channel.close()
        with contextlib.suppress(Exception):  # closing tells of what is known already
            await call.__aexit__(None, None, None)


def _bound_silence(transport: asyncio.Transport) -> None:
    """Has the kernel end a TCP connection on which nothing arrives any more."""
    opened = transport.get_extra_info("socket")
    if opened.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNHEARD_S * 1000))


def _context(target: Target) -> ssl.SSLContext:
    roots = target.root_certificates.decode("ascii", "replace") if target.root_certificates else None
    try:
        context = ssl.create_default_context(cadata=roots)
    except ssl.SSLError as error:
        raise StreamEnded(f"the CA file holds no certificate that can be read: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context


def _status(error: GRPCError) -> StreamEnded:
    message = error.message or ""
    match error.status:
        case Status.UNAUTHENTICATED:
            return StreamEnded(f"the collector does not accept this agent: {message}")
        case Status.UNIMPLEMENTED:
            return StreamEnded("what listens there is not a netmon collector's gRPC port")
        case Status.RESOURCE_EXHAUSTED:
            return StreamEnded(f"resource_exhausted: {message}", frame_too_large="larger than max" in message)
        case status:
            return StreamEnded(f"{status.name.lower()}: {message}")


def _plain(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
