"""Debian's servers behind the tests of checks: each on a free port of loopback."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemons import eventually, free_port

_UNBOUND = """
server:
  directory: "{folder}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@{port}
  interface: 127.0.0.1@{tls_port}
  tls-port: {tls_port}
  tls-service-pem: "{folder}/server.pem"
  tls-service-key: "{folder}/server.key"
  do-ip6: no
  num-threads: 1
  local-zone: "example.test." static
  local-data: "example.test. 60 SOA ns.example.test. host.example.test. 2024010101 3600 600 86400 60"
  local-data: "example.test. 60 MX 10 mail.example.test."
  local-data: "www.example.test. 60 A 192.0.2.7"
  local-data: "www.example.test. 60 A 192.0.2.8"
  local-data: 'text.example.test. 60 TXT "hello world"'
remote-control:
  control-enable: no
"""


def program(name: str, package: str) -> str:
    """Skips the test where it is not installed."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"needs {name}, of the Debian package {package}")
    return path


@contextlib.contextmanager
def running(command: list[str], log: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    """A server until the end of the block."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        eventually(lambda: process.poll() is not None or is_ready() or None, 20)
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def unbound(folder: Path) -> Iterator[tuple[int, int]]:
    """A DNS server for example.test; its port of UDP and TCP, and that of TLS. The folder has server.pem and .key."""
    port, tls_port = free_port(), free_port()
    config, log = folder / "unbound.conf", folder / "unbound.log"
    config.write_text(_UNBOUND.format(folder=folder, port=port, tls_port=tls_port))
    command = [program("unbound", "unbound"), "-d", "-c", str(config)]
    with running(command, log, lambda: b"start of service" in log.read_bytes()):
        yield port, tls_port
