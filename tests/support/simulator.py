"""snmpsim serving captures on a port of loopback; a capture's name is its community."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_udp_port
from tests.support.snmpd import answers

_START_S = 60.0


@contextmanager
def simulator(captures: Path, folder: Path, any_capture: str) -> Iterator[int]:
    """Runs it with an index of the captures in `folder`; gives its port once `any_capture` answers."""
    program = Path(sys.executable).with_name("snmpsim-command-responder")
    port = free_udp_port()
    cache = folder / "cache"
    cache.mkdir(parents=True)
    command = [
        str(program),
        f"--data-dir={captures}",
        f"--cache-dir={cache}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--log-level=error",
        "--process-user=root",
        "--process-group=root",
    ]
    if not _is_root():
        command = command[:-2]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_S
        while not answers(port, any_capture):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:])
        yield port
    finally:
        process.kill()
        process.wait()


def _is_root() -> bool:
    return os.geteuid() == 0
