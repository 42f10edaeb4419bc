"""promtool asks netmon as it asks a Prometheus."""

import asyncio
import subprocess
from collections.abc import Sequence

import pytest

from tests.api.prometheus.peers import Peers
from tests.support.servers import found

pytestmark = pytest.mark.asyncio(loop_scope="session")


def asked(command: Sequence[str], url: str, *more: str) -> str:
    program = found("promtool", "prometheus")
    return subprocess.run([program, "query", *command, url, *more], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("slash", ["", "/"])
async def test_its_queries_are_answered_alike(peers: Peers, slash: str) -> None:
    end = str(peers.end_ms // 1000)
    start = str(peers.end_ms // 1000 - 600)
    ours = f"{peers.lab.url}/prometheus{slash}".replace("://", f"://promtool:{peers.lab.token}@")
    for command, more in (
        (["instant", f"--time={end}"], ["node_load1"]),
        (["range", f"--start={start}", f"--end={end}", "--step=60s"], ["up"]),
        (["series", "--match=up", "--match=node_load1"], []),
        (["labels"], ["instance"]),
    ):
        told = [await asyncio.to_thread(asked, command, url, *more) for url in (ours, peers.url)]
        assert sorted(told[0].splitlines()) == sorted(told[1].splitlines())
