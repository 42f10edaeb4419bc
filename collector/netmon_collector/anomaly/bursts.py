"""Anomalies that are one finding: they began at about the same time, on devices that hang together."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from netmon_analytics.cause.grouping import grouped
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.topology.graph import Graph


def bursts(anomalies: Sequence[Anomaly], graph: Graph) -> list[int]:
    """For each anomaly the number of its burst, from 1 on, the largest first; 0 where it is alone."""
    devices = [dict(one.labels).get("instance", "") for one in anomalies]
    names = sorted({*graph.nodes, *devices} - {""})
    numbers = {name: number for number, name in enumerate(names)}
    ends = np.array([(numbers[one.a.node], numbers[one.b.node]) for one in graph.ways], np.intp).reshape(-1, 2)
    nodes = np.array([numbers.get(one, -1) for one in devices], np.intp)
    groups = grouped(nodes, np.array([one.since_s for one in anomalies]), ends).tolist()
    sizes = Counter(groups)
    order = [group for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])) if size > 1]
    rank = {group: number for number, group in enumerate(order, 1)}
    return [rank.get(group, 0) for group in groups]
