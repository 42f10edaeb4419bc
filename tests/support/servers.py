"""Real time-series servers for tests: on a free port of loopback, with a folder of their own."""

import contextlib
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.ports import free_port

_START_S = 60.0

_INFLUXDB = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[ifql]
  enabled = false
"""


class RunningServer:
    """A server that can be killed and started again on the same port and folder."""

    def __init__(self, folder: Path, port: int, command: list[str], ready_path: str, flush_path: str = "") -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._command = command
        self._ready_url = self.url + ready_path
        self._flush_path = flush_path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(self._ready_url, timeout=1):
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def flush(self) -> None:
        """Has it show what it has taken."""
        if self._flush_path:
            self.post(self._flush_path, b"")

    def post(self, path: str, body: bytes, content_type: str = "application/x-www-form-urlencoded") -> None:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": content_type}, method="POST")
        urllib.request.urlopen(request, timeout=10).close()


def victoria_metrics(folder: Path, *flags: str) -> RunningServer:
    """VictoriaMetrics with what netmon needs, and further flags. Skips the test where it is not installed."""
    port = free_port()
    command = [
        found("victoria-metrics", "victoria-metrics"),
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-memory.allowedBytes=128MiB",
        "-http.connTimeout=1h",  # else it closes a connection after two minutes, also one that is in use
        "-http.idleConnTimeout=1h",
        *(flags or ("-dedup.minScrapeInterval=1ms",)),
    ]
    folder.mkdir(parents=True)
    return RunningServer(folder, port, command, "/health", "/internal/force_flush")


def influxdb(folder: Path) -> RunningServer:
    """InfluxDB 1. Skips the test where it is not installed."""
    program = found("influxd", "influxdb")
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "influxdb.conf"
    config.write_text(_INFLUXDB.format(folder=folder, port=port, rpc=free_port()))
    return RunningServer(folder, port, [program, "-config", str(config)], "/ping")


def found(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs {program}, of the Debian package {package}")
    return path


def prometheus(folder: Path, *flags: str) -> RunningServer:
    """Prometheus that scrapes nothing and takes what is written to it. Skips the test where it is not installed."""
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    command = [
        found("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        *flags,
    ]
    return RunningServer(folder, port, command, "/-/ready")


def alertmanager(folder: Path, config: str) -> RunningServer:
    """Alertmanager with a configuration of its own. Skips the test where it is not installed."""
    if (program := shutil.which("prometheus-alertmanager")) is None:
        pytest.skip("needs prometheus-alertmanager (Debian: apt-get install prometheus-alertmanager)")
    (folder / "alertmanager.yml").write_text(config, encoding="utf-8")
    port = free_port()
    command = [
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    return RunningServer(folder, port, command, "/-/ready")
