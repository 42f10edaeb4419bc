"""The whole path, as its user goes it: `netmon up`, the command line, HTTP, a WebSocket."""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.support.daemons import Daemon, daemon, eventually, get, netmon, samples
from tests.support.ports import free_port


@dataclass(frozen=True)
class Household:
    home: Path
    up: Daemon
    url: str
    token: str
    started_s: float


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    home = tmp_path_factory.mktemp("home")
    config = home / "agent.yaml"
    config.write_text("interval: 1s\n")
    http, grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    started = time.monotonic()
    words = ("--state", str(home / "state"), "--http", http, "--grpc", grpc, "--agent-config", str(config))
    with daemon(home, "up", *words) as up:
        token = up.says(r"token +(nmt_\S+)")[1]
        up.says(r"first data after")
        yield Household(home, up, f"http://{http}", token, started)


def test_up_says_where_it_listens_and_what_it_sees(household: Household) -> None:
    assert re.search(rf"API +{household.url}\n", household.up.written)
    seen = household.up.says(r"\n(\S+) is up, load [\d.]+, \d+ % of [\d.]+ \w+ memory in use")
    devices = get(household.url, household.token, "/api/v1/devices")
    assert [one["instance"] for one in devices["results"]] == [seen[1]]


def test_the_user_who_started_it_is_logged_in(household: Household) -> None:
    status = netmon(household.home, "status")
    assert (status.returncode, status.stderr) == (0, "")
    assert "1 up" in status.stdout
    client = household.home / ".config/netmon/client.yaml"
    assert client.stat().st_mode & 0o777 == 0o600


def test_the_token_is_nowhere_in_the_state(household: Household) -> None:
    state = household.home / "state"
    files = [path for path in state.rglob("*") if path.is_file()]
    assert len(files) > 4
    assert not [path for path in files if household.token.encode() in path.read_bytes()]


def test_the_command_line_shows_recent_values(household: Household) -> None:
    query = netmon(household.home, "query", "--json", 'node_load1{instance=~".+"}')
    (series,) = json.loads(query.stdout)["data"]["result"]
    assert 0 <= float(series["value"][1]) < 10_000
    shown = netmon(household.home, "query", "node_load1").stdout
    assert re.search(r"\n *[\d.]+ +[\d.]+s  node_load1\{", shown)
    summed = netmon(household.home, "query", "sum(rate(node_cpu_seconds_total[10s]))", "--since", "1m").stdout
    assert re.match(r" *LAST +LOWEST +HIGHEST +SERIES\n *[\d.]+ ", summed)


def test_http_gives_what_the_agent_read(household: Household) -> None:
    total_kib = int(Path("/proc/meminfo").read_text().split()[1])
    series = samples(household.url, household.token, "node_memory_MemTotal_bytes")
    assert [points[-1][1] for points in series.values()] == [total_kib * 1024]


def test_another_token_can_be_made_while_the_collector_runs(household: Household) -> None:
    made = netmon(household.home, "token", "new", "--state", str(household.home / "state"))
    assert made.returncode == 0
    token = made.stdout.strip()
    eventually(lambda: accepts(household.url, token))
    nowhere = netmon(household.home, "token", "new", "--state", str(household.home))
    assert (nowhere.returncode, "is not there" in nowhere.stderr) == (2, True)


def accepts(url: str, token: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(get(url, token, "/api/v1/status"))
    return False


def test_without_the_token_nothing_is_told(household: Household) -> None:
    with pytest.raises(OSError, match="401"):
        get(household.url, "nmt_wrong", "/api/v1/status")


async def test_a_websocket_client_sees_a_reading_within_a_second(household: Household) -> None:
    headers = {"Authorization": f"Bearer {household.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{household.url}/api/v1/ws") as socket,
    ):
        await socket.send_json({"op": "subscribe", "id": "load", "selector": "node_load1"})
        assert await socket.receive_json(timeout=30) == {"type": "subscribed", "id": "load"}
        delays = []
        for _ in range(4):
            update = await socket.receive_json(timeout=10)
            (series,) = update["results"]
            assert series["labels"]["__name__"] == "node_load1"
            delays.append(time.time() - series["samples"][-1][0])
    assert 0 <= min(delays) < 1


def test_the_collector_says_who_is_up(household: Household) -> None:
    eventually(lambda: samples(household.url, household.token, 'up{job="node"}'))
    (points,) = samples(household.url, household.token, 'up{job="node"}').values()
    assert points[-1][1] == 1


def test_the_collectors_own_metrics_are_prometheus_text(household: Household) -> None:
    async def fetch() -> str:
        headers = {"Authorization": f"Bearer {household.token}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{household.url}/metrics") as answer:
            return await answer.text()

    text = asyncio.run(fetch())
    found = re.search(r"^netmon_ingest_samples_total (\S+)$", text, re.MULTILINE)
    assert found
    assert float(found[1]) > 100


def addresses() -> tuple[str, ...]:
    return ("--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}")


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def test_both_daemons_end_when_up_is_killed(tmp_path: Path) -> None:
    with daemon(tmp_path, "up", "--state", str(tmp_path / "state"), *addresses()) as up:
        up.says("first data after")
        pids = children(up.process.pid)
        assert len(pids) == 2
        up.process.kill()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_daemon_that_dies_is_started_again(tmp_path: Path) -> None:
    with daemon(tmp_path, "up", "--state", str(tmp_path / "state"), *addresses()) as up:
        up.says("first data after")
        pids = children(up.process.pid)
        agent = next(pid for pid in pids if b"agent" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(agent, signal.SIGKILL)
        assert up.says(r"the agent has ended \(signal 9\); starting it again in 2 s")
        eventually(lambda: len(children(up.process.pid)) == 2)


def test_ctrl_c_ends_everything_cleanly(household: Household) -> None:
    pids = children(household.up.process.pid)
    os.killpg(household.up.process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    assert household.up.ends() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert "Traceback" not in household.up.written
    assert household.up.written.rstrip().endswith("stopping")
