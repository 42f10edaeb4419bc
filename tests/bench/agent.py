"""What the agent costs beside Debian's node_exporter, on the same machine at the same time.

Prints one JSON object as its last line; `--rounds` and `--gathers` make it shorter or longer.

Both are asked in short alternating rounds, after a warm-up that is not counted; the results are medians over the
rounds. The agent's part runs in a child process that imports what the agent imports. node_exporter is scraped over a
kept-alive loopback connection, compressed as for Prometheus, and once more without compression, its cheapest. CPU is
the kernel's count for the whole process, with all threads, user and system. Only node_* samples count, on both sides.

Then the whole agent runs for some minutes as it does on a host, beside the exporter, both every 10 s (whole_agent.py).

The budgets are about the same work: our families with states of threads, and node_exporter with exactly these families.
The other ratios compare what each does by default, which differs by the families that only one of them has on.
"""

import argparse
import asyncio
import gzip
import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPORTER = "prometheus-node-exporter"
WARM_UP_GATHERS = 50
OURS = {"top_processes": False}
"""Families that node_exporter does not have, off."""


@dataclass(frozen=True)
class Peer:
    """A process that gathers on demand."""

    pid: int
    gather: Callable[[], int]
    """Gathers once; the number of samples."""

    @property
    def cpu_s(self) -> float:
        # A process' CPU clock has an id made of its pid: clock_getcpuclockid(3).
        return time.clock_gettime((~self.pid << 3) | 2)

    @property
    def resident_mb(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        kib = next(line.split()[1] for line in lines if line.startswith("VmRSS:"))
        return round(int(kib) * 1024 / 1e6, 1)


@dataclass
class Tally:
    """Rounds of one peer: CPU seconds per gather, samples per gather, resident memory at the end."""

    cpu_s: list[float]
    samples: list[int]
    resident_mb: float = 0.0

    def summary(self) -> dict[str, float]:
        per_gather = statistics.median(self.cpu_s)
        samples = statistics.median(self.samples)
        return {
            "series": samples,
            "cpu_us_per_gather": round(per_gather * 1e6, 1),
            "cpu_us_per_sample": round(per_gather / samples * 1e6, 3),
            "resident_mb": self.resident_mb,
        }


def measure(peers: dict[str, Peer], rounds: int, gathers: int) -> dict[str, dict[str, float]]:
    """Asks the peers in turn, `gathers` times each, for `rounds` rounds."""
    tallies = {name: Tally([], []) for name in peers}
    for peer in peers.values():
        for _ in range(WARM_UP_GATHERS):
            peer.gather()
    for _ in range(rounds):
        for name, peer in peers.items():
            before = peer.cpu_s
            samples = [peer.gather() for _ in range(gathers)]
            tallies[name].cpu_s.append((peer.cpu_s - before) / gathers)
            tallies[name].samples.append(int(statistics.median(samples)))
    for name, peer in peers.items():
        tallies[name].resident_mb = peer.resident_mb
    return {name: tally.summary() for name, tally in tallies.items()}


@contextmanager
def exporter(*flags: str, encoding: str = "gzip") -> Iterator[Peer]:
    """node_exporter with its defaults and these flags, asked for answers in an encoding: gzip, as Prometheus asks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [EXPORTER, f"--web.listen-address=127.0.0.1:{port}", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def scrape() -> int:
        try:
            connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
            answer = connection.getresponse()
            content = answer.read()
            packed = answer.getheader("Content-Encoding") == "gzip"
            return (gzip.decompress(content) if packed else content).count(b"\nnode_")
        except OSError:
            connection.close()
            raise

    try:
        wait_until_answered(scrape)
        yield Peer(process.pid, scrape)
    finally:
        connection.close()
        process.terminate()
        process.wait(10)


def wait_until_answered(scrape: Callable[[], int]) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            scrape()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def gather_and_encode(options: dict[str, Any]) -> Iterator[Peer]:
    """The host input and the encoding of its batches, in a process of their own."""
    command = [sys.executable, __file__, "--serve-gathers", json.dumps(options)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin
    assert process.stdout
    ask, answer = process.stdin, process.stdout

    def gather() -> int:
        ask.write("gather\n")
        return int(answer.readline())

    try:
        yield Peer(process.pid, gather)
    finally:
        ask.close()
        process.wait(10)
        answer.close()


def serve_gathers(options: dict[str, Any]) -> None:
    """The child's side of `gather_and_encode`: a line in, a gather encoded, the number of its samples out."""
    from netmon_agent.columns import Columnizer
    from netmon_agent.inputs.host import HostInput
    from netmon_proto import wire
    from netmon_proto.model import Batch

    host = HostInput.model_validate(options)
    columnizer = Columnizer(1, 1)

    async def serve() -> None:
        for sequence, _ in enumerate(sys.stdin, 1):
            now_ms = time.time_ns() // 1_000_000
            encoded = columnizer.encode(host.title, host.job, now_ms, await host.gather(now_ms))
            wire.encode_batch(Batch(1, sequence, now_ms, 0, encoded.gathers))
            print(len(encoded.gathers[0].values), flush=True)
        await host.close()

    asyncio.run(serve())


def gather_results(rounds: int, gathers: int) -> dict[str, Any]:
    """The host input with all families, and node_exporter with its defaults and with the same families."""
    claimed = [f"--collector.{name}" for name in claimed_families()]
    with (
        gather_and_encode({}) as ours,
        gather_and_encode({"families": {**OURS, "processes": False}}) as without_processes,
        gather_and_encode({"families": OURS}) as without_top_processes,
        gather_and_encode({"families": OURS, "processes": {"thread_states": True}}) as same_series,
        exporter() as defaults,
        exporter(encoding="identity") as uncompressed,
        exporter("--collector.disable-defaults", *claimed) as same_families,
    ):
        measured = measure(
            {
                "ours": ours,
                "ours_without_processes": without_processes,
                "ours_without_top_processes": without_top_processes,
                "ours_with_thread_states": same_series,
                "node_exporter_defaults": defaults,
                "node_exporter_defaults_uncompressed": uncompressed,
                "node_exporter_same_families": same_families,
            },
            rounds,
            gathers,
        )

    def ratio(mine: str, theirs: str) -> float:
        return round(measured[mine]["cpu_us_per_sample"] / measured[theirs]["cpu_us_per_sample"], 3)

    to_same_families = ratio("ours_with_thread_states", "node_exporter_same_families")
    return {
        "gather_and_encode": measured,
        "ratios": {
            "cpu_per_sample_to_defaults": ratio("ours", "node_exporter_defaults"),
            "cpu_per_sample_to_defaults_without_processes": ratio("ours_without_processes", "node_exporter_defaults"),
            "cpu_per_sample_to_defaults_uncompressed": ratio("ours", "node_exporter_defaults_uncompressed"),
            "cpu_per_sample_to_same_families": to_same_families,
        },
        "budgets": {
            "gather_encode_cpu_per_sample_ratio": at_most(to_same_families, 0.25),
        },
    }


def claimed_families() -> list[str]:
    from netmon_agent.inputs.host.options import Families

    runs = Path("/run/systemd/system").is_dir()
    return [name for name in Families.model_fields if name not in OURS and (runs or name != "systemd")]


def at_most(value: float, limit: float) -> dict[str, Any]:
    return {"value": value, "limit": f"<= {limit}", "holds": value <= limit}


def whole_process_results(rounds: int, gathers: int) -> dict[str, Any]:
    """The running agent and node_exporter with the same families, both every 10 s."""
    from tests.support.whole_agent import compare

    claimed = [f"--collector.{name}" for name in claimed_families()]
    with exporter("--collector.disable-defaults", *claimed) as peer:
        measured = compare(peer.pid, peer.gather, ", processes: {thread_states: true}", max(3, rounds * gathers // 60))
    return {
        "whole_process": measured,
        "budgets": {
            "whole_process_cpu_per_sample_ratio": at_most(measured["ratio"], 0.6),
            "resident_mb": at_most(measured["resident_mb"], 55),
        },
    }


PARTS = [gather_results, whole_process_results]
"""Each measures one thing and returns results, ratios and budgets, which are put together."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--gathers", type=int, default=25, help="per round and peer")
    parser.add_argument("--serve-gathers", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it runs by its path, too
    if options.serve_gathers:
        serve_gathers(json.loads(options.serve_gathers))
        return
    if shutil.which(EXPORTER) is None:
        print(json.dumps({"skipped": f"{EXPORTER} is not installed"}))
        return
    result: dict[str, Any] = {
        "benchmark": "agent",
        "rounds": options.rounds,
        "gathers_per_round": options.gathers,
        "warm_up_gathers": WARM_UP_GATHERS,
        "counted": "node_* samples",
    }
    for part in PARTS:
        for name, value in part(options.rounds, options.gathers).items():
            result[name] = result.get(name, {}) | value
    print(json.dumps(result))


if __name__ == "__main__":
    main()
