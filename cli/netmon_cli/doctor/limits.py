"""Whether this process may open enough files and finds enough memory."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

from netmon_cli.doctor.base import Finding, ok, problem, warning
from netmon_cli.output import count, size

FILES_NEEDED = 256
FILES_WANTED = 1024
NO_MEMORY_BYTES = 64 << 20
LITTLE_MEMORY_BYTES = 256 << 20


def file_limits() -> tuple[int, int] | None:
    """The soft and the hard limit of open files (getrlimit(2)); None where there is no such thing."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    return (sys.maxsize if soft == unlimited else soft), (sys.maxsize if hard == unlimited else hard)


def available_bytes() -> int:
    return int(psutil.virtual_memory().available)


@dataclass(frozen=True, slots=True)
class FilesCheck:
    limits: Callable[[], tuple[int, int] | None] = file_limits
    matter: str = "open files"

    def examine(self) -> Iterable[Finding]:
        found = self.limits()
        if found is None:
            return
        soft, hard = found
        if soft >= FILES_WANTED:
            yield ok("no limit" if soft == sys.maxsize else f"up to {count(soft)}; an agent takes a collector one")
        else:
            rate = problem if soft < FILES_NEEDED else warning
            command = f"ulimit -n {min(hard, 65536)}" if hard > soft else "sudo prlimit --nofile=65536 --pid $$"
            yield rate(f"at most {count(soft)}", f"{command}    # under systemd: LimitNOFILE=65536")


@dataclass(frozen=True, slots=True)
class MemoryCheck:
    available: Callable[[], int] = available_bytes
    matter: str = "memory"

    def examine(self) -> Iterable[Finding]:
        left = self.available()
        look = "ps aux --sort=-rss | head"
        if left < NO_MEMORY_BYTES:
            yield problem(f"only {size(left)} available", look)
        elif left < LITTLE_MEMORY_BYTES:
            yield warning(f"only {size(left)} available", look)
        else:
            yield ok(f"{size(left)} available")
