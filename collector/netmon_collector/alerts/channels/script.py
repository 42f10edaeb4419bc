"""Tells a program of this machine: without a shell, with bounds, and with nothing of the collector's environment."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final

import orjson
from pydantic import Field

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, cut
from netmon_collector.alerts.payload import payload_of
from netmon_configs.options import Duration

TOLD_BYTES: Final = 4096
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NEVER: Final = frozenset({64, 65, 66, 67, 68, 72, 77, 78})
"""Codes of sysexits.h that another attempt would not change; with all others it is tried again."""


class ScriptOptions(ChannelOptions):
    """A program and its arguments. It reads the webhook's JSON and ends with 0 once somebody knows."""

    command: tuple[str, ...] = Field(min_length=1, max_length=64)
    timeout_s: Duration = Field(default=10.0, alias="timeout", gt=0, le=25)
    environment: dict[str, str] = Field(default_factory=dict)

    def open(self, surroundings: Surroundings) -> "Script":
        return Script(self.command, self.timeout_s, {"PATH": PATH, "LANG": "C.UTF-8", **self.environment})


class Script:
    """See channel.Channel."""

    def __init__(self, command: tuple[str, ...], timeout_s: float, environment: dict[str, str]) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._environment = environment

    async def send(self, message: Message) -> str:
        environment = {**self._environment, "NETMON_KEY": message.notification.key}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its words cannot be passed on"
            raise NotDelivered(f"{self._command[0]} cannot be run: {reason}", permanent=True) from None
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await _converse(process, orjson.dumps(payload_of(message)))
                code = await process.wait()
        except TimeoutError:
            raise NotDelivered(f"{self._command[0]} has not ended within {self._timeout_s:g} s") from None
        finally:
            await _end(process)
        if code:
            told = f"{self._command[0]} ended with {code}{': ' + said if said else ''}"
            raise NotDelivered(told, permanent=code in NEVER)
        return ""

    async def close(self) -> None:
        """Programs end with their messages."""


async def _converse(process: asyncio.subprocess.Process, content: bytes) -> str:
    """Hands over the content; what the program complains of, as far as it is kept."""
    assert process.stdin is not None
    assert process.stderr is not None
    complaint = asyncio.create_task(_read(process.stderr))
    with suppress(ConnectionError):  # a program need not read what it does not want to know
        process.stdin.write(content)
        await process.stdin.drain()
    process.stdin.close()
    try:
        return await complaint
    finally:
        complaint.cancel()


async def _read(stream: asyncio.StreamReader) -> str:
    kept = b""
    while more := await stream.read(TOLD_BYTES):
        kept += more[: TOLD_BYTES - len(kept)]
    return cut(kept.decode(errors="replace").strip(), 300)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends it, and whatever it has started and left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
