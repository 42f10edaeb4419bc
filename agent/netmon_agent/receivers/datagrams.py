"""One UDP socket that is emptied as fast as may be, with room in the kernel for what comes in the meantime."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from netmon_configs.logs import EventLog
from netmon_configs.options import split_address

log = EventLog("netmon.agent.receivers")

AT_A_TIME: Final = 512
"""Datagrams read before other work gets its turn."""
_LARGEST = 65_535
_BUFFER_BEYOND_LIMIT = getattr(socket, "SO_RCVBUFFORCE", 33)  # Linux's number; Python does not name it

Take = Callable[[bytes, str, Any], None]
"""Gets a datagram, the address of its source as text, and the address as the socket has it, for replies."""


class Datagrams:
    """Hands every datagram to who takes them."""

    def __init__(self, listen: str, buffer_bytes: int) -> None:
        self._listen = listen
        self._buffer_bytes = buffer_bytes
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    @property
    def port(self) -> int:
        """The port, as it was given out for port 0."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    async def open(self, take: Take) -> None:
        """Listens from now on, and hands over what comes. Raises OSError that says what to do."""
        host, port = split_address(self._listen)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self._widen(opened)
            opened.bind(address)
        except OSError as error:
            opened.close()
            raise explained(error, self._listen) from None
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened, self._read, opened, take)

    def reply(self, message: bytes, address: Any) -> None:
        """Sends a datagram back. One that cannot be sent now is lost, as it may be on its way."""
        if self._socket is not None:
            try:
                self._socket.sendto(message, address)
            except OSError as error:
                log.debug("reply.lost", to=str(address[0]), error=str(error))

    def dropped(self) -> int:
        """What the kernel dropped because nobody read fast enough; 0 where it does not say."""
        if self._socket is None:
            return 0
        return kernel_drops(os.fstat(self._socket.fileno()).st_ino)

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _widen(self, opened: socket.socket) -> None:
        """Linux grants twice of what is asked for, up to net.core.rmem_max; who may go beyond it does."""
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)
        if opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < self._buffer_bytes:
            try:
                opened.setsockopt(socket.SOL_SOCKET, _BUFFER_BEYOND_LIMIT, self._buffer_bytes)
            except OSError:
                log.warning(
                    "receiver.small_buffer",
                    listen=self._listen,
                    granted_bytes=opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                    wanted_bytes=self._buffer_bytes,
                    mend=f"sysctl -w net.core.rmem_max={self._buffer_bytes}",
                )

    def _read(self, opened: socket.socket, take: Take) -> None:
        receive = opened.recvfrom
        for _ in range(AT_A_TIME):
            try:
                message, address = receive(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:  # of an earlier reply: nobody listens there
                log.debug("receiver.error", error=str(error))
                return
            take(message, plain(address[0]), address)


def explained(error: OSError, listen: str) -> OSError:
    """Why it cannot be listened at an address, and what mends it."""
    if error.errno == errno.EACCES:
        return OSError(
            f"{listen} cannot be listened at: ports below 1024 need the capability CAP_NET_BIND_SERVICE. "
            "Grant it, or take another port and redirect this one to it: docs/events.md tells how"
        )
    if error.errno == errno.EADDRINUSE:
        return OSError(f"{listen} cannot be listened at: another program does; `ss -lnp` tells which")
    return OSError(f"{listen} cannot be listened at: {error.strerror or error}")


@lru_cache(maxsize=8192)
def plain(address: str) -> str:
    """An address without the zone, and IPv4 as such, where a socket of IPv6 took it."""
    if ":" not in address:
        return address
    parsed = ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def kernel_drops(inode: int, tables: tuple[Path, ...] = (Path("/proc/net/udp"), Path("/proc/net/udp6"))) -> int:
    """The last column of Linux' table of UDP sockets, of the one with this inode; 0 where there is none."""
    for table in tables:
        try:
            lines = table.read_text(encoding="ascii", errors="replace").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if len(columns) > 12 and columns[9] == str(inode):
                return int(columns[12])
    return 0
