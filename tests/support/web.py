"""Servers on loopback for checks: one that says what a test tells it, byte by byte, and certificates for TLS."""

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import trustme

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def speaking(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on 127.0.0.1 that has this talk with everybody; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(*pieces: bytes, asked: bytes = b"\r\n\r\n", pause_s: float = 0.0) -> Talk:
    """Waits for the end of a question, where there is one, says this, and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asked:
            await reader.readuntil(asked)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        writer.write_eof() if writer.can_write_eof() else writer.close()
        await reader.read()

    return talk


@dataclass(frozen=True)
class Certificates:
    """Of a server called localhost, by an authority of its own; server.pem and server.key are beside ca_file."""

    context: ssl.SSLContext
    ca_file: Path
    ends_s: float


def certificates(folder: Path, *, days: int = 30) -> Certificates:
    authority = trustme.CA()
    ends = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).replace(microsecond=0)
    begins = min(ends, datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=30)
    issued = authority.issue_cert("localhost", "127.0.0.1", not_before=begins, not_after=ends)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    folder.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    (folder / "server.pem").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    return Certificates(context, folder / "ca.pem", ends.timestamp())
