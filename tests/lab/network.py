"""Namespaces and cables of a lab. Nothing of it is outside its namespaces, whose names tell which process made them."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "nmlab"
_OURS: Final = re.compile(_PREFIX + r"(\d+)x\d+-\S+")
_NUMBERS: Final = itertools.count()


class Network:
    """Nodes by short names; a cable's ends are called after the nodes at the other end, unless told otherwise."""

    def __init__(self) -> None:
        self._prefix = f"{_PREFIX}{os.getpid()}x{next(_NUMBERS)}-"
        self._nodes: list[str] = []

    def build(self, nodes: Sequence[str], cables: Sequence[tuple[str, str]], commands: Sequence[str]) -> None:
        """Makes namespaces and cables, then carries out `NODE COMMAND` lines of ip(8), all in few processes."""
        self._nodes += nodes
        _ip("".join(f"netns add {self.name(node)}\n" for node in nodes))
        _ip("".join(self._cable(one, other) for one, other in cables))
        for node in nodes:
            own = [line.partition(" ")[2] for line in commands if line.partition(" ")[0] == node]
            _ip("\n".join(own) + "\n", "-netns", self.name(node))

    def name(self, node: str) -> str:
        return self._prefix + node

    def cable(self, one: str, other: str, *commands: str) -> None:
        """One more cable, and lines as `build` takes them."""
        _ip(self._cable(one, other))
        for line in commands:
            node, _, command = line.partition(" ")
            _ip(command + "\n", "-netns", self.name(node))

    def _cable(self, one: str, other: str) -> str:
        near, far = self.name(one), self.name(other)
        return f"link add to-{other} netns {near} type veth peer name to-{one} netns {far}\n"

    def within(self, node: str, *command: str) -> list[str]:
        """The command that runs this one there."""
        return ["ip", "netns", "exec", self.name(node), *command]

    def run(self, node: str, *command: str) -> str:
        ended = subprocess.run(self.within(node, *command), capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, f"{node}: {' '.join(command)}: {ended.stderr or ended.stdout}"
        return ended.stdout

    def close(self) -> None:
        for node in self._nodes:
            remove(self.name(node))


def remove(namespace: str) -> None:
    """Ends what runs in a namespace, and the namespace."""
    pids = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, timeout=20).stdout
    for pid in pids.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=20)


def remove_leftovers() -> list[str]:
    """Removes the labs of test runs that were killed; the namespaces that they had."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, timeout=20).stdout
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    found = [name for name in names if (ours := _OURS.fullmatch(name)) and not _is_running(int(ours[1]))]
    for name in found:
        remove(name)
    return found


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _ip(lines: str, *options: str) -> None:
    ended = subprocess.run(["ip", *options, "-batch", "-"], input=lines, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
