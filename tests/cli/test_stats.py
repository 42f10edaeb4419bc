"""`netmon store stats`, of a collector that runs and of a folder."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from netmon_collector.store.embedded import EmbeddedStore
from tests.api.assembly import running
from tests.cli.conftest import Ended, Netmon
from tests.collector.store.samples import batch, held, register, row
from tests.collector.store.test_fsck import fill


def test_a_folder_is_counted_exactly(netmon: Netmon, tmp_path: Path) -> None:
    samples = asyncio.run(fill(tmp_path / "store"))
    ended = netmon("store", "stats", str(tmp_path / "store"), "--json")
    assert (ended.code, ended.err) == (0, "")
    found: dict[str, Any] = json.loads(ended.out)
    tiers = {one["tier"]: one for one in found["tiers"]}
    assert found["series"] == 3
    raw = tiers["raw"]
    overlap = 1  # a head may be in the log and in a file, where it was sealed at the very end
    assert len(samples) <= raw["samples"] + found["log_samples"] <= len(samples) + 3 * overlap * 60
    for tier in ("raw", "5m", "1h"):
        paths = list((tmp_path / "store").glob(f"{tier}-*"))
        assert tiers[tier]["files"] == len(paths)
        assert tiers[tier]["bytes"] == sum(path.stat().st_size for path in paths)
        assert tiers[tier]["bytes_per_sample"] == pytest.approx(tiers[tier]["bytes"] / tiers[tier]["samples"])
    assert [one["kept_s"] / 86400 for one in found["tiers"]] == [30, 180, 1825]
    assert (raw["oldest"], found["cap_bytes"]) == ("1970-01-01T00:00:00.007Z", None)
    assert {one["name"] for one in found["metrics"]} == {"a", "b", "c"}
    shown = netmon("store", "stats", str(tmp_path / "store")).out
    assert shown.startswith("3 series\n\nTIER  FILES")
    assert "no cap" in shown


def test_a_collector_that_runs_tells_what_has_many_series(
    netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> list[Ended]:
        async with running(tmp_path) as lab:
            monkeypatch.setenv("NETMON_TOKEN", lab.tokens.issue("api"))
            await lab.keep({(("__name__", "many"), ("pod", f"p{n}"), ("zone", "z")): 1.0 for n in range(30)})
            await lab.keep({(("__name__", "few"), ("zone", "z")): 1.0})
            words = ("store", "stats", "--url", lab.url)
            return [await asyncio.to_thread(netmon, *words, *more) for more in (("--json",), ())]

    plain, shown = asyncio.run(work())
    found = json.loads(plain.out)
    assert found["metrics"] == [{"name": "many", "series": 30}, {"name": "few", "series": 1}]
    assert found["labels"] == [{"name": "pod", "series": 30, "values": 30}, {"name": "zone", "series": 31, "values": 1}]
    assert found["log_samples"] == 31
    assert (shown.code, shown.err) == (0, "")
    assert "    30      30  pod\n" in shown.out


def test_a_folder_in_use_or_missing_is_told(netmon: Netmon, tmp_path: Path) -> None:
    async def work() -> Ended:
        store = EmbeddedStore.open(tmp_path / "store")
        await store.append([row(register(store, "up"), 1000, 1.0)], None)
        ended = await asyncio.to_thread(netmon, "store", "stats", str(tmp_path / "store"))
        await store.close()
        return ended

    ended = asyncio.run(work())
    assert ended.code == 1
    assert "is in use by another process" in ended.err
    assert "Leave out the folder" in ended.err
    assert netmon("store", "stats", str(tmp_path / "none")).code == 2


async def test_samples_in_files_are_counted_without_reading_them(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, window_s=0, head_slots=4, max_bytes=1 << 30)
    group = register(store, "a", "b")
    for n in range(50):
        await store.append([row(group, n * 1000, n, n)], batch(n + 1))
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()
    found = await store.inventory()
    assert found.cap_bytes == 1 << 30
    assert (found.tiers[0].samples, found.log_samples) == (100, 0)
    assert found.tiers[0].samples == len(await held(store))
    assert found.tiers[1].samples == 2
    await store.close()
