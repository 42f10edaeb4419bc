"""Receives lines of syslog over UDP, TCP or TLS (RFC 5426, RFC 6587, RFC 5425)."""

import asyncio
import ssl
from functools import partial
from typing import Final, Literal

from pydantic import Field, PrivateAttr, model_validator

from netmon_agent.inputs.events.base import Receiver
from netmon_agent.receivers.datagrams import Datagrams, explained, plain
from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.framing import BadFraming, messages
from netmon_agent.receivers.gate import Gate
from netmon_agent.receivers.lines import LineReader
from netmon_agent.receivers.storms import FULL, MALFORMED
from netmon_configs.options import Address, Duration, FilePath, Options, Variable, split_address
from netmon_configs.secrets import NoSecret, Source, differ, load_pair

HANDSHAKE_S: Final = 10.0
YIELD_EVERY: Final = 256
"""Messages of one connection before others get their turn."""


class SyslogTls(Options):
    """The receiver's certificate; with `client_ca_file`, who sends must show one of that authority."""

    cert_file: FilePath
    key_file: FilePath | None = None
    key_env: Variable | None = None
    client_ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _has_key(self) -> "SyslogTls":
        differ(self, "key")
        if not Source.of(self, "key"):
            raise ValueError("needs key_file or key_env")
        return self


class SyslogInput(Receiver):
    """Makes an event of every line."""

    type: Literal["syslog"]
    listen_on: Address = Field(default="0.0.0.0:514", alias="listen")
    protocol: Literal["udp", "tcp", "tls"] = "udp"
    tls: SyslogTls | None = None
    connections: int = Field(default=1_000, ge=1, le=100_000)
    idle_s: Duration = Field(default=3_600.0, alias="idle", ge=1)
    _datagrams: Datagrams | None = PrivateAttr(default=None)
    _server: asyncio.Server | None = PrivateAttr(default=None)
    _open: set[asyncio.StreamWriter] = PrivateAttr(default_factory=set)

    @model_validator(mode="after")
    def _certified(self) -> "SyslogInput":
        if (self.protocol == "tls") != (self.tls is not None):
            raise ValueError("protocol tls needs 'tls' with a certificate, and the others have none")
        return self

    @property
    def title(self) -> str:
        return f"syslog {self.protocol} {self.listen_on}"

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        if self._datagrams is not None:
            return self._datagrams.port
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def listen(self, gate: Gate, desk: Desk) -> None:
        if self._datagrams is not None or self._server is not None:
            return
        reader = LineReader(gate, desk)
        if self.protocol == "udp":
            opened = Datagrams(self.listen_on, self.buffer_bytes)
            await opened.open(reader.take)
            self._datagrams = opened
            return
        host, port = split_address(self.listen_on)
        context = await asyncio.to_thread(_context, self.tls) if self.tls is not None else None
        try:
            self._server = await asyncio.start_server(
                partial(self._converse, reader),
                host,
                port,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_S if context else None,
            )
        except OSError as error:
            raise explained(error, self.listen_on) from None

    def kernel_drops(self) -> int:
        return self._datagrams.dropped() if self._datagrams is not None else 0

    async def close(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            self._server = None

    async def _converse(self, lines: LineReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = plain(str(writer.get_extra_info("peername", ("",))[0]))
        if len(self._open) >= self.connections:
            lines.gate.leave_out(FULL, source, f"{self.connections} connections are open already")
            writer.transport.abort()
            return
        self._open.add(writer)
        count = 0
        try:
            async for message in messages(reader, self.idle_s):
                lines.take(message, source)
                count += 1
                if count % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        except BadFraming as error:
            lines.gate.leave_out(MALFORMED, source, str(error))
        except OSError:  # the sender is gone
            pass
        finally:
            self._open.discard(writer)
            writer.close()


def _context(tls: SyslogTls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        load_pair(context, Source(file=tls.cert_file), Source.of(tls, "key"))
        if tls.client_ca_file is not None:
            context.load_verify_locations(tls.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, NoSecret) as error:
        raise OSError(f"the certificate {tls.cert_file} or its key cannot be used: {error}") from None
    return context
