"""Ports of loopback for programs that have to be told theirs."""

import contextlib
import os
import random
import socket
from collections.abc import Iterator

_OURS = range(20_000, 32_000)
"""Below the ports that systems give to whoever asks for any, of which one may be taken before a program uses it."""
_WORKERS = 8


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    return _free(socket.SOCK_STREAM)


def free_udp_port() -> int:
    """A UDP port that nobody uses at the moment."""
    return _free(socket.SOCK_DGRAM)


def _in_turn() -> Iterator[int]:
    """Each port of this worker of pytest's, from a random one on: no test gets one that another has just been given."""
    ports = _OURS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _WORKERS :: _WORKERS]
    at = random.SystemRandom().randrange(len(ports))
    while True:
        yield ports[at]
        at = (at + 1) % len(ports)


_PORTS = _in_turn()


def _free(kind: socket.SocketKind) -> int:
    for _, port in zip(range(100), _PORTS, strict=False):
        with socket.socket(socket.AF_INET, kind) as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"all of a hundred ports from {_OURS} are taken")
