"""On which stores the tests of what every store promises run; a store joins with one line."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from netmon_collector.store.base import Store

STORES = ["embedded", "victoriametrics", "influxdb"]
"""Fixtures of conftest.py, each a function that opens the store in a folder; test_contract*.py run against each."""

CANNOT = {
    (
        "victoriametrics",
        "test_every_bit_of_a_value_is_kept",
    ): "no NaN, no stale marker, no -0, 13 digits of some values",
    ("victoriametrics", "test_the_time_0_is_a_time_like_others"): "it takes 0 for now",
    ("victoriametrics", "test_of_two_samples_at_one_time_the_later_call_wins"): "one of both wins, not the later",
    ("victoriametrics", "test_of_two_points_at_one_time_the_later_wins"): "one of both wins, not the later",
    ("influxdb", "test_every_bit_of_a_value_is_kept"): "no NaN, no stale marker, no infinity",
}
"""What a store cannot hold, and why; docs/stores.md tells the same. Such a test must fail."""


class Home:
    """A store that can be closed and opened again."""

    def __init__(self, open_store: Callable[[Path], Store], folder: Path) -> None:
        self._open = partial(open_store, folder)
        self.store = self._open()

    async def restart(self) -> Store:
        await self.store.close()
        self.store = self._open()
        return self.store
