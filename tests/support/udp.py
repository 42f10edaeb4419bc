"""A server on loopback that answers datagrams as a test tells it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

Answers = Callable[[bytes, Any], Iterable[bytes]]
"""What is said to a datagram of a client, given by its address."""


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        for one in self._answers(data, address):
            self.transport.sendto(one, address)


@contextlib.asynccontextmanager
async def answering(answers: Answers) -> AsyncIterator[int]:
    """Answers each datagram with these; its port on 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(answers), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
