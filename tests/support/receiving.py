"""A receiver on loopback whose events a test reads, and the messages that real senders make."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from netmon_agent.clock import SystemClock
from netmon_agent.inputs.events.base import Receiver
from netmon_agent.inputs.registry import AnyInput
from netmon_agent.receivers.desk import Desk
from netmon_agent.spool import Spool
from netmon_proto import wire
from netmon_proto.model import Event, EventBatch

AGENT_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
COLD_START = "1.3.6.1.6.3.1.1.5.1"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1"


class Received:
    """A desk on a spool in a folder, and what came to it."""

    def __init__(self, folder: Path, fold_s: float = 10.0) -> None:
        self.spool = Spool(
            folder / "events.sqlite",
            most_bytes=256 << 20,
            most_age_s=3600,
            quarantine_bytes=1 << 20,
            clock=SystemClock(),
        )
        self.desk = Desk(self.spool, lambda: 1_800_000_000_000, fold_s)
        self.events: list[Event] = []

    async def take(self) -> list[Event]:
        """All events so far, out of the spool's frames as the collector would get them."""
        while (batch := await self.spool.take()) is not None:
            message = wire.decode_agent(wire.encode_spooled_events(batch.frame, 0))
            assert isinstance(message, EventBatch)
            self.events += message.events
            await self.spool.settle([batch])
        return self.events

    async def until(self, is_done: Callable[[list[Event]], bool], most_s: float = 10.0) -> list[Event]:
        """The events, as soon as they are as wanted, or in the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while not is_done(await self.take()):  # noqa: ASYNC110 - the spool tells nobody else of what comes
                    await asyncio.sleep(0.02)
        return self.events


@contextlib.asynccontextmanager
async def receiving(folder: Path, fold_s: float = 10.0, **options: Any) -> AsyncIterator[tuple[Received, Any]]:
    """A receiver of some options on a free port of loopback."""
    made: Receiver = TypeAdapter[Any](AnyInput).validate_python({"listen": "127.0.0.1:0", **options})
    received = Received(folder, fold_s)
    made.connect(received.desk, AGENT_ID)
    running = asyncio.create_task(received.desk.run())
    try:
        await made.gather(0)
        yield received, made
    finally:
        running.cancel()
        await made.close()
        await received.desk.close()
        await received.spool.close()


async def figures(receiver: Receiver) -> dict[str, float]:
    """What a receiver says of itself: `messages`, and what was left out by reason."""
    return {str(one.labels.get("reason", "messages")): one.value for one in await receiver.gather(0)}  # type: ignore[union-attr]


async def send(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs one of net-snmp's senders, or another program, to its end."""
    command: Sequence[str] = (program, *arguments)
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30, check=False)


def captured(*arguments: str, program: str = "snmptrap") -> bytes:
    """The datagram that net-snmp sends for these arguments; TO among them is its destination."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        place = f"127.0.0.1:{listening.getsockname()[1]}"
        made = subprocess.Popen([program, *(place if one == "TO" else one for one in arguments)])
        try:
            return listening.recv(65_535)
        finally:
            made.kill()
            made.wait()
