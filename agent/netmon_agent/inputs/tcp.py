"""Whether a TCP port accepts a connection, how fast, and whether it says what it should."""

import re
import ssl
from typing import Final, Literal

from pydantic import Field

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import HostProbe, IpVersion, Pattern, Port, Way, Wrong
from netmon_agent.inputs.checks.channel import Channel, TlsOptions
from netmon_configs.options import Duration

_READ_BYTES: Final = 4 << 10
_MOST_BYTES: Final = 64 << 10


class TcpInput(HostProbe):
    """Connects to a port, says and expects what it is told, and closes the connection; as blackbox_exporter does."""

    type: Literal["tcp"]
    port: Port
    ip_version: IpVersion = None
    send: str | None = Field(default=None, min_length=1, max_length=10_000)
    expect: Pattern | None = None
    tls: TlsOptions | None = None
    timeout_s: Duration = Field(default=3.0, alias="timeout", gt=0, le=60)

    @property
    def title(self) -> str:
        return f"tcp {self.host}:{self.port}"

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        context = self.tls.context() if self.tls is not None else None
        way = await Way.to(self.host, self.port, self.ip_version)
        told += way.about(target)
        unexpected = False
        try:
            unexpected = not await self._talk(way, context, target, told)
        finally:
            told.append(Reading("probe_failed_due_to_regex", target, float(unexpected)))
        if unexpected:
            raise Wrong("what was said is not as expected")

    async def _talk(
        self, way: Way, context: ssl.SSLContext | None, target: dict[str, str], told: list[Reading]
    ) -> bool:
        """Whether all was as expected. Raises Wrong, OSError."""
        channel = await Channel.open(way)
        try:
            if self.tls is not None and context is not None:
                await channel.secure(context, self.tls.server_name or self.host)
                told += channel.about_tls(target)
            if self.send is not None:
                channel.writer.write(self.send.encode())
            return self.expect is None or await self._hears_expected(channel, self.expect)
        finally:
            channel.close()

    async def _hears_expected(self, channel: Channel, pattern: str) -> bool:
        """Whether what is said matches, before the other side ends or has said too much."""
        heard = b""
        while len(heard) < _MOST_BYTES:
            data = await channel.reader.read(_READ_BYTES)
            if not data:
                return False
            heard += data
            if re.search(pattern, heard.decode("utf-8", "replace")):
                return True
        return False
