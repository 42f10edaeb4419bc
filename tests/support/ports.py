"""Ports of loopback for programs that have to be told theirs."""

import contextlib
import random
import socket

_OURS = range(20_000, 32_000)
"""Below the ports that systems give to whoever asks for any, of which one may be taken before a program uses it."""


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    return _free(socket.SOCK_STREAM)


def free_udp_port() -> int:
    """A UDP port that nobody uses at the moment."""
    return _free(socket.SOCK_DGRAM)


def _free(kind: socket.SocketKind) -> int:
    for port in random.SystemRandom().sample(_OURS, 100):
        with socket.socket(socket.AF_INET, kind) as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"all of a hundred ports from {_OURS} are taken")
