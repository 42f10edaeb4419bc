"""Whether a server greets as its protocol wants: SSH, SMTP, IMAP; the mail protocols by TLS too, or by STARTTLS."""

import asyncio
import re
import ssl
import time
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from pydantic import Field, PrivateAttr, model_validator

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.checks.base import Check, Host
from netmon_agent.inputs.checks.channel import Channel, TlsOptions, Wrong
from netmon_configs.options import Duration

_MOST_LINES: Final = 100


class _Protocol(NamedTuple):
    """A greeting may have lines before its `good` one; `more` says which. So may the answers to questions."""

    port: int
    tls_port: int
    good: str
    more: str
    starttls: tuple[tuple[str, str, str], ...]
    """What is said to begin TLS: the line, what answers it well, and what may stand before that."""
    farewell: str


_PROTOCOLS: Final = {
    # A server may say other lines before its version (RFC 4253).
    "ssh": _Protocol(22, 0, r"SSH-(2\.0|1\.99)-.+", r"(?!SSH-).*", (), ""),
    "smtp": _Protocol(
        25,
        465,
        r"220( .*)?",
        r"220-.*",
        (("EHLO netmon", r"250( .*)?", r"250-.*"), ("STARTTLS", r"220( .*)?", r"220-.*")),
        "QUIT",
    ),
    "imap": _Protocol(
        143, 993, r"\* (OK|PREAUTH)\b.*", r"(?!)", (("a1 STARTTLS", r"a1 OK\b.*", r"\* .*"),), "a2 LOGOUT"
    ),
}


class GreetingInput(Check):
    """Connects and waits for the greeting; with `starttls` goes on until TLS is agreed."""

    type: Literal["ssh", "smtp", "imap"]
    host: Host
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    timeout_s: Duration = Field(default=5.0, alias="timeout", gt=0, le=60)
    ip_version: Literal[4, 6] | None = None
    tls: TlsOptions = Field(default_factory=TlsOptions)

    _trouble: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _has_tls(self) -> "GreetingInput":
        if self.type == "ssh" and self.security != "none":
            raise ValueError("ssh has no TLS: leave 'security' out")
        return self

    @property
    def title(self) -> str:
        return self.probed[0][:128]

    @property
    def probed(self) -> tuple[str, ...]:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.type}://{host}:{self._port}",)

    @property
    def trouble(self) -> str | None:
        return self._trouble

    @property
    def _port(self) -> int:
        protocol = _PROTOCOLS[self.type]
        return self.port or (protocol.tls_port if self.security == "tls" else protocol.port)

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        target = {"target": self.probed[0]}
        context = self.tls.context() if self.security != "none" else None
        told: list[Reading] = []
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._talk(target, context, told)
            self._trouble = None
        except TimeoutError:
            self._trouble = f"no greeting within {self.timeout_s:g} s"
        except (Wrong, OSError) as error:
            self._trouble = str(error) or type(error).__name__
        return [
            Reading("probe_success", target, float(self._trouble is None)),
            Reading("probe_duration_seconds", target, time.perf_counter() - started),
            *told,
        ]

    async def _talk(self, target: dict[str, str], context: ssl.SSLContext | None, told: list[Reading]) -> None:
        protocol, name = _PROTOCOLS[self.type], self.tls.server_name or self.host
        channel = await Channel.open(self.host, self._port, self.ip_version)
        try:
            told.append(Reading("probe_dns_lookup_time_seconds", target, channel.steps["resolve"]))
            told.append(Reading("probe_ip_protocol", target, float(channel.ip_protocol)))
            if context is not None and self.security == "tls":
                await channel.secure(context, name)
            await _expect(channel, protocol.good, protocol.more, "the greeting")
            if context is not None and self.security == "starttls":
                for line, good, more in protocol.starttls:
                    channel.writer.write(f"{line}\r\n".encode())
                    await _expect(channel, good, more, f"the answer to {line}")
                await channel.secure(context, name)
            told += channel.about_tls(target)
            if protocol.farewell:
                channel.writer.write(f"{protocol.farewell}\r\n".encode())
                await channel.writer.drain()
        finally:
            channel.close()


async def _expect(channel: Channel, good: str, more: str, what: str) -> None:
    """Raises Wrong, OSError."""
    for _ in range(_MOST_LINES):
        line = await channel.line()
        if re.fullmatch(good, line):
            return
        if not re.fullmatch(more, line):
            raise Wrong(f"{what} is {line[:80]!r}")
    raise Wrong(f"{what} has more than {_MOST_LINES} lines")
