"""What an outage costs: nothing that was acked, and nothing that an agent gathered."""

import asyncio
import itertools
import random
import time
from pathlib import Path

import grpc.aio
import pytest

from netmon_proto.model import Acked, Batch, Gather, Receipt, Welcome
from tests.support.collectors import HandAgent, wall_ms
from tests.support.daemons import Daemon, daemon, eventually, samples
from tests.support.ports import free_port


class Place:
    """A collector's addresses and state, which outlive its process."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.http, self.grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.http}"
        self.token = ""

    def collector(self) -> Daemon:
        words = ("--state", str(self.home / "collector"), "--http", self.http, "--grpc", self.grpc)
        one = Daemon(self.home, "collector", *words)
        if not self.token:
            self.token = one.says(r"API token \(shown this once\): (nmt_\S+)")[1]
        one.says("collector.started")
        return one

    def samples(self, selector: str) -> dict[str, list[tuple[float, float]]]:
        return samples(self.url, self.token, selector)


class Load:
    """An agent that sends numbered samples as fast as they are acked, and remembers which were."""

    def __init__(self, place: Place, name: str) -> None:
        self.agent = HandAgent(place.grpc)
        self.name = name
        self.start_ms = wall_ms() - 600_000
        self.acked: set[int] = set()
        self.sent = 0

    async def run(self, until: asyncio.Event) -> None:
        """Sends until told to stop, or until the stream breaks; then all that was not acked is to be sent again."""
        self.agent.open()
        try:
            welcome = await self.agent.greet(hostname=self.name, last_sequence=self.sent)
            assert isinstance(welcome, Welcome)
            await self.agent.define({1: "numbers", 2: "others"})
            for sequence in sorted(set(range(1, self.sent + 1)) - self.acked):
                await self._send(sequence)
            while not until.is_set():
                self.sent += 1
                await self._send(self.sent)
                while self.sent - len(self.acked) > 20:
                    await self._hear()
            while len(self.acked) < self.sent:
                await self._hear()
        except (AssertionError, grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the collector is gone

    async def _send(self, sequence: int) -> None:
        gather = Gather(1, self.start_ms + sequence, [float(sequence), 1.0])
        await self.agent.say(Batch(7, sequence, wall_ms(), 0, [gather]))

    async def _hear(self) -> None:
        receipt = await self.agent.hear()
        assert isinstance(receipt, Receipt)
        assert isinstance(receipt.outcome, Acked)
        self.acked.add(receipt.sequence)


async def test_sigkill_under_load_loses_and_doubles_nothing_that_was_acked(tmp_path: Path) -> None:
    place = Place(tmp_path)
    collector = place.collector()
    loads = [Load(place, f"host{number}") for number in range(4)]
    acked_at_kill = 0
    rng = random.Random(20261120)
    for _ in range(4):
        until = asyncio.Event()
        work = [asyncio.create_task(one.run(until)) for one in loads]
        await asyncio.sleep(rng.uniform(0.3, 1.2))
        collector.process.kill()
        collector.ends()
        await asyncio.gather(*work)
        acked_at_kill = sum(len(one.acked) for one in loads)
        collector = await asyncio.to_thread(place.collector)
        for number, one in enumerate(loads):
            (points,) = (await asyncio.to_thread(place.samples, f'numbers{{instance="host{number}"}}')).values()
            values = [int(value) for _, value in points]
            assert len(set(values)) == len(values)
            assert one.acked <= set(values) <= set(range(1, one.sent + 1))
            assert all(round(time_s * 1000) == one.start_ms + int(value) for time_s, value in points)
    assert acked_at_kill > 400
    done = asyncio.Event()
    done.set()
    await asyncio.gather(*[one.run(done) for one in loads])
    for number, one in enumerate(loads):
        (points,) = (await asyncio.to_thread(place.samples, f'numbers{{instance="host{number}"}}')).values()
        assert [value for _, value in points] == [float(value) for value in range(1, one.sent + 1)]
        await one.agent.close()
    assert collector.stop() == 0


def agent_config(folder: Path) -> str:
    path = folder / "agent.yaml"
    path.write_text("interval: 1s\ninputs:\n  - type: host\n    families: {systemd: false}\n")
    return str(path)


def gaps_s(points: list[tuple[float, float]]) -> list[float]:
    times = [time_s for time_s, _ in points]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.mark.timeout(180)
def test_an_agent_bridges_an_outage_of_its_collector_and_its_own_restart(tmp_path: Path) -> None:
    place = Place(tmp_path)
    collector = place.collector()
    words = ("--config", agent_config(tmp_path), "--state", str(tmp_path / "agent"), "--collector", place.grpc)
    with daemon(tmp_path, "agent", *words) as agent:
        eventually(lambda: place.samples("node_load1"))
        assert collector.stop() == 0
        agent.says("collector.lost .*the collector is stopping")
        time.sleep(4)
        assert agent.stop() == 0
        stopped_s = time.time()
        assert "batches_spooled=0" not in agent.written.splitlines()[-1]
    with daemon(tmp_path, "agent", *words) as agent:
        agent.says("agent.started")
        started_s = time.time()
        time.sleep(2)
        collector = place.collector()
        agent.says("collector.connected", timeout_s=90)
        recovered_s = time.time()
        time.sleep(3)
        (points,) = place.samples("node_load1").values()
        assert points[-1][0] > recovered_s
        between = [gap for gap in gaps_s(points) if gap > 2.5]
        assert len(between) <= 1  # the agent's own restart, if that took so long
        assert all(gap < 2.5 + started_s - stopped_s for gap in between)
        (waiting,) = place.samples("netmon_agent_spool_batches").values()
        assert max(value for _, value in waiting) >= 3
        assert waiting[-1][1] <= 1
        assert agent.written.count("collector.lost") <= 1
    assert collector.stop() == 0


def test_a_collector_that_was_never_there_is_told_once_and_waited_for(tmp_path: Path) -> None:
    place = Place(tmp_path)
    words = ("--config", agent_config(tmp_path), "--state", str(tmp_path / "agent"), "--collector", place.grpc)
    with daemon(tmp_path, "agent", *words) as agent:
        told = agent.says(r"collector.lost address=(\S+) why=\"(.*)\" batches_spooled=")
        assert told[1] == place.grpc
        assert told[2].startswith("not reachable: ")
        time.sleep(4)
        assert agent.written.count("collector.lost") == 1
        collector = place.collector()
        agent.says("collector.connected", timeout_s=90)
        eventually(lambda: place.samples("node_load1"))
    assert collector.stop() == 0
