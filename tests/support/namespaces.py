"""Networks of a test's own: namespaces of Linux, and cables between them."""

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2 for network namespaces"
)
_NUMBERS = itertools.count()


class Lab:
    """Hosts by name; each is a namespace that is called otherwise on the machine."""

    def __init__(self) -> None:
        self._prefix = f"nm{os.getpid()}x{next(_NUMBERS)}"
        self._hosts: list[str] = []

    def add(self, *hosts: str) -> None:
        for host in hosts:
            _run("ip", "netns", "add", self.name(host))
            self._hosts.append(host)
            self.run(host, "ip", "link", "set", "lo", "up")
            # Else addresses of IPv6 may be used only after a second or two.
            self.run(host, "sysctl", "-q", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")

    def name(self, host: str) -> str:
        return f"{self._prefix}{host}"

    def cable(self, one: str, other: str, *, device: str = "", other_device: str = "") -> None:
        """Between two hosts; a device is called after the host at the other end, unless told otherwise."""
        device, other_device = device or f"to-{other}", other_device or f"to-{one}"
        command = ["ip", "link", "add", device, "netns", self.name(one), "type", "veth", "peer", "name", other_device]
        _run(*command, "netns", self.name(other))
        self.run(one, "ip", "link", "set", device, "up")
        self.run(other, "ip", "link", "set", other_device, "up")

    def address(self, host: str, device: str, address: str) -> None:
        self.run(host, "ip", "address", "add", address, "dev", device)

    def run(self, host: str, *command: str) -> str:
        return _run(*self.within(host, *command))

    def within(self, host: str, *command: str) -> list[str]:
        """The command that runs this one there."""
        return ["ip", "netns", "exec", self.name(host), *command]

    def close(self) -> None:
        for host in self._hosts:
            subprocess.run(["ip", "netns", "delete", self.name(host)], capture_output=True, timeout=20)


@contextlib.contextmanager
def lab(*hosts: str) -> Iterator[Lab]:
    made = Lab()
    try:
        made.add(*hosts)
        yield made
    finally:
        made.close()


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, f"{' '.join(command[:8])}: {ended.stderr}"
    return ended.stdout
