"""A collector whose clock is far ahead keeps all history, until a person says that the clock is right."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_collector.believed import CONFIRMATION
from netmon_collector.store.embedded import EmbeddedStore
from tests.collector.store.samples import register, row
from tests.support.daemons import Daemon, eventually, get, netmon
from tests.support.ports import free_port

DAYS = 20
DAY_MS = 86_400_000


def faketime() -> Path:
    """What has a program see another time."""
    found = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else pytest.skip("needs libfaketime, of the Debian package faketime")


@contextlib.contextmanager
def collector(home: Path, ahead: str) -> Iterator[tuple[Daemon, str]]:
    """A collector whose clock is elsewhere, and its URL."""
    url = f"127.0.0.1:{free_port()}"
    wrong = ("env", f"LD_PRELOAD={faketime()}", f"FAKETIME={ahead}", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    words = ("collector", "--state", str(home / "state"), "--http", url, "--grpc", f"127.0.0.1:{free_port()}")
    one = Daemon(home, *words, under=wrong)
    try:
        one.says("collector.started")
        yield one, f"http://{url}"
    finally:
        one.stop()


async def test_history_outlives_a_jump_of_the_clock_and_a_confirmed_one_counts(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    state = tmp_path / "state"
    state.mkdir()
    store = EmbeddedStore.open(state / "store", window_s=0.0, head_slots=1, seal_every_s=0.0, merge_every_s=0.0)
    group = register(store, "ancient")
    for day in range(DAYS, -1, -1):
        await store.append([row(group, now_ms - day * DAY_MS, float(day))], None)
    await store._upkeep.round(1e9)
    await store.close()

    def kept(url: str) -> int:
        token = netmon(tmp_path, "token", "new", "--state", str(state)).stdout.split()[-1]
        span = {"start": str(now_ms / 1000 - (DAYS + 1) * 86_400), "end": str(now_ms / 1000 + 60)}
        found = get(url, token, "/api/v1/samples", {"selector": "ancient", "limit": "1000", **span})
        return sum(len(one["samples"]) for one in found["results"])

    with collector(tmp_path, "+400d") as (daemon, url):
        daemon.says("clock.doubted")
        assert kept(url) == DAYS + 1
    with collector(tmp_path, "+400d") as (daemon, url):
        assert kept(url) == DAYS + 1
        assert "clock.doubted" not in daemon.written, "told once"
    (state / CONFIRMATION).touch()
    with collector(tmp_path, "+400d") as (daemon, url):
        daemon.says("clock.believed")
        eventually(lambda: kept(url) < DAYS / 2)
