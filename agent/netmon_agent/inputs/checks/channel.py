"""A connection that a check speaks over, with the time that each step took, and what its TLS showed."""

import asyncio
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, SecretStr, model_validator

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import CannotCheck, Way, Wrong
from netmon_agent.inputs.checks.certificate import not_after_s, whose
from netmon_configs.options import FilePath, Options, Variable
from netmon_configs.secrets import NoSecret, Source, differ, load_pair

LINE_BYTES: Final = 16 << 10
"""The longest line that is read."""
_MOST_CERTIFICATES: Final = 20
Pem = Annotated[SecretStr, Field(min_length=1, max_length=64 << 10)]
_DER: Final = 2


class TlsOptions(Options):
    """How a server's certificate is judged, and what is shown to it, all in PEM: each in a file, or as it is."""

    ca: Pem | None = None
    ca_file: FilePath | None = None
    cert: Pem | None = None
    cert_file: FilePath | None = None
    key: Pem | None = None
    key_file: FilePath | None = None
    key_env: Variable | None = None
    server_name: str | None = Field(default=None, min_length=1, max_length=253)
    verify: bool = True

    @model_validator(mode="after")
    def _pair(self) -> "TlsOptions":
        differ(self, "ca", "cert", "key")
        if bool(Source.of(self, "cert")) != bool(Source.of(self, "key")):
            raise ValueError("needs cert_file and key_file together")
        return self

    def context(self, *protocols: str) -> ssl.SSLContext:
        """The protocols are for ALPN. Raises CannotCheck where a file cannot be used: no fault of the server."""
        ca, cert, key = (Source.of(self, name) for name in ("ca", "cert", "key"))
        try:
            return _context(ca, cert, key, self.verify, protocols)
        except NoSecret as error:
            raise CannotCheck(f"what 'tls' names cannot be used: {error}") from None
        except OSError as error:
            named = ", ".join(str(one) for one in (ca, cert, key) if one)
            raise CannotCheck(f"what 'tls' names cannot be used ({named}): {error.strerror or error}") from None


@lru_cache(maxsize=64)  # the usual authorities take half a megabyte, and tens of milliseconds to read
def _context(ca: Source, cert: Source, key: Source, verify: bool, protocols: tuple[str, ...]) -> ssl.SSLContext:
    """Raises OSError, NoSecret."""
    context = ssl.create_default_context(cafile=ca.file, cadata=ca.read() if ca.given else None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        load_pair(context, cert, key)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


class Channel:
    """Steps are in seconds: resolve, connect, tls."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, steps: dict[str, float]) -> None:
        self.reader = reader
        self.writer = writer
        self.steps = steps

    @classmethod
    async def open(cls, way: Way) -> "Channel":
        """Raises OSError."""
        started = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection(
                way.host, way.address[1], family=way.family, limit=LINE_BYTES
            )
        except OSError as error:  # asyncio's words are "Connect call failed", whatever the matter is
            raise OSError(error.errno, os.strerror(error.errno or 0)) from None
        return cls(reader, writer, {"resolve": way.lookup_s, "connect": time.perf_counter() - started, "tls": 0.0})

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """Goes on by TLS. Raises OSError."""
        started = time.perf_counter()
        try:
            await self.writer.start_tls(context, server_hostname=server_name)
        except (ValueError, UnicodeError, ConnectionError) as error:  # a name that TLS cannot carry, an early end
            raise OSError(str(error) or "the connection ended during the TLS handshake") from None
        self.steps["tls"] = time.perf_counter() - started

    @property
    def protocol(self) -> str | None:
        """What TLS has agreed on to speak (ALPN); None without."""
        tls: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        return tls.selected_alpn_protocol() if tls is not None else None

    async def line(self) -> str:
        """Up to the end of a line. Raises Wrong, OSError."""
        try:
            return (await self.reader.readuntil(b"\n")).decode("latin-1").rstrip("\r\n")
        except asyncio.LimitOverrunError:
            raise Wrong(f"a line has more than {LINE_BYTES} bytes") from None
        except asyncio.IncompleteReadError as cut:
            raise Wrong("the answer is cut off" if cut.partial else "the connection ended without an answer") from None

    async def exactly(self, size_bytes: int) -> bytes:
        """Raises Wrong, OSError."""
        try:
            return await self.reader.readexactly(size_bytes)
        except asyncio.IncompleteReadError as cut:
            raise Wrong("the answer is cut off" if cut.partial else "the connection ended without an answer") from None

    def about_tls(self, target: dict[str, str]) -> list[Reading]:
        """What is known of the certificates that were shown; nothing without TLS."""
        tls: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        if tls is None:
            return []
        shown = _chain(tls, "get_unverified_chain")
        told = [Reading("probe_tls_version_info", target | {"version": (tls.version() or "").replace("v", " ")}, 1.0)]
        if (end_s := _first_end_s(shown)) is not None:
            told.append(Reading("probe_ssl_earliest_cert_expiry", target, end_s))
        if shown:
            told.append(Reading("probe_ssl_last_chain_info", target | whose(*shown[0]), 1.0))
        if tls.context.verify_mode != ssl.CERT_NONE:
            end_s = _first_end_s(_chain(tls, "get_verified_chain"))
            if end_s is not None:
                told.append(Reading("probe_ssl_last_chain_expiry_timestamp_seconds", target, end_s))
        return told

    def close(self) -> None:
        self.writer.transport.abort()


class _Shown(NamedTuple):
    der: bytes
    info: Mapping[str, Any]


def _chain(tls: ssl.SSLObject, which: str) -> list[_Shown]:
    """The certificates that the server sent, or those that lead to an authority; the server's own comes first.

    Where this Python cannot tell them, it is the first alone.
    """
    inner: Any = getattr(tls, "_sslobj", None)
    if hasattr(inner, which):
        found = getattr(inner, which)() or ()
        return [_Shown(one.public_bytes(_DER), _info(one)) for one in found[:_MOST_CERTIFICATES]]
    own = tls.getpeercert(binary_form=True)
    return [_Shown(own, tls.getpeercert() or {})] if own else []


def _info(certificate: Any) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = certificate.get_info()
    except (ssl.SSLError, ValueError):  # names that are no text, in a certificate that nobody verifies
        return {}
    return told


def _first_end_s(chain: Sequence[_Shown]) -> float | None:
    ends = [end for end in (not_after_s(one.der) for one in chain) if end is not None]
    return min(ends, default=None)
