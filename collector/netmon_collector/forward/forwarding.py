"""All servers that samples go on to, together, and what is told of them."""

import asyncio
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from netmon_collector.forward.forwarder import Forwarder
from netmon_collector.store.base import Points, Row


class Forwarding(Collector):
    """None, one or many."""

    def __init__(self, forwarders: Sequence[Forwarder], registry: CollectorRegistry) -> None:
        self._forwarders = forwarders
        if forwarders:
            registry.register(self)

    def offer(self, rows: Sequence[Row | Points]) -> None:
        """Takes what was stored; returns at once."""
        for one in self._forwarders:
            one.offer(rows)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for one in self._forwarders:
                tasks.create_task(one.run())
            await asyncio.Event().wait()

    async def close(self) -> None:
        for one in self._forwarders:
            await one.close()

    def collect(self) -> Iterator[Metric]:
        """What was sent, what was dropped and why, and what waits."""
        sent = CounterMetricFamily("netmon_forward_sent_samples", "Samples that a server took.", labels=["target"])
        dropped = CounterMetricFamily(
            "netmon_forward_dropped_samples", "Samples that will not be sent.", labels=["target", "reason"]
        )
        waiting = GaugeMetricFamily("netmon_forward_queue_bytes", "What the queue takes on disk.", labels=["target"])
        for one in self._forwarders:
            sent.add_metric([one.name], one.sent)
            for reason, samples in sorted(one.dropped.items()):
                dropped.add_metric([one.name, reason], samples)
            dropped.add_metric([one.name, "rejected"], one.rejected)
            waiting.add_metric([one.name], one.queue_bytes)
        yield from (sent, dropped, waiting)
