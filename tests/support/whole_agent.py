"""The whole agent as it runs on a host: schedule, spool on disk, TLS stream to a real collector, at its own pace."""

import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from tests.support.daemons import Daemon, samples
from tests.support.ports import free_port

INTERVAL_S = 10.0
WARM_UP_S = 25.0
SAMPLES_TOTAL = 'netmon_agent_samples_total{input="host"}'


class Site:
    """A collector with a certificate, and the folder of an agent that may join it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        for place, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(str(folder / "cert.pem"), append=place > 0)
        self.port, self.http = free_port(), f"127.0.0.1:{free_port()}"
        tls = f"tls: {{cert_file: {folder}/cert.pem, key_file: {folder}/key.pem}}"
        (folder / "collector.yaml").write_text(f"grpc:\n  listen: 0.0.0.0:{self.port}\n  {tls}\n")
        words = ("--config", f"{folder}/collector.yaml", "--state", f"{folder}/collector", "--http", self.http)
        self.collector = Daemon(folder, "collector", *words)
        self.token = self.collector.says(r"API token \(shown this once\): (\S+)")[1]
        token = self.collector.says(r"join token for agents \(shown this once\): (\S+)")[1]
        (folder / "join-token").write_text(token)

    def agent(self, options: str) -> Daemon:
        """Starts the agent; `options` are those of its host input."""
        config = self.folder / "agent.yaml"
        config.write_text(
            f"interval: {INTERVAL_S:.0f}s\n"
            "collector:\n"
            f"  address: localhost:{self.port}\n"
            f"  join_token_file: {self.folder}/join-token\n"
            f"  tls: {{ca_file: {self.folder}/ca.pem}}\n"
            f"inputs:\n  - {{type: host{options}}}\n"
        )
        one = Daemon(self.folder, "agent", "--config", str(config), "--state", str(self.folder / "agent"))
        one.says("collector.connected")
        return one

    def gathered(self) -> float:
        """How many samples of the host the agent says that it has read."""
        (points,) = samples(f"http://{self.http}", self.token, SAMPLES_TOTAL).values()
        return float(points[-1][1])


@contextmanager
def site() -> Iterator[Site]:
    """A running collector that is gone at the end."""
    ssl.create_default_context()  # fails early where this Python has no TLS
    with tempfile.TemporaryDirectory() as folder:
        one = Site(Path(folder))
        try:
            yield one
        finally:
            one.collector.stop()


def cpu_s(pid: int) -> float:
    """The CPU clock of a process, all threads, user and system: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_mb(pid: int) -> float:
    """Resident memory in MB (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024 / 1e6, 1)


def compare(peer_pid: int, scrape: Callable[[], int], options: str, gathers: int) -> dict[str, Any]:
    """The agent and a scraped peer, both every INTERVAL_S at the same time; the warm-up is not counted."""
    with site() as one:
        agent = one.agent(options)
        try:
            pid = agent.process.pid
            end = time.monotonic() + WARM_UP_S
            while time.monotonic() < end:
                scrape()
                time.sleep(INTERVAL_S)
            ours_s, theirs_s, theirs = cpu_s(pid), cpu_s(peer_pid), 0
            before = one.gathered()
            for _ in range(gathers):
                theirs += scrape()
                time.sleep(INTERVAL_S)
            ours = one.gathered() - before
            ours_us = (cpu_s(pid) - ours_s) / ours * 1e6
            theirs_us = (cpu_s(peer_pid) - theirs_s) / theirs * 1e6
            return {
                "interval_s": INTERVAL_S,
                "gathers": gathers,
                "warm_up_s": WARM_UP_S,
                "stream": "TLS, with join token",
                "series": round(ours / gathers),
                "cpu_us_per_sample": round(ours_us, 3),
                "node_exporter_cpu_us_per_sample": round(theirs_us, 3),
                "ratio": round(ours_us / theirs_us, 3),
                "resident_mb": resident_mb(pid),
                "node_exporter_resident_mb": resident_mb(peer_pid),
            }
        finally:
            agent.stop()
