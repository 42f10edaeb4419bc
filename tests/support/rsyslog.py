"""Debian's rsyslogd, which takes lines from a socket of its own and forwards them as it is told."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="64k" {tls})
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log")
action(type="omfwd" Target="127.0.0.1" Port="{port}" {action} queue.type="LinkedList" action.resumeRetryCount="-1"
       action.resumeInterval="1")
"""


@contextlib.contextmanager
def rsyslogd(folder: Path, port: int, action: str, ca_file: Path | None = None) -> Iterator[Path]:
    """Forwards to a port of loopback by `action`'s words; where it takes lines."""
    tls = f'defaultNetstreamDriverCAFile="{ca_file}"' if ca_file else ""
    written = folder / "rsyslog.conf"
    written.write_text(CONFIGURATION.format(folder=folder, port=port, action=action, tls=tls))
    command = ["rsyslogd", "-n", "-f", str(written), "-i", str(folder / "rsyslogd.pid")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline_s = time.monotonic() + 10
        while not (folder / "log").exists():
            assert running.poll() is None, running.communicate()[0]
            assert time.monotonic() < deadline_s, "rsyslogd does not listen"
            time.sleep(0.02)
        yield folder / "log"
    finally:
        running.terminate()
        running.communicate(timeout=10)
