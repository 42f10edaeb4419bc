"""Whether this user may send pings: by a datagram socket, else by a raw one (icmp(7), capabilities(7))."""

import os
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from netmon_cli.doctor.base import Finding, ok, warning

RANGE_FILE = Path("/proc/sys/net/ipv4/ping_group_range")
MEND = "sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'"


def may_open(kind: int) -> bool:
    """Whether an ICMP socket of a kind can be opened; nothing is sent."""
    try:
        socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


def own_groups() -> frozenset[int]:
    return frozenset([os.getegid(), *os.getgroups()]) if sys.platform != "win32" else frozenset()


@dataclass(frozen=True, slots=True)
class IcmpCheck:
    groups: frozenset[int]
    range_file: Path = RANGE_FILE
    may_open: Callable[[int], bool] = may_open
    matter: str = "ping"

    def examine(self) -> Iterable[Finding]:
        if self.may_open(socket.SOCK_DGRAM):
            yield ok("allowed without privileges")
        elif self.may_open(socket.SOCK_RAW):
            yield ok("allowed by CAP_NET_RAW")
        else:
            yield warning(f"not allowed{self._why()}", MEND)

    def _why(self) -> str:
        try:
            low, high = (int(word) for word in self.range_file.read_text().split())
        except (OSError, ValueError):
            return ""
        if any(low <= group <= high for group in self.groups):
            return ": the groups are right, so a security policy or a container forbids it"
        return f": net.ipv4.ping_group_range is {low} {high} and this user's groups are not in it"
