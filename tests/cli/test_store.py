"""`netmon store copy`, as people call it."""

import asyncio
import io
import math
from pathlib import Path

import numpy as np
import pytest

from netmon_cli.output import Paper
from netmon_cli.store import _draw
from netmon_collector.store.base import Row
from netmon_collector.store.copying import Standing
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind
from tests.cli.conftest import Netmon
from tests.support import servers

START_MS = 1_700_000_000_000


def fill(folder: Path, samples: list[float]) -> None:
    async def work() -> None:
        store = EmbeddedStore.open(folder)
        group = store.register([((NAME, "up"),)], [Kind.GAUGE])
        rows = [Row(group, START_MS + n * 60_000, np.array([value])) for n, value in enumerate(samples)]
        await store.append(rows, None)
        await store.close()

    asyncio.run(work())


def values(folder: Path) -> list[float]:
    async def work() -> list[float]:
        store = EmbeddedStore.open(folder)
        frames = await store.select([], 0, 1 << 60)
        await store.close()
        return [value for frame in frames for value in frame.values[:, 0].tolist()]

    return asyncio.run(work())


def test_history_goes_to_a_server_and_back(netmon: Netmon, tmp_path: Path) -> None:
    running = servers.influxdb(tmp_path / "server")
    running.start()
    fill(tmp_path / "old", [*map(float, range(3000)), math.nan])
    state = ("--state", str(tmp_path / "state"))
    server = f"influxdb:{running.url}?db=history"
    try:
        there = netmon("store", "copy", f"embedded:{tmp_path / 'old'}", server, *state)
        assert there.out == "copied 3,001 samples, of which the server did not take 1\n", "it holds no NaN"
        assert (there.code, there.err) == (0, "")
        back = netmon("store", "copy", server, f"embedded:{tmp_path / 'new'}", *state)
        assert (back.code, back.out) == (0, "copied 3,000 samples\n")
    finally:
        running.kill()
    assert values(tmp_path / "new") == [float(n) for n in range(3000)]
    assert not list(tmp_path.glob("state/copy/*"))


def test_a_store_in_use_is_told(netmon: Netmon, tmp_path: Path) -> None:
    fill(tmp_path / "used", [1.0])

    async def work() -> None:
        store = EmbeddedStore.open(tmp_path / "used")
        copy = ("store", "copy", f"embedded:{tmp_path / 'used'}", f"embedded:{tmp_path / 'new'}")
        ended = await asyncio.to_thread(netmon, *copy, "--state", str(tmp_path))
        await store.close()
        assert ended.code == 1
        assert f"{tmp_path / 'used'} is in use by another process" in ended.err

    asyncio.run(work())


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("embedded:/a", "embedded:/a", "FROM and TO are the same store"),
        ("nonsense", "embedded:/a", "FROM must be embedded:, victoriametrics:"),
        ("embedded:/a", "influxdb:http://x:secret@h?db=a", "TO must not have a password in it"),
    ],
)
def test_a_mistake_in_the_stores_is_told(netmon: Netmon, source: str, target: str, told: str) -> None:
    ended = netmon("store", "copy", source, target)
    assert ended.code == 2
    assert ended.err.startswith(f"netmon: {told}")
    assert "secret" not in ended.err


def test_the_bar_is_drawn_over_itself_and_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    monkeypatch.setattr("sys.stdout", drawn)
    _draw(Standing(0.5, START_MS, 1234567), Paper(blocks=True, columns=80))
    assert drawn.getvalue() == "\r\x1b[K████████████░░░░░░░░░░░░  50%  2023-11-14  1,234,567 samples"
    drawn.truncate(0)
    _draw(Standing(0.0, START_MS, 1, "the queue is full\x1b"), Paper(columns=60))
    assert drawn.getvalue().endswith("0%  2023-11-14  1 sample, waits…")
    drawn.truncate(0)
    _draw(Standing(0.5, START_MS, 1), Paper())
    assert drawn.getvalue() == ""


def test_a_store_that_is_not_there_is_not_made_by_reading_it(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for folder in (tmp_path / "typo", tmp_path / "other"):
        for ended in (
            netmon("store", "export", f"embedded:{folder}", str(tmp_path / "out.om")),
            netmon("store", "copy", f"embedded:{folder}", f"embedded:{tmp_path / 'new'}", "--state", str(tmp_path)),
            netmon("store", "stats", str(folder)),
        ):
            assert (ended.code, ended.err.splitlines()[0]) == (2, f"netmon: {folder} is no store")
    assert [path.name for path in tmp_path.rglob("*")] == ["other"]
