"""Debian's snmpd on a free port of loopback, with users for each way of asking."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_udp_port

_CONF = """
rocommunity public
sysLocation lab
sysContact ops@example.net
createUser open
rouser open noauth
createUser signed SHA authpass123
rouser signed auth
createUser sealed SHA authpass123 AES privpass123
rouser sealed priv
createUser sealed256 SHA-256 authpass123 AES privpass123
rouser sealed256 priv
createUser sealed224 SHA-224 authpass123 AES privpass123
rouser sealed224 priv
createUser sealed384 SHA-384 authpass123 AES-192 privpass123
rouser sealed384 priv
createUser sealed512 SHA-512 authpass123 AES-256 privpass123
rouser sealed512 priv
createUser blumenthal SHA authpass123 AES-256 privpass123
rouser blumenthal priv
createUser reeder SHA authpass123 AES-256-C privpass123
rouser reeder priv
createUser reeder192 MD5 authpass123 AES-192-C privpass123
rouser reeder192 priv
createUser oldest MD5 authpass123 DES privpass123
rouser oldest priv
"""


@contextmanager
def snmpd(folder: Path, port: int | None = None, more: str = "") -> Iterator[int]:
    """Runs it, with more lines of configuration; gives its port. Skips the test where it is not installed."""
    program = shutil.which("snmpd") or shutil.which("snmpd", path="/usr/sbin")
    if program is None:
        pytest.skip("needs snmpd, of the Debian package snmpd")
    port = port or free_udp_port()
    folder.mkdir(exist_ok=True)
    (folder / "snmpd.conf").write_text(_CONF + more)
    command = [program, "-f", "-Le", "-C", "-c", str(folder / "snmpd.conf"), "-I", "-smux", f"udp:127.0.0.1:{port}"]
    with (folder / "log").open("ab") as log:
        environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "state")}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        _wait(port, process, folder / "log")
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int, community: str = "public") -> bool:
    """Whether a request for sysUpTime is answered within a tenth of a second."""
    name = community.encode()
    pdu = bytes.fromhex("a019020101020100020100300e300c06082b060102010103000500")
    body = b"\x02\x01\x01" + bytes([4, len(name)]) + name + pdu
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        try:
            asking.connect(("127.0.0.1", port))
            asking.send(bytes([0x30, len(body)]) + body)
            asking.recv(1500)
        except ConnectionRefusedError:
            time.sleep(0.05)
        except OSError:
            return False
        else:
            return True
    return False


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(200):
        if answers(port):
            return
        if process.poll() is not None:
            break
    raise RuntimeError(log.read_text(errors="replace")[-2000:])
