"""Daemons as processes, as their services start them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NETMON = Path(sys.executable).with_name("netmon")
_SOON_S = 30.0


class Daemon:
    """A running netmon and what it has printed so far."""

    def __init__(self, log: Path, *arguments: str, program: Path = NETMON) -> None:
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [program, *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {"GRPC_VERBOSITY": "NONE"},
                cwd=log.parent,
            )

    @property
    def printed(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def says(self, text: str) -> str:
        """Waits for a text; the rest of the line that it stands in."""
        deadline = time.monotonic() + _SOON_S
        while text not in self.printed:
            assert time.monotonic() < deadline, f"{text!r} was not said, but: {self.printed}"
            time.sleep(0.02)
        return self.printed.partition(text)[2].partition("\n")[0].strip()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_SOON_S)


@contextmanager
def daemon(log: Path, *arguments: str, program: Path = NETMON) -> Iterator[Daemon]:
    running = Daemon(log, *arguments, program=program)
    try:
        yield running
    finally:
        running.stop()


def asked(url: str, token: str, *arguments: str) -> Any:
    """What a command answers."""
    environment: Mapping[str, str] = os.environ | {"NETMON_URL": url, "NETMON_TOKEN": token}
    command = [str(NETMON), *arguments, "--json"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert answer.stderr == ""
    return json.loads(answer.stdout)
