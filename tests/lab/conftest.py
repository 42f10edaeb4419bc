"""The lab, built once for all of its tests."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import services
from tests.lab.monitoring import Monitoring
from tests.lab.network import Network, remove_leftovers


@dataclass(frozen=True)
class Lab:
    network: Network
    folder: Path
    started_s: float
    """By a monotonic clock."""


@dataclass(frozen=True)
class Watched:
    """A lab that netmon looks at."""

    network: Network
    monitoring: Monitoring
    ready_s: float
    """How long it took until all was started and the whole network could be reached."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The network with all that runs on it; netmon is not there yet."""
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    if lacks := services.missing():
        pytest.skip(f"needs the Debian packages {' '.join(lacks)}")
    remove_leftovers()
    # FRR's daemons are not root, and pytest shuts its own folders to others whenever any of its processes starts.
    folder = Path(tempfile.mkdtemp(prefix="netmon-lab-"))
    folder.chmod(0o755)
    started_s, network = time.monotonic(), Network()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        services.build(network)
        processes = services.start(network, folder)
        yield Lab(network, folder, started_s)
    finally:
        network.close()
        for process in processes:
            process.wait(20)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def watched(lab: Lab) -> Iterator[Watched]:
    """The network with a collector and two pollers, which poll all that speaks SNMP."""
    monitoring = Monitoring(lab.network, lab.folder / "netmon")
    try:
        monitoring.start()
        services.wait_until_reachable(lab.network, lab.folder)
        ready_s = time.monotonic() - lab.started_s
        monitoring.add_all()
        yield Watched(lab.network, monitoring, ready_s)
    finally:
        monitoring.close()
