"""Real daemons, started as a person starts them, on free ports of loopback."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from urllib.request import Request, urlopen

NETMON = str(Path(sys.executable).with_name("netmon"))
T = TypeVar("T")


def eventually(look: Callable[[], T | None], timeout_s: float = 30) -> T:
    """What `look` gives once it gives something; fails with its last answer after some time."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {timeout_s} s"
        time.sleep(0.05)
    return found


class Daemon:
    """A running netmon command, and what it has written so far."""

    def __init__(self, home: Path, *words: str, under: Sequence[str] = ()) -> None:
        """`under` is a command that runs the command."""
        self.process = subprocess.Popen(
            [*under, NETMON, *words],
            env=surroundings(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._written += line
        self.process.stdout.close()

    @property
    def written(self) -> str:
        return self._written.decode()

    def says(self, pattern: str, timeout_s: float = 30) -> re.Match[str]:
        """Waits until the daemon writes something."""
        try:
            return eventually(lambda: re.search(pattern, self.written), timeout_s)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in: {self.written}") from None

    def ends(self, timeout_s: float = 30) -> int:
        """Waits for the end; the exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end."""
        self.process.send_signal(number)
        return self.ends()


@contextlib.contextmanager
def daemon(home: Path, *words: str) -> Iterator[Daemon]:
    """Runs a netmon command; it and its children are gone at the end, whatever happened."""
    one = Daemon(home, *words)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.ends()


def surroundings(home: Path) -> dict[str, str]:
    """An environment in which netmon keeps to a folder of the test."""
    home.mkdir(exist_ok=True, parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETMON_", "XDG_"))}
    return kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"}


def netmon(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a netmon command to its end."""
    return subprocess.run([NETMON, *words], env=surroundings(home), capture_output=True, text=True, timeout=60)


def get(url: str, token: str, path: str, parameters: Mapping[str, str] | None = None) -> Any:
    """Asks the API."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    request = Request(f"{url}{path}{query}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def instant(url: str, token: str, expression: str) -> list[Any]:
    """What an expression comes to now, in a hundredth of the time that a command takes."""
    return list(get(url, token, "/prometheus/api/v1/query", {"query": expression})["data"]["result"])


def samples(url: str, token: str, selector: str, since_s: float = 3600) -> dict[str, list[tuple[float, Any]]]:
    """The samples of a selector, by the series' labels without name and instance, as text."""
    start = f"{time.time() - since_s:.3f}"
    listing = get(url, token, "/api/v1/samples", {"selector": selector, "start": start, "limit": "1000000"})
    return {
        ",".join(f"{name}={value}" for name, value in one["labels"].items() if name not in ("__name__", "instance")): [
            (time_s, value) for time_s, value in one["samples"]
        ]
        for one in listing["results"]
    }
