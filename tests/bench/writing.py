"""Remote write, as a real collector and VictoriaMetrics take the same bodies over HTTP: samples per CPU second.

Counted is all that a server's process does meanwhile. Ours acks what is on disk, VictoriaMetrics what is in memory.
"""

import http.client
import json
import re
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.support.daemons import daemon
from tests.support.ports import free_port
from tests.support.servers import victoria_metrics
from tests.support.write_requests import field, packed, varint

SERIES = 60_000
PER_REQUEST = 2_000
ROUNDS = 8
WARM_ROUNDS = 2
LEAST_OF_PEER = 0.3
START_MS = time.time_ns() // 1_000_000 - ROUNDS * 15_000


def bodies() -> Iterator[list[bytes]]:
    """A round of scrapes after the other: host metrics of 300 machines, as Prometheus sends them."""
    modes = "idle user system iowait irq nice softirq steal".split()
    labels = []
    for n in range(SERIES):
        pairs = {
            "__name__": "node_cpu_seconds_total",
            "cpu": str(n // 8 % 25),
            "instance": f"host{n // 200}.example.net:9100",
            "job": "node",
            "mode": modes[n % 8],
            "region": "eu-west-1",
        }
        labels.append(
            b"".join(field(1, field(1, name.encode()) + field(2, text.encode())) for name, text in pairs.items())
        )
    for turn in range(ROUNDS):
        stamp = b"\x10" + varint(START_MS + 15_000 * turn)
        series = [
            field(1, one + field(2, b"\x09" + struct.pack("<d", 0.25 * n + turn) + stamp))
            for n, one in enumerate(labels)
        ]
        yield [packed(b"".join(series[at : at + PER_REQUEST])) for at in range(0, SERIES, PER_REQUEST)]


def cpu_s(process: psutil.Process) -> float:
    """What a process and its children have used."""
    together = [process, *process.children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in together)


def measured(url: str, path: str, token: str, process: psutil.Process, rounds: list[list[bytes]]) -> float:
    """Samples per second of processor time, over the rounds after the first ones, in which all is new."""
    headers = {
        "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "Authorization": f"Bearer {token}",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }  # fmt: skip
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    costs = []
    for turn, requests in enumerate(rounds):
        before_s = cpu_s(process)
        for body in requests:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
        if turn >= WARM_ROUNDS:
            costs.append(cpu_s(process) - before_s)
    connection.close()
    return SERIES * len(costs) / sum(costs)


def main() -> None:
    rounds = list(bodies())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        config = home / "collector.yaml"
        config.write_text(
            f"state: {home / 'state'}\nhttp:\n  listen: 127.0.0.1:{free_port()}\n"
            f"grpc:\n  listen: 127.0.0.1:{free_port()}\n"
        )
        with daemon(home / "home", "collector", "--config", str(config)) as collector:
            url = collector.says(r"API on (http\S+),")[1]
            token = re.search(r"nmt_\S+", collector.says(r"API token.*")[0])
            assert token is not None
            ours = measured(url, "/prometheus/api/v1/write", token[0], psutil.Process(collector.process.pid), rounds)
        server = victoria_metrics(home / "victoria")
        server.start()
        assert server._process is not None
        try:
            theirs = measured(server.url, "/api/v1/write", "", psutil.Process(server._process.pid), rounds)
        finally:
            server.kill()
    ratio = ours / theirs
    result = {
        "samples_per_cpu_second": {"netmon": round(ours), "victoriametrics": round(theirs)},
        "budgets": {
            "remote write, samples per CPU second over VictoriaMetrics": {
                "value": round(ratio, 2), "limit": f">= {LEAST_OF_PEER}", "holds": ratio >= LEAST_OF_PEER,
            }
        },
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
