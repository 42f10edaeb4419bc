"""Whether a server greets as its protocol wants: SSH, SMTP, IMAP; the mail protocols by TLS too, or by STARTTLS."""

import re
from typing import Final, Literal, NamedTuple

from pydantic import Field, model_validator

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import HostProbe, IpVersion, Port, Way, Wrong, url_of
from netmon_agent.inputs.checks.channel import Channel, TlsOptions

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


class GreetingInput(HostProbe):
    """Connects and waits for the greeting; with `starttls` goes on until TLS is agreed."""

    awaited = "greeting"

    type: Literal["ssh", "smtp", "imap"]
    port: Port | None = None
    ip_version: IpVersion = None
    security: Literal["none", "starttls", "tls"] = "none"
    tls: TlsOptions = Field(default_factory=TlsOptions)

    @model_validator(mode="after")
    def _has_tls(self) -> "GreetingInput":
        if self.type == "ssh" and self.security != "none":
            raise ValueError("ssh has no TLS: leave 'security' out")
        return self

    @property
    def target(self) -> str:
        return url_of(self.type, self.host, self._port)

    @property
    def _port(self) -> int:
        protocol = _PROTOCOLS[self.type]
        return self.port or (protocol.tls_port if self.security == "tls" else protocol.port)

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        context = self.tls.context() if self.security != "none" else None
        protocol, name = _PROTOCOLS[self.type], self.tls.server_name or self.host
        way = await Way.to(self.host, self._port, self.ip_version)
        told += way.about(target)
        channel = await Channel.open(way)
        try:
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
