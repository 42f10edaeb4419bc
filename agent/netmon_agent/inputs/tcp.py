"""Whether a TCP port accepts a connection, and how fast."""

import asyncio
import time
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.checks.base import Check, Host
from netmon_configs.options import Duration


class TcpInput(Check):
    """Connects to a port and closes the connection; names and meaning as blackbox_exporter has them."""

    type: Literal["tcp"]
    host: Host
    port: int = Field(ge=1, le=65535)
    timeout_s: Duration = Field(default=3.0, alias="timeout", gt=0, le=60)

    @property
    def title(self) -> str:
        return f"tcp {self.host}:{self.port}"

    @property
    def probed(self) -> tuple[str, ...]:
        return (f"{self.host}:{self.port}",)

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        target = {"target": f"{self.host}:{self.port}"}
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_s):
                _, writer = await asyncio.open_connection(self.host, self.port)
        except (OSError, UnicodeError):  # refused, unreachable, no such name, timed out: all mean "down"
            up = 0.0
        else:
            up = 1.0
            writer.close()
        return [
            Reading("probe_success", target, up),
            Reading("probe_duration_seconds", target, time.perf_counter() - started),
        ]
