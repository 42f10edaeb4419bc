"""Whether the ports that netmon listens on are free, or its own already."""

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from netmon_cli.doctor.base import Finding, ok, problem, warning


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens on a port: a process and its arguments, as far as this user may see them."""

    process: int | None = None
    arguments: tuple[str, ...] = ()

    @property
    def is_netmon(self) -> bool:
        return any(Path(argument).name == "netmon" or "netmon_cli" in argument for argument in self.arguments)


def find_listener(port: int) -> Listener | None:
    """The process that listens on a TCP port of the loopback address; None where nobody does."""
    try:
        listening = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        ]
    except (psutil.Error, OSError):  # macOS lets only root see it
        return Listener() if _answers(port) else None
    if not listening:
        return None
    return Listener(listening[0], _arguments(listening[0]))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _arguments(process: int | None) -> tuple[str, ...]:
    try:
        return tuple(psutil.Process(process).cmdline()) if process else ()
    except psutil.Error:
        return ()


@dataclass(frozen=True, slots=True)
class PortCheck:
    """`option` is the one of `netmon up` that takes another port."""

    port: int
    purpose: str
    option: str
    listener: Callable[[int], Listener | None] = find_listener
    matter: str = "ports"

    def examine(self) -> Iterable[Finding]:
        found = self.listener(self.port)
        name = f"{self.port} ({self.purpose})"
        if found is None:
            yield ok(f"{name} is free")
        elif found.is_netmon:
            yield ok(f"{name} is netmon's, process {found.process}")
        elif found.process is None:
            yield warning(f"{name} is in use by a process of another user", f"sudo ss -ltnp 'sport = :{self.port}'")
        else:
            yield problem(
                f"{name} is in use by process {found.process}: {' '.join(found.arguments) or 'unknown'}",
                f"netmon up {self.option} 127.0.0.1:{self.port + 10000}    # or stop it: kill {found.process}",
            )
