"""Which socket pings go through on this system."""

import errno
import socket
from array import array
from collections.abc import Sequence

from netmon_agent.icmp.wire import EchoSocket, Reply, Targets


class NoFamily:
    """Stands for the socket of a family that this machine does not speak: nobody is reached by it."""

    def send(self, first: int, targets: Targets, start: int, end: int, size: int, traffic_class: int) -> "array[int]":
        raise OSError(errno.EAFNOSUPPORT, "this machine does not speak this address family")

    def read(self) -> Sequence[Reply]:
        raise BlockingIOError

    def close(self) -> None:
        """There is nothing to end."""


def open_echo(family: socket.AddressFamily) -> EchoSocket | NoFamily:
    """The best that this system has. Raises OSError where pings are not allowed."""
    from netmon_agent.icmp.bulk import is_supported  # with ctypes, which only those need who ping
    from netmon_agent.icmp.bulk_echo import BulkEchoSocket

    try:
        return BulkEchoSocket(family) if is_supported() else EchoSocket(family)
    except OSError as error:
        if error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            return NoFamily()
        raise
