"""Retention that fails does not end the collector, and a server's own retention is its own."""

import random
from pathlib import Path

import pytest

from netmon_cli.assembly.collector import oldest_taken_ms
from netmon_cli.assembly.knowledge import forget_before
from netmon_collector.config import StoreOptions
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.health import Health
from tests.collector.store.samples import held, register, row
from tests.support.flaky_disk import FlakyDisk


async def test_what_cannot_be_forgotten_now_is_forgotten_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    health = Health("store.retention_failing", "store.retention_recovered")
    store = EmbeddedStore.open(tmp_path, window_s=0.0, head_slots=1, seal_every_s=0.0, merge_every_s=0.0)
    await store.append([row(register(store, "up"), 1000, 1.0)], None)
    await store._upkeep.round(1e9)
    disk = FlakyDisk(tmp_path, random.Random(1))
    with disk.mounted():
        with disk.failing(frozenset({"open", "write", "fsync"}), 1.0):
            await forget_before(store, 2000, health)
            await forget_before(store, 2000, health)
        await forget_before(store, 2000, health)
    assert not await held(store)
    told = [message for message in caplog.messages if message.startswith("store.retention")]
    assert told == ["store.retention_failing", "store.retention_recovered"]
    await store.close()


def test_a_server_of_its_own_judges_itself_how_old_samples_may_be() -> None:
    days = 86_400_000
    rules = {"raw": "2d", "rules": [{"match": "up", "raw": "9d"}]}
    assert oldest_taken_ms(StoreOptions.model_validate({"retention": rules})) == 9 * days
    url = "victoriametrics:http://127.0.0.1:8428"
    assert oldest_taken_ms(StoreOptions.model_validate({"url": url, "retention": rules})) > 100_000 * days
