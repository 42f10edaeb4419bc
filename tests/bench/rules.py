"""A thousand rules over a hundred thousand series: CPU of one evaluation of all, ours beside Debian's Prometheus.

Prints one JSON object as its last line. Both have the same samples and the same rule file, of 20 groups. Prometheus is
left to its own clock with an interval of 10 seconds; of its CPU time what it takes without rules is subtracted. Ours is
the time of the whole process while all groups are evaluated, one after the other, results stored. Then the scheduler
evaluates the groups on their intervals, and it is told how long after the time of its evaluation an alert is handed on.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from netmon_collector.alerts.base import Alert
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.rules.evaluation import KeepsNothing, Surroundings
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.rules.schedule import Scheduler
from netmon_collector.rules.sources import Sources
from netmon_collector.rules.writing import Ledger
from netmon_collector.store.base import Points, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Kind
from tests.support.fleet_samples import Host, hosts
from tests.support.prometheus import prometheus
from tests.support.query_peers import remote_writes, send
from tests.support.rules import MemoryOf
from tests.support.servers import RunningServer

INTERVAL_MS = 15_000
SLOTS = 30
EVERY_S = 10
GROUPS = 20
BUDGET = 0.5
MOST_LATE_S = 2.0

EXPRESSIONS = (
    'up{{site="site{n}"}} == 0',
    'node_load1{{site="site{n}"}} > {k} * 1e6',
    "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes * {k} < 1e-9",
    'node_filesystem_avail_bytes{{site="site{n}"}} / node_filesystem_size_bytes < 1e-9 * {k}',
    'rate(node_network_receive_bytes_total{{site="site{n}"}}[5m]) > {k} * 1e15',
    'increase(ifHCInOctets{{ifIndex="{port}"}}[5m]) > {k} * 1e15',
    'avg by (instance) (rate(node_cpu_seconds_total{{mode="idle",site="site{n}"}}[2m])) > {k} * 1e6',
    'avg_over_time(probe_duration_seconds{{site="site{n}"}}[5m]) > {k} * 1e6',
    "max by (site) (node_load5) > {k} * 1e6",
)


def rule_file(count: int) -> str:
    """So many rules: alerts that do not fire, two that do for every host of a site, and sums that are recorded."""
    groups = []
    for group in range(GROUPS):
        rules = []
        for place in range(count // GROUPS):
            number = group * (count // GROUPS) + place
            if place == 0:
                rules.append(f"{{record: 'site:load{group}:sum', expr: 'sum by (site) (node_load1) + {group}'}}")
                continue
            form = EXPRESSIONS[number % len(EXPRESSIONS)]
            expr = form.format(n=number // 9 % 10, k=1 + number, port=1 + number % 12)
            if place == 1 and group < 2:
                expr = f'node_load1{{site="site{group}"}} > -1'
            rules.append(
                f"{{alert: 'Alert{number}', expr: '{expr}', labels: {{severity: page}}, "
                "annotations: {summary: '{{ $labels.instance }}: {{ $value }}'}}"
            )
        lines = "".join(f"      - {rule}\n" for rule in rules)
        groups.append(f"  - name: g{group}\n    interval: {EVERY_S}s\n    rules:\n{lines}")
    return "groups:\n" + "".join(groups)


class Late:
    """A receiver that writes down how long after the time of its evaluation an alert comes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        self.seconds += [time.time() - now_ms / 1000] * len(alerts)


class Ours:
    def __init__(self, folder: Path, rules: str) -> None:
        (folder / "rules").mkdir()
        (folder / "rules" / "rules.yml").write_text(rules)
        self.store = EmbeddedStore.open(folder / "store", window_s=0.02)
        self.engine = Engine(self.store, QueryOptions(cache_bytes=0, trees=20_000))
        self.late = Late()

        async def append(points: Sequence[Points]) -> None:
            await self.store.append(points, None)

        surroundings = Surroundings(
            self.engine.instant, Ledger(self.store, append), self.late, KeepsNothing(), resend_ms=1000
        )
        sources = Sources([folder / "rules"], list, shipped=False)
        self.book = Rulebook(sources, surroundings, MemoryOf(), lambda: time.time_ns() // 1_000_000)

    async def fill(self, samples: Sequence[Host]) -> None:
        groups = [self.store.register(host.labels, [Kind.GAUGE] * len(host.labels)) for host in samples]
        for slot in range(SLOTS):
            rows = [
                Row(group, int(host.times[slot]), host.values[slot])
                for group, host in zip(groups, samples, strict=True)
            ]
            await asyncio.gather(*(self.store.append(rows[at : at + 50], None) for at in range(0, len(rows), 50)))

    async def evaluated_s(self) -> float:
        """CPU seconds of one evaluation of all rules."""
        started_s = time.process_time()
        now_ms = time.time_ns() // 1_000_000
        for group in self.book.groups:
            await group.evaluate(now_ms)
        failing = [rule.last.error for _, rule in self.book.rules() if rule.last and rule.last.error]
        assert not failing, failing[:3]
        return time.process_time() - started_s

    async def scheduled(self, seconds: float) -> None:
        """Has the scheduler evaluate the groups on their intervals for some time."""
        self.late.seconds.clear()
        scheduler = Scheduler(
            lambda: self.book.groups, lambda: time.time_ns() // 1_000_000, asyncio.sleep, CollectorRegistry()
        )
        task = asyncio.create_task(scheduler.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def cpu_s(server: RunningServer) -> float:
    assert server._process is not None
    return time.clock_gettime((~server._process.pid << 3) | 2)


def evaluations(server: RunningServer) -> float:
    """How many rules Prometheus has evaluated."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as response:
        text = response.read().decode()
    return sum(float(one) for one in re.findall(r"^prometheus_rule_evaluations_total\{.*\} (\S+)$", text, re.MULTILINE))


def theirs_s(server: RunningServer, folder: Path, rules: str, count: int, rounds: int) -> list[float]:
    """CPU seconds of one evaluation of all rules, as often as asked for."""
    time.sleep(3)
    idle_s, began_s = cpu_s(server), time.monotonic()
    time.sleep(EVERY_S)
    idle_per_s = (cpu_s(server) - idle_s) / (time.monotonic() - began_s)
    (folder / "rules.yml").write_text(rules)
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGHUP)
    while evaluations(server) < count:
        time.sleep(0.5)
    found = []
    for _ in range(rounds):
        before, spent_s, began_s = evaluations(server), cpu_s(server), time.monotonic()
        time.sleep(EVERY_S)
        took_s = cpu_s(server) - spent_s - idle_per_s * (time.monotonic() - began_s)
        found.append(took_s * count / (evaluations(server) - before))
    return found


async def compare(host_count: int, count: int, rounds: int) -> dict[str, object]:
    start_ms = time.time_ns() // 1_000_000 - SLOTS * INTERVAL_MS
    samples = list(hosts(host_count, SLOTS, start_ms=start_ms - start_ms % 1000, interval_ms=INTERVAL_MS))
    rules = rule_file(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = "global: {scrape_interval: 1h}\nrule_files: [rules.yml]\n"
        server = prometheus(folder / "prometheus", config=config)
        server.start()
        try:
            for body in remote_writes(samples):
                send(server, body)
            ours = Ours(folder, rules)
            await ours.fill(samples)
            del samples
            await ours.book.start()
            await ours.evaluated_s()  # everything is warm from here on
            own = [await ours.evaluated_s() for _ in range(rounds)]
            other = await asyncio.to_thread(theirs_s, server, folder / "prometheus", rules, count, rounds)
            own += [await ours.evaluated_s() for _ in range(rounds)]
        finally:
            server.kill()
        await ours.scheduled(2.5 * EVERY_S)
        late = sorted(ours.late.seconds)
        ours.engine.close()
        await ours.store.close()
    ratio = statistics.median(own) / statistics.median(other)
    p99_s = late[int(0.99 * (len(late) - 1))]
    return {
        "bench": "rules", "rules": count, "series": host_count * 100,
        "ours_cpu_s": round(statistics.median(own), 3), "prometheus_cpu_s": round(statistics.median(other), 3),
        "ratio": round(ratio, 2), "budget": BUDGET, "alerts": len(late),
        "late_p50_s": round(statistics.median(late), 3),
        "late_p99_s": round(p99_s, 3), "late_budget_s": MOST_LATE_S,
        "kept": ratio <= BUDGET and p99_s < MOST_LATE_S,
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hosts", type=int, default=1000)
    arguments.add_argument("--rules", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    print(json.dumps(asyncio.run(compare(given.hosts, given.rules, given.rounds))))


if __name__ == "__main__":
    main()
