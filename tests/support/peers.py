"""Debian's servers behind the tests of checks: each on a free port of loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemons import eventually
from tests.support.ports import free_port, free_udp_port

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
_CHRONY = """
port {port}
bindaddress 127.0.0.1
allow 127.0.0.1
cmdport 0
bindcmdaddress {folder}/chronyd.sock
pidfile {folder}/chronyd.pid
local stratum 3
"""
_NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    root {folder}/pages;
    location = /away {{ return 302 /page; }}
    location = /said {{ add_header x-said "$http_x_say $host $http_user_agent $request_method"; return 200 "ok"; }}
    location = /none {{ return 204; }}
  }}
}}
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


@contextlib.contextmanager
def chrony(folder: Path) -> Iterator[int]:
    """An NTP server of stratum 3 that serves this machine's time and leaves its clock alone; its port."""
    port = free_udp_port()
    config, log = folder / "chrony.conf", folder / "chrony.log"
    config.write_text(_CHRONY.format(folder=folder, port=port))
    if os.geteuid() != 0:
        pytest.skip("needs root for chronyd")
    command = [program("chronyd", "chrony"), "-x", "-d", "-u", "root", "-f", str(config)]
    with running(command, log, lambda: b"chronyd version" in log.read_bytes()):
        yield port


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """A web server that speaks HTTP/2 by TLS, with 300,006 bytes as /page; its port. The folder has certificates."""
    port = free_port()
    config, log = folder / "nginx.conf", folder / "nginx.out"
    config.write_text(_NGINX.format(folder=folder, port=port))
    (folder / "pages").mkdir(exist_ok=True)
    (folder / "pages" / "page").write_bytes(b"netmon\n" * 42_858)
    command = [program("nginx", "nginx-light"), "-e", str(log), "-p", str(folder), "-c", str(config)]
    with running(command, log, lambda: _accepts(port)):
        yield port


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
