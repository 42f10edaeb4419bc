"""Debian's real prometheus-node-exporter, started by the tests on a free loopback port."""

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from types import TracebackType

from prometheus_client.parser import text_string_to_metric_families

from netmon_agent.inputs.base import Key
from netmon_agent.inputs.host import HostInput
from netmon_proto.model import Kind
from tests.agent.host.trees import Series
from tests.support.ports import free_port

PROGRAM = shutil.which("prometheus-node-exporter")
_KINDS = {"counter": Kind.COUNTER, "gauge": Kind.GAUGE, "unknown": Kind.UNKNOWN}


class Exporter:
    """Runs while the context is entered."""

    def __init__(self, flags: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._address = f"127.0.0.1:{free_port()}"
        self._environment = os.environ | dict(environment or {})
        self._command = [
            str(PROGRAM),
            f"--web.listen-address={self._address}",
            "--web.disable-exporter-metrics",
            "--log.level=error",
            *flags,
        ]

    def __enter__(self) -> "Exporter":
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet, env=self._environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.scrape()
            except OSError:
                assert self._process.poll() is None, f"{' '.join(self._command)} ended"
                assert time.monotonic() < deadline, "node_exporter does not answer"
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(10)

    @property
    def pid(self) -> int:
        return self._process.pid

    def scrape(self) -> bytes:
        with urllib.request.urlopen(f"http://{self._address}/metrics", timeout=10) as answer:
            content: bytes = answer.read()
            return content


def parse(scraped: bytes) -> tuple[Series, dict[str, Kind]]:
    """The values of a scrape by name and labels, and the kind of each metric."""
    series: Series = {}
    kinds = {}
    for family in text_string_to_metric_families(scraped.decode()):
        for sample in family.samples:
            series[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
            kinds[sample.name] = _KINDS[family.type]
    return series, kinds


def same_flags(host: HostInput) -> list[str]:
    """Flags that make node_exporter show what an input shows."""
    families = [name for name, on in host.families if on]
    filesystem, systemd = host.filesystem, host.systemd
    assert filesystem.mount_points_exclude
    assert filesystem.fs_types_exclude
    assert host.diskstats.device_exclude
    return [
        "--collector.disable-defaults",
        *(f"--collector.{name}" for name in families),
        f"--collector.filesystem.mount-points-exclude={filesystem.mount_points_exclude.pattern}",
        f"--collector.filesystem.fs-types-exclude={filesystem.fs_types_exclude.pattern}",
        f"--collector.diskstats.device-exclude={host.diskstats.device_exclude.pattern}",
        "--collector.netdev.device-exclude=^$",
        f"--collector.netstat.fields={host.netstat.fields.pattern}",
        f"--collector.vmstat.fields={host.vmstat.fields.pattern}",
        f"--collector.systemd.unit-include={systemd.unit_include.pattern}",
        f"--collector.systemd.unit-exclude={systemd.unit_exclude.pattern}",
    ]


def kinds_of(keys: Sequence[Key]) -> dict[str, Kind]:
    return {key.name: key.kind for key in keys}
