"""A thousand rules over a hundred thousand series: CPU of one evaluation of all, ours beside Debian's Prometheus.

Prints one JSON object as its last line. Either is a process that has the same samples and goes on to get those of now,
has the same rule file (see rule_pack), and evaluates its 20 groups on their interval of 15 seconds, alerts kept and
series written. What counts is the process's CPU time, user and system, over whole intervals, without what it takes
in as many seconds without rules, which is measured before; two intervals with rules, in which all were evaluated, come
first and are not counted. In every interval the checks of some fifty hosts begin to fail, and an alert fires for each.

In a second part ours also tells people. How late an alert is: from the moment in which the store is given the sample to
the one in which the message is delivered, which is after it was in the outbox, without the interval of the rule.
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
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from random import Random

from prometheus_client import CollectorRegistry

from netmon_collector.alerts.alerting import Alerting
from netmon_collector.alerts.base import Alert, AlertReceiver, NobodyTold
from netmon_collector.config import AlertingOptions
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.rules.evaluation import Surroundings
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.rules.schedule import Scheduler
from netmon_collector.rules.sources import Sources
from netmon_collector.rules.writing import Ledger
from netmon_collector.state.database import open_state
from netmon_collector.state.rules import KeptAlerts
from netmon_collector.store.base import Group, Points, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Kind
from tests.support.budgets import judged
from tests.support.fleet_samples import SERIES_PER_HOST, Host, hosts
from tests.support.prometheus import prometheus
from tests.support.query_peers import remote_write, remote_writes, send
from tests.support.rule_pack import FAILING, rule_file
from tests.support.servers import RunningServer

EVERY_S = 15
SLOTS = 40
"""Ten minutes of samples are there at first."""
LIVE = 80
FAILING_PART = 20
BUDGET = 0.5
TREES = 20_000

ALERTING = """
route: {{receiver: desk, group_by: [alertname, instance, severity], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: desk, webhook_configs: [{{url: 'http://127.0.0.1:{port}/'}}]}}]
"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def samples_until_now(count: int) -> list[Host]:
    """What the hosts have sent by now, and will send."""
    start_ms = now_ms() - SLOTS * EVERY_S * 1000
    made = list(hosts(count, SLOTS + LIVE, start_ms=start_ms - start_ms % 1000, interval_ms=EVERY_S * 1000))
    for number, host in enumerate(made):
        column = next(place for place, labels in enumerate(host.labels) if ("__name__", "probe_success") in labels)
        for slot in range(SLOTS, SLOTS + LIVE):
            host.values[slot, column] = number % FAILING_PART != slot % FAILING_PART
    return made


Put = Callable[[Sequence[int], int], Awaitable[None]]
"""Has what some hosts sent in a slot stored."""


async def keep_sending(samples: Sequence[Host], put: Put) -> None:
    """Each host's gather at its time."""
    events = sorted(
        (int(host.times[slot]), slot, at) for at, host in enumerate(samples) for slot in range(SLOTS, SLOTS + LIVE)
    )
    for (time_ms, slot), own in groupby(events, key=lambda event: event[:2]):
        await asyncio.sleep(max(0.0, time_ms / 1000 - time.time()))
        await put([at for _, _, at in own], slot)


async def spans_s(cpu_s: Callable[[], float], spans: int) -> list[float]:
    """CPU seconds in each of some intervals."""
    found = []
    for _ in range(spans):
        before_s, began_s = cpu_s(), time.monotonic()
        await asyncio.sleep(EVERY_S)
        found.append((cpu_s() - before_s) * EVERY_S / (time.monotonic() - began_s))
    return found


async def warm(evaluations: Callable[[], Awaitable[float]], rules: int) -> float:
    """Waits for two intervals, and until all rules were evaluated; gives how many evaluations there were."""
    for number in range(20):
        await asyncio.sleep(EVERY_S)
        before = await evaluations()
        if number and before >= rules:
            return before
    raise RuntimeError("rules are not evaluated on their interval: nothing can be measured")


class Theirs:
    """Prometheus, and how many evaluations of rules it tells of."""

    def __init__(self, folder: Path) -> None:
        config = "global: {scrape_interval: 1h}\nrule_files: [rules.yml]\n"
        self._folder = folder
        self._server: RunningServer = prometheus(folder, config=config)

    def cpu_s(self) -> float:
        assert self._server._process is not None
        return time.clock_gettime((~self._server._process.pid << 3) | 2)

    def evaluations(self) -> float:
        with urllib.request.urlopen(f"{self._server.url}/metrics", timeout=30) as response:
            text = response.read().decode()
        found = re.findall(r"^prometheus_rule_evaluations_total\{.*\} (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    async def measure(self, count: int, rules: int, rounds: int) -> float:
        """CPU seconds of one evaluation of all rules."""
        self._server.start()
        samples = samples_until_now(count)
        for body in remote_writes(samples, SLOTS):
            await asyncio.to_thread(send, self._server, body)

        async def put(places: Sequence[int], slot: int) -> None:
            body = remote_write([samples[at] for at in places], slice(slot, slot + 1))
            await asyncio.to_thread(send, self._server, body)

        sending = asyncio.create_task(keep_sending(samples, put))
        try:
            await asyncio.sleep(EVERY_S)
            idle_s = statistics.median(await spans_s(self.cpu_s, 2))
            (self._folder / "rules.yml").write_text(rule_file(rules, EVERY_S))
            assert self._server._process is not None
            os.kill(self._server._process.pid, signal.SIGHUP)
            before = await warm(lambda: asyncio.to_thread(self.evaluations), rules)
            spent_s = sum(await spans_s(self.cpu_s, rounds))
            done = await asyncio.to_thread(self.evaluations) - before
        finally:
            sending.cancel()
            self._server.kill()
        return (spent_s - idle_s * rounds) * rules / done


class Door:
    """Hands alerts on to whoever is to have them at the moment."""

    def __init__(self) -> None:
        self.receiver: AlertReceiver = NobodyTold()

    async def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        await self.receiver.take(alerts, now_ms)


class Desk:
    """A webhook that writes down when it is told of which host."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                size = int(re.search(r"content-length: (\d+)", head)[1])  # type: ignore[index]
                for alert in json.loads(await reader.readexactly(size))["alerts"]:
                    if alert["status"] == "firing" and alert["labels"]["alertname"] == FAILING:
                        self.told.append((alert["labels"]["instance"], time.time()))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()


class Ours:
    """Our store, engine and rules in this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state = open_state(f"sqlite:///{folder / 'state.sqlite'}")
        self._store = EmbeddedStore.open(folder / "store")
        self._engine = Engine(self._store, QueryOptions(cache_bytes=0, trees=TREES))
        self._door = Door()
        self._registry = CollectorRegistry()
        self._given_s: dict[str, float] = {}
        """When the store was given the sample by which a host's check fails."""
        memory = KeptAlerts(self._state)
        surroundings = Surroundings(self._engine, Ledger(self._store, self._append), self._door, memory)
        (folder / "rules").mkdir()
        self._book = Rulebook(Sources([folder / "rules"], list, shipped=False), surroundings, memory, now_ms)

    async def _append(self, points: Sequence[Points]) -> None:
        await self._store.append(points, None)

    async def measure(self, count: int, rules: int, rounds: int) -> tuple[float, list[float]]:
        """CPU seconds of one evaluation of all rules; and how late alerts were, in seconds."""
        samples = samples_until_now(count)
        groups = [self._store.register(host.labels, [Kind.GAUGE] * len(host.labels)) for host in samples]
        for slot in range(SLOTS):
            rows = [_row(group, host, slot) for group, host in zip(groups, samples, strict=True)]
            await asyncio.gather(*(self._store.append(rows[at : at + 50], None) for at in range(0, len(rows), 50)))
        sending = asyncio.create_task(keep_sending(samples, self._put(samples, groups)))
        await asyncio.sleep(EVERY_S)
        idle_s = statistics.median(await spans_s(time.process_time, 2))
        (self._folder / "rules" / "rules.yml").write_text(rule_file(rules, EVERY_S))
        await self._book.start()
        scheduler = Scheduler(lambda: self._book.groups, now_ms, asyncio.sleep, self._registry)
        evaluating = asyncio.create_task(scheduler.run())
        before = await warm(self._evaluations, rules)
        spent_s = sum(await spans_s(time.process_time, rounds))
        done = await self._evaluations() - before
        failing = [(rule.rule.expr, rule.last.error) for _, rule in self._book.rules() if rule.last and rule.last.error]
        assert not failing, failing[:3]
        late = await self._lateness(rounds)
        for task in (evaluating, sending):
            task.cancel()
        await asyncio.gather(evaluating, sending, return_exceptions=True)
        self._engine.close()
        await self._store.close()
        return (spent_s - idle_s * rounds) * rules / done, late

    async def _evaluations(self) -> float:
        value = self._registry.get_sample_value
        name = "netmon_rule_group_iterations_total"
        return sum(len(one.rules) * (value(name, {"rule_group": one.group.key}) or 0) for one in self._book.groups)

    def _put(self, samples: Sequence[Host], groups: Sequence[Group]) -> Put:
        async def put(places: Sequence[int], slot: int) -> None:
            failing = [at for at in places if at % FAILING_PART == slot % FAILING_PART]
            self._given_s |= {f"host{at:04}": time.time() for at in failing}
            await self._store.append([_row(groups[at], samples[at], slot) for at in places], None)

        return put

    async def _lateness(self, rounds: int) -> list[float]:
        desk = Desk()
        server = await asyncio.start_server(desk.answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        (self._folder / "alerting.yml").write_text(ALERTING.format(port=port))
        options = AlertingOptions.model_validate(
            {"config_file": self._folder / "alerting.yml", "allow_addresses": ["127.0.0.1/32"]}
        )
        alerting = Alerting(self._state, options, now_ms=now_ms, random=Random(1))
        telling = asyncio.create_task(alerting.run())
        self._door.receiver = alerting.notifier
        await asyncio.sleep((1 + rounds) * EVERY_S)
        since_s = time.time() - rounds * EVERY_S
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        server.close()
        await alerting.close()
        return [told_s - self._given_s[host] - EVERY_S for host, told_s in desk.told if told_s >= since_s]


def _row(group: Group, host: Host, slot: int) -> Row:
    return Row(group, int(host.times[slot]), host.values[slot])


async def compare(count: int, rules: int, rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        other = await Theirs(Path(name) / "prometheus").measure(count, rules, rounds)
    with tempfile.TemporaryDirectory() as name:
        own, late = await Ours(Path(name)).measure(count, rules, rounds)
    late.sort()
    ratio, p99_s = own / other, late[int(0.99 * (len(late) - 1))]
    return {
        "bench": "rules", "rules": rules, "series": count * SERIES_PER_HOST,
        "ours_cpu_s": round(own, 3), "prometheus_cpu_s": round(other, 3),
        "alerts": len(late), "late_p50_s": round(statistics.median(late), 3), "late_p99_s": round(p99_s, 3),
        "budgets": judged({"cpu_to_prometheus": (round(ratio, 2), "<=", BUDGET), "late_p99_s": (p99_s, "<=", 2.0)}),
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
