"""Whether a TCP port accepts a connection, how fast, and whether it says what it should."""

import asyncio
import re
import time
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, PrivateAttr

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.checks.base import Check, Host
from netmon_agent.inputs.checks.channel import Channel, TlsOptions, Wrong
from netmon_configs.options import Duration

_READ_BYTES: Final = 4 << 10
_MOST_BYTES: Final = 64 << 10


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from None
    return text


class TcpInput(Check):
    """Connects to a port, says and expects what it is told, and closes the connection; as blackbox_exporter does."""

    type: Literal["tcp"]
    host: Host
    port: int = Field(ge=1, le=65535)
    send: str | None = Field(default=None, min_length=1, max_length=10_000)
    expect: Annotated[str, Field(max_length=1000), AfterValidator(_is_pattern)] | None = None
    tls: TlsOptions | None = None
    timeout_s: Duration = Field(default=3.0, alias="timeout", gt=0, le=60)

    _trouble: str | None = PrivateAttr(default=None)

    @property
    def title(self) -> str:
        return f"tcp {self.host}:{self.port}"

    @property
    def probed(self) -> tuple[str, ...]:
        return (f"{self.host}:{self.port}",)

    @property
    def trouble(self) -> str | None:
        return self._trouble

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        target = {"target": f"{self.host}:{self.port}"}
        if self.tls is not None:
            self.tls.context()  # a file that cannot be used is no fault of the server
        told: list[Reading] = []
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._talk(target, told)
            self._trouble = None
        except TimeoutError:
            self._trouble = f"not done within {self.timeout_s:g} s"
        except (Wrong, OSError) as error:  # refused, unreachable, no such name, another answer: all mean "down"
            self._trouble = str(error) or type(error).__name__
        return [
            Reading("probe_success", target, float(self._trouble is None)),
            Reading("probe_duration_seconds", target, time.perf_counter() - started),
            *told,
        ]

    async def _talk(self, target: dict[str, str], told: list[Reading]) -> None:
        channel = await Channel.open(self.host, self.port)
        try:
            if self.tls is not None:
                await channel.secure(self.tls.context(), self.tls.server_name or self.host)
                told += channel.about_tls(target)
            if self.send is not None:
                channel.writer.write(self.send.encode())
            if self.expect is not None:
                found = await self._hears_expected(channel, self.expect)
                told.append(Reading("probe_failed_due_to_regex", target, float(not found)))
                if not found:
                    raise Wrong("what was said is not as expected")
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
