"""A PostgreSQL server of the tests' own, on a free port of loopback, as a user who is not root."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.support.ports import free_port

PASSWORD = "s3cret of tests"


@dataclass
class Postgres:
    """A server that runs, or was stopped by a test."""

    folder: Path
    programs: Path
    port: int
    user: str | None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options |= {"fsync": "off", "max_connections": "40"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), *words]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self.user, cwd=self.folder)
        deadline = time.monotonic() + 30
        while self._ask("SELECT 1") != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()  # "smart": waits for nobody but those who are connected
            self._process.send_signal(2)  # "fast": ends them, too
            self._process.wait()
            self._process = None

    def database(self, template: str = "template0") -> str:
        """A new database; its URL without a password."""
        name = f"test{next(self._numbers)}"
        assert self._ask(f"CREATE DATABASE {name} TEMPLATE {template}") == 0
        return f"postgresql://netmon@127.0.0.1:{self.port}/{name}"

    def _ask(self, statement: str) -> int:
        command = [
            str(self.programs / "psql"),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "netmon",
            "-qc",
            statement,
        ]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run([*command, "postgres"], capture_output=True, env=environment).returncode


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Runs it; skips the test where it is not installed."""
    initdb = shutil.which("initdb") or next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if initdb is None:
        pytest.skip("needs PostgreSQL's server, of the Debian package postgresql")
    user = "nobody" if os.name == "posix" and os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="netmon-postgres-"))
    password = folder / "password"
    password.write_text(PASSWORD)
    if user is not None:
        shutil.chown(folder, user)
        shutil.chown(password, user)
    programs = Path(initdb).resolve().parent
    words = ["-D", str(folder / "data"), "-U", "netmon", "-A", "scram-sha-256", "--pwfile", str(password)]
    words += ["-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    try:
        subprocess.run([programs / "initdb", *words], check=True, capture_output=True, user=user, cwd=folder)
        server = Postgres(folder, programs, free_port(), user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
