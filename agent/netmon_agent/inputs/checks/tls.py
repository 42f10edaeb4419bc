"""Whether a server agrees on TLS, and when the certificates that it shows end."""

from typing import Literal

from pydantic import Field

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import HostProbe, IpVersion, Port, Way, url_of
from netmon_agent.inputs.checks.channel import Channel, TlsOptions


class TlsInput(HostProbe):
    """Up when the handshake succeeds and the certificate is trusted."""

    awaited = "TLS"

    type: Literal["tls"]
    port: Port = 443
    ip_version: IpVersion = None
    tls: TlsOptions = Field(default_factory=TlsOptions)

    @property
    def target(self) -> str:
        return url_of(self.type, self.host, self.port)

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        context = self.tls.context()
        way = await Way.to(self.host, self.port, self.ip_version)
        told += way.about(target)
        channel = await Channel.open(way)
        try:
            await channel.secure(context, self.tls.server_name or self.host)
            told += channel.about_tls(target)
        finally:
            channel.close()
