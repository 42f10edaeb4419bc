"""One request and its answer over HTTP/2 (RFC 9113), bounded in every part."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from netmon_agent.inputs.checks.base import Wrong
from netmon_agent.inputs.checks.channel import Channel

ALPN: Final = "h2"
_STREAM: Final = 1
_READ_BYTES: Final = 64 << 10
_MOST_HEADERS: Final = 200
_MOST_HEADER_BYTES: Final = 64 << 10
_NOT_IN_HTTP2: Final = ("connection", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade")


@dataclass(slots=True)
class Reply:
    """What came back; of a name that is there twice the first value counts. Times are those of perf_counter."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    trailers: dict[str, str] = field(default_factory=dict)
    first_byte_s: float = 0.0
    is_whole: bool = False


async def ask(
    channel: Channel, pseudo: Sequence[tuple[str, str]], headers: dict[str, str], body: bytes, most_bytes: int
) -> Reply:
    """Sends what `pseudo` (":method" and the like) and `headers` say. Raises Wrong, OSError."""
    connection = H2Connection(H2Configuration(client_side=True))
    connection.local_settings = Settings(
        client=True,
        initial_values={SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: _MOST_HEADER_BYTES},
    )
    reply = Reply()
    try:
        connection.initiate_connection()
        connection.send_headers(_STREAM, [*pseudo, *_fields(headers)], end_stream=not body)
        left = memoryview(body)
        while not reply.is_whole:
            left = _send(connection, left)
            channel.writer.write(connection.data_to_send())
            await channel.writer.drain()
            data = await channel.reader.read(_READ_BYTES)
            if not data:
                raise Wrong("the answer is cut off" if reply.status else "the connection ended without an answer")
            for event in connection.receive_data(data):
                _take(event, connection, reply, most_bytes)
    except H2Error as error:
        raise Wrong(f"what answers does not speak HTTP/2 well: {str(error)[:200] or type(error).__name__}") from None
    return reply


def _fields(headers: dict[str, str]) -> list[tuple[str, str]]:
    """Names are lower case, and of those that are about a connection only `te: trailers` may be there (8.2.2)."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    return [
        (name, value)
        for name, value in lower.items()
        if name not in _NOT_IN_HTTP2 or (name, value) == ("te", "trailers")
    ]


def _send(connection: H2Connection, left: memoryview) -> memoryview:
    """As much of a body as the server takes for now; what is left."""
    while left and (room := min(connection.local_flow_control_window(_STREAM), connection.max_outbound_frame_size)):
        part, left = left[:room], left[room:]
        connection.send_data(_STREAM, bytes(part), end_stream=not left)
    return left


def _take(event: Event, connection: H2Connection, reply: Reply, most_bytes: int) -> None:
    """Raises Wrong, H2Error."""
    match event:
        case ResponseReceived():
            reply.first_byte_s = time.perf_counter()
            reply.headers = _read(event.headers)
            status = reply.headers.pop(":status", "")
            if not (status.isdecimal() and len(status) == 3):
                raise Wrong("the answer has no status")
            reply.status = int(status)
        case TrailersReceived():
            reply.trailers = _read(event.headers)
        case DataReceived():
            reply.body += event.data
            if len(reply.body) > most_bytes:
                raise Wrong(f"the answer has more than {most_bytes} bytes (max_size)")
            connection.acknowledge_received_data(event.flow_controlled_length, _STREAM)
        case StreamEnded():
            reply.is_whole = True
        case StreamReset():
            raise Wrong(f"the server broke the request off (error {int(event.error_code or 0)})")
        case ConnectionTerminated() if event.error_code:
            raise Wrong(f"the server ended the connection (error {int(event.error_code)})")


def _read(headers: Sequence[tuple[bytes, bytes]] | None) -> dict[str, str]:
    if len(headers or ()) > _MOST_HEADERS:
        raise Wrong(f"the answer has more than {_MOST_HEADERS} headers")
    found: dict[str, str] = {}
    for name, value in headers or ():
        found.setdefault(name.decode("latin-1"), value.decode("latin-1").strip())
    return found
