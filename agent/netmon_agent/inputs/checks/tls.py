"""Whether a server agrees on TLS, and when the certificates that it shows end."""

import asyncio
import time
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, PrivateAttr

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.checks.base import Check, Host
from netmon_agent.inputs.checks.channel import Channel, TlsOptions
from netmon_configs.options import Duration


class TlsInput(Check):
    """Up when the handshake succeeds and the certificate is trusted."""

    type: Literal["tls"]
    host: Host
    port: int = Field(default=443, ge=1, le=65535)
    timeout_s: Duration = Field(default=5.0, alias="timeout", gt=0, le=60)
    ip_version: Literal[4, 6] | None = None
    tls: TlsOptions = Field(default_factory=TlsOptions)

    _trouble: str | None = PrivateAttr(default=None)

    @property
    def title(self) -> str:
        return self.probed[0][:128]

    @property
    def probed(self) -> tuple[str, ...]:
        return (f"tls://[{self.host}]:{self.port}" if ":" in self.host else f"tls://{self.host}:{self.port}",)

    @property
    def trouble(self) -> str | None:
        return self._trouble

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        target = {"target": self.probed[0]}
        context = self.tls.context()
        told: list[Reading] = []
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_s):
                channel = await Channel.open(self.host, self.port, self.ip_version)
                try:
                    told.append(Reading("probe_dns_lookup_time_seconds", target, channel.steps["resolve"]))
                    told.append(Reading("probe_ip_protocol", target, float(channel.ip_protocol)))
                    await channel.secure(context, self.tls.server_name or self.host)
                    told += channel.about_tls(target)
                finally:
                    channel.close()
            self._trouble = None
        except TimeoutError:
            self._trouble = f"no TLS within {self.timeout_s:g} s"
        except OSError as error:
            self._trouble = str(error) or type(error).__name__
        return [
            Reading("probe_success", target, float(self._trouble is None)),
            Reading("probe_duration_seconds", target, time.perf_counter() - started),
            *told,
        ]
