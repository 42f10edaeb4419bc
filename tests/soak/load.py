"""The load of the soak and of the memory's measure: groups of 100 and of 20, and series that come one by one."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from netmon_collector.store.base import Points, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind, Labels

BATCH_SAMPLES = 10_000
_PER_HOST = 500
_SHARES = {100: 0.6, 20: 0.3, 1: 0.1}
"""Which part of all series comes in groups of which size."""

_MOVING = 8
"""So many of ten series are not what they were each time: counters, of uneven rates; the others are constant."""


def labels(host: int, metric: int) -> Labels:
    """Six labels, as interfaces of devices have."""
    return (
        (NAME, f"metric_{metric % 500}"),
        ("device", f"eth{metric % 48}"),
        ("instance", f"host{host}.example.net"),
        ("job", "node"),
        ("rack", f"rack{host % 200}"),
        ("site", f"site{host % 40}"),
    )


class Load:
    """So many series of a store; each has a value at each time."""

    def __init__(self, store: EmbeddedStore, series: int) -> None:
        self._store = store
        self._dice = np.random.default_rng(7)
        self._batches: list[list[Row | Points]] = []
        self._widths: list[list[int]] = []
        host = 0
        for width, share in _SHARES.items():
            for _ in range(int(series * share) // BATCH_SAMPLES or 1):
                host += 1
                self._add(host, width, min(BATCH_SAMPLES, int(series * share)))
        self.samples = sum(map(sum, self._widths))
        self._values = np.round(self._dice.uniform(0, 1e6, self.samples), 2)
        self._moving = np.flatnonzero(np.arange(self.samples) % 10 < _MOVING)

    def _add(self, host: int, width: int, count: int) -> None:
        """A batch of series; hosts have 500 series each. Few labels are in memory at once: they are not the store's."""
        series = (labels(1000 * host + n // _PER_HOST, n) for n in range(count))
        if width == 1:
            parts = [self._store.enroll(list(islice(series, _PER_HOST))) for _ in range(0, count, _PER_HOST)]
            places = np.concatenate(parts)
            self._batches.append([Points(self._store.pool, places, places, np.empty(count))])
            self._widths.append([count])
            return
        groups = [
            self._store.register(own, [Kind.GAUGE] * len(own))
            for own in (list(islice(series, width)) for _ in range(0, count, width))
        ]
        self._batches.append([Row(group, 0, np.empty(0)) for group in groups])
        self._widths.append([len(group.labels) for group in groups])

    def slot(self, time_ms: int, interval_ms: int) -> Iterator[list[Row | Points]]:
        """The batches of one interval, in the order of their phases, which are spread over it."""
        self._values[self._moving] += self._dice.integers(0, 500, len(self._moving))
        start = 0
        for number, (batch, widths) in enumerate(zip(self._batches, self._widths, strict=True)):
            at_ms = time_ms + number * interval_ms // len(self._batches)
            rows: list[Row | Points] = []
            for one, width in zip(batch, widths, strict=True):
                values = self._values[start : start + width]
                start += width
                if isinstance(one, Points):
                    rows.append(Points(one.group, one.columns, np.full(width, at_ms), values))
                else:
                    rows.append(Row(one.group, at_ms, values))
            yield rows

    def __len__(self) -> int:
        return len(self._batches)
