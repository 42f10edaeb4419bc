"""What a collector takes in over real gRPC: samples per CPU second, and how many agents it holds.

Prints one JSON object as its last line. The collector is a daemon of its own, with its store on disk and every batch
acked after fsync; the agents are streams of this process, which send gathers as an agent does. CPU is the collector's
own, user and system, after a warm-up in which all series are defined.

`netmon` has no peer here that speaks its protocol; the figures are a baseline. tests/bench/store.py compares stores.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import grpc.aio

from tests.support.ports import free_port

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it runs by its path, too

from netmon_proto.model import Acked, Batch, Gather, Kind, Layout, Receipt, Series, SeriesDefinitions
from tests.support.collectors import HandAgent
from tests.support.daemons import Daemon

TICKS = os.sysconf("SC_CLK_TCK")


class BenchAgent:
    """Sends gathers of so many series and waits until they are acked."""

    def __init__(self, channel: grpc.aio.Channel, number: int, series: int) -> None:
        self.agent = HandAgent(channel, agent_id=f"00000000-0000-4000-8000-{number:012d}")
        self.number = number
        self.series = series
        self.sequence = 0
        self.values = [float(value) * 1.37 for value in range(series)]

    async def start(self) -> None:
        await self.agent.greet(hostname=f"bench{self.number}")
        kinds = (Kind.COUNTER, Kind.GAUGE)
        series = [
            Series(one + 1, f"bench_metric_{one % 40}", {"part": str(one // 40)}, kinds[one % 2])
            for one in range(self.series)
        ]
        await self.agent.say(SeriesDefinitions(series))
        await self.agent.say(Layout(1, "bench", "node", "", [one.id for one in series]))

    async def rounds(self, count: int, window: int) -> None:
        """Sends so many batches of one gather, with so many in flight."""
        out = 0
        for _ in range(count):
            self.sequence += 1
            now = time.time_ns() // 1_000_000
            values = [value + self.sequence for value in self.values]
            await self.agent.say(Batch(7, self.sequence, now, 0, [Gather(1, now, values)]))
            out += 1
            if out == window:
                await self._acked()
                out -= 1
        for _ in range(out):
            await self._acked()

    async def _acked(self) -> None:
        receipt = await self.agent.hear()
        assert isinstance(receipt, Receipt)
        assert isinstance(receipt.outcome, Acked), receipt


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def throughput(address: str, pid: int, agents: int, series: int, rounds: int, repeats: int) -> dict[str, float]:
    """Samples per CPU second of the collector, as fast as it takes them; medians over the repeats."""
    channel = grpc.aio.insecure_channel(address)
    streams = [BenchAgent(channel, agents * 1000 + one, series) for one in range(agents)]
    for one in streams:
        await one.start()
    await asyncio.gather(*[one.rounds(5, 2) for one in streams])  # warm-up: groups are known, files are open
    per_cpu_s, per_s = [], []
    for _ in range(repeats):
        cpu, wall = cpu_s(pid), time.perf_counter()
        await asyncio.gather(*[one.rounds(rounds, 8) for one in streams])
        samples = agents * series * rounds
        per_cpu_s.append(samples / (cpu_s(pid) - cpu))
        per_s.append(samples / (time.perf_counter() - wall))
    await channel.close()
    return {"samples_per_cpu_second": round(median(per_cpu_s)), "samples_per_second": round(median(per_s))}


async def held(address: str, pid: int, agents: int, series: int, interval_s: float, seconds: float) -> dict[str, float]:
    """CPU and memory of the collector while so many agents send a gather every interval; delays until the ack."""
    channels = [grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) for _ in range(8)]
    streams = [BenchAgent(channels[one % 8], 10**9 + one, series) for one in range(agents)]
    for start in range(0, agents, 50):
        await asyncio.gather(*[one.start() for one in streams[start : start + 50]])
    await asyncio.gather(*[one.rounds(1, 1) for one in streams])  # warm-up
    delays: list[float] = []
    begin = time.perf_counter()

    async def keep_on(place: int, one: BenchAgent) -> None:
        due = begin + interval_s * place / agents
        while due < begin + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            await one.rounds(1, 1)
            delays.append(time.perf_counter() - sent)
            due += interval_s

    cpu = cpu_s(pid)
    await asyncio.gather(*[keep_on(place, one) for place, one in enumerate(streams)])
    spent = (cpu_s(pid) - cpu) / (time.perf_counter() - begin)
    delays.sort()
    result = {
        "agents": agents,
        "series_each": series,
        "interval_s": interval_s,
        "cpu_share_of_one_core": round(spent, 3),
        "resident_mb": round(resident_mb(pid), 1),
        "ack_p50_ms": round(1000 * delays[len(delays) // 2], 1),
        "ack_p99_ms": round(1000 * delays[int(len(delays) * 0.99)], 1),
    }
    for channel in channels:
        await channel.close()
    return result


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        address = f"127.0.0.1:{free_port()}"
        words = ("--state", f"{folder}/state", "--grpc", address, "--http", f"127.0.0.1:{free_port()}")
        collector = Daemon(Path(folder), "collector", *words)
        try:
            collector.says("collector.started")
            pid = collector.process.pid
            result: dict[str, object] = {
                f"gathers_of_{series}": await throughput(
                    address, pid, agents, series, arguments.rounds, arguments.repeats
                )
                for agents, series in ((40, 20), (20, 100), (4, 500))
            }
            result["held"] = await held(address, pid, arguments.agents, 100, arguments.interval, arguments.seconds)
            return result
        finally:
            collector.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="batches per agent and repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--agents", type=int, default=1000, help="agents that are held at once")
    parser.add_argument("--interval", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    result = asyncio.run(measure(parser.parse_args()))
    print(json.dumps({"benchmark": "ingest", **result, "budgets": {}}))


if __name__ == "__main__":
    main()
