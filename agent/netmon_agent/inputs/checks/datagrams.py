"""A conversation by UDP with one address."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, TypeVar

from netmon_agent.inputs.checks.base import Way, Wrong

_MOST_STRAY: Final = 64
"""Answers to something else that are left aside; they come one by one, and must not keep the event loop."""

Read = TypeVar("Read")


class Datagrams:
    """What comes from other addresses, the system leaves out."""

    def __init__(self, way: Way) -> None:
        """Raises OSError."""
        self._socket = socket.socket(way.family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect(way.address)
        except OSError:
            self._socket.close()
            raise

    async def ask(self, question: bytes, read: Callable[[bytes], Read | None], most_bytes: int = 65_535) -> Read:
        """What the first answer reads as that `read` takes for one to this question: it gives None for others.

        Raises Wrong, OSError, and what `read` raises.
        """
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, question)
        for _ in range(_MOST_STRAY):
            answer = read(await loop.sock_recv(self._socket, most_bytes))
            if answer is not None:
                return answer
        raise Wrong(f"{_MOST_STRAY} answers were to something else")

    def close(self) -> None:
        self._socket.close()
