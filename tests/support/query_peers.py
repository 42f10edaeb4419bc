"""Servers that are asked the same over HTTP, ours in a process of its own, and samples for them: as agents' gathers for
ours, by remote write for others.
"""

import asyncio
import http.client
import json
import math
import pickle
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import cramjam
import numpy as np

from netmon_cli.assembly.running import freeze
from netmon_collector.store.base import Row
from netmon_proto.model import Kind
from tests.api.assembly import running
from tests.support.fleet_samples import Host
from tests.support.servers import RunningServer

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)\r\n", re.IGNORECASE)
_FORM = "application/x-www-form-urlencoded"
_WINDOW = 20
"""So many gathers of a host are in one remote write, where nothing else is said."""
_HOSTS_PER_WRITE = 10


class Connection:
    """HTTP/1.1 on a bare socket that stays: so little that what is measured is the server. Whole requests are sent."""

    def __init__(self, url: str) -> None:
        self.host = url.removeprefix("http://")
        name, _, port = self.host.rpartition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """The head and the body of the answer, the latter as it was sent."""
        self._socket.sendall(request)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            self._receive(data)
        head, begin = bytes(data[: end + 2]), end + 4
        length = _LENGTH.search(head)
        if length is not None:
            while len(data) < begin + int(length[1]):
                self._receive(data)
        else:
            while not data.endswith(b"\r\n0\r\n\r\n"):  # JSON has no line that ends like this
                self._receive(data)
        return head, bytes(data[begin:])

    def _receive(self, data: bytearray) -> None:
        received = self._socket.recv(1 << 20)
        if not received:
            raise ConnectionError(f"{self.host} has closed the connection")
        data += received


@dataclass
class Peer:
    """A server that is asked, on one connection that stays; `cpu_s` tells its process's CPU time.

    `cold`: what to add to a query so that no result cache answers it. `take`: gives it what some hosts have gathered in
    one slot.
    """

    name: str
    url: str
    pid: int
    take: Callable[[Sequence[Host], int], None]
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cold: Mapping[str, str] = field(default_factory=dict)
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = Connection(self.url)

    def cpu_s(self) -> float:
        """The clock of a process has an id made of its pid, see clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def form(self, path: str, arguments: Mapping[str, str], *, cold: bool = False) -> bytes:
        """The request that posts a form."""
        body = urllib.parse.urlencode({**arguments, **(self.cold if cold else {})}).encode()
        headers = {**self.headers, "Content-Type": _FORM, "Content-Length": str(len(body))}
        return self._request("POST", path, headers) + body

    def fetch(self, path: str, arguments: Mapping[str, str]) -> bytes:
        """The answer to a GET."""
        request = self._request("GET", f"{path}?{urllib.parse.urlencode(arguments)}", self.headers)
        return self.body(*self.connection.ask(request))

    def _request(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", f"Host: {self.connection.host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def body(self, head: bytes, body: bytes) -> bytes:
        """An answer's body, put together if it came in chunks."""
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"{self.name}: {head[:100]!r} {body[:300]!r}")
        return body if _LENGTH.search(head) else b"".join(_chunks(body))


def _chunks(body: bytes) -> Iterator[bytes]:
    at = 0
    while True:
        line = body.index(b"\r\n", at)
        length = int(body[at:line], 16)
        if not length:
            return
        yield body[line + 2 : line + 2 + length]
        at = line + 4 + length


@dataclass
class Taken:
    """What one query took one server."""

    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def told(self) -> dict[str, float]:
        p95 = sorted(self.ms)[min(len(self.ms) - 1, math.ceil(0.95 * len(self.ms)) - 1)]
        return {"p50_ms": round(self.p50, 2), "p95_ms": round(p95, 2), "cpu_ms": round(self.cpu, 2)}

    @property
    def p50(self) -> float:
        return statistics.median(self.ms)

    @property
    def cpu(self) -> float:
        return statistics.fmean(self.cpu_ms)


def timed(peer: Peer, path: str, arguments: Mapping[str, str], taken: Taken, *, cold: bool = False) -> bytes:
    request = peer.form(path, arguments, cold=cold)
    cpu_s, started_s = peer.cpu_s(), time.perf_counter()
    answer = peer.connection.ask(request)
    taken.ms.append(1000 * (time.perf_counter() - started_s))
    taken.cpu_ms.append(1000 * (peer.cpu_s() - cpu_s))
    return peer.body(*answer)


@contextmanager
def own_server(folder: Path) -> Iterator[Peer]:
    """Our API over the store in a folder, as a peer."""
    command = [sys.executable, "-m", "tests.support.query_peers", str(folder)]
    own = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert own.stdout is not None
        told = json.loads(own.stdout.readline())
        headers = {"Authorization": f"Bearer {told['token']}"}

        def take(samples: Sequence[Host], slot: int) -> None:
            assert own.stdin is not None
            assert own.stdout is not None
            pickle.dump([(host.labels, int(host.times[slot]), host.values[slot]) for host in samples], own.stdin)
            own.stdin.flush()
            own.stdout.readline()

        yield Peer("netmon", told["url"], own.pid, take, "/prometheus", headers, {"nocache": "1"})
    finally:
        own.kill()
        own.wait()


def peer_of(name: str, server: RunningServer, cold: Mapping[str, str] | None = None) -> Peer:
    assert server._process is not None

    def take(samples: Sequence[Host], slot: int) -> None:
        for at in range(0, len(samples), _HOSTS_PER_WRITE):
            send(server, remote_write(samples[at : at + _HOSTS_PER_WRITE], slice(slot, slot + 1)))
        server.flush()

    return Peer(name, server.url, server._process.pid, take, cold=cold or {})


def remote_writes(samples: Sequence[Host], most: int | None = None, slots_at_once: int = _WINDOW) -> Iterator[bytes]:
    """All samples, by and large in the order of time; the hosts have as many gathers each.

    most: only so many, the first. slots_at_once: so many gathers of a host, 900 at most, are in one remote write.
    """
    count = len(samples[0].times) if most is None else most
    for first in range(0, count, slots_at_once):
        slots = slice(first, min(first + slots_at_once, count))
        for at in range(0, len(samples), _HOSTS_PER_WRITE):
            yield remote_write(samples[at : at + _HOSTS_PER_WRITE], slots)


def remote_write(samples: Sequence[Host], slots: slice) -> bytes:
    """What some hosts have gathered in some slots."""
    return bytes(cramjam.snappy.compress_raw(b"".join(part for host in samples for part in _written(host, slots))))


def _written(host: Host, slots: slice) -> Iterator[bytes]:
    """A remote write's series of a host. A sample is 18 bytes, for its time takes six."""
    times = host.times[slots]
    sample = np.zeros((len(times), 18), np.uint8)
    sample[:, :3], sample[:, 11] = (0x12, 0x10, 0x09), 0x10
    for place in range(6):
        sample[:, 12 + place] = (times >> (7 * place)) & 0x7F | (0x80 if place < 5 else 0)
    for column, labels in enumerate(host.labels):
        sample[:, 3:11] = np.ascontiguousarray(host.values[slots, column]).view(np.uint8).reshape(-1, 8)
        pairs = b"".join(_field(b"\x0a", _field(b"\x0a", a.encode()) + _field(b"\x12", b.encode())) for a, b in labels)
        yield _field(b"\x0a", pairs + sample.tobytes())


def _field(tag: bytes, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return tag + size + content


def send(server: RunningServer, body: bytes) -> None:
    """One remote write."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=120)
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    connection.request("POST", "/api/v1/write", body, headers)
    answer = connection.getresponse()
    told = answer.read()
    if answer.status not in (200, 204):
        raise RuntimeError(f"{server.url}: {answer.status} {told[:300]!r}")
    connection.close()


async def _serve(folder: Path) -> None:
    async with running(folder) as lab:
        freeze()  # as the daemon does
        print(json.dumps({"url": lab.url, "token": lab.token}), flush=True)
        with suppress(EOFError):
            while True:
                taken = await asyncio.to_thread(pickle.load, sys.stdin.buffer)
                rows = [
                    Row(lab.store.register(labels, [Kind.GAUGE] * len(labels)), time_ms, values)
                    for labels, time_ms, values in taken
                ]
                await asyncio.gather(*(lab.store.append(rows[at : at + 50], None) for at in range(0, len(rows), 50)))
                print("taken", flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
