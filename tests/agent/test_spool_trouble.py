"""What a spool keeps when disks are full, files damaged and processes killed."""

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netmon_agent.spool_file import SpoolUnusable
from tests.agent.spools import definitions, gather, open_spool, take_all, values
from tests.support.mounts import fill, needs_root, small_disk


@needs_root
async def test_while_the_disk_is_full_batches_wait_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with small_disk(tmp_path / "small", 2048) as disk:
        spool = open_spool(disk)
        await spool.append([definitions(1)])
        filler = fill(disk)
        for number in range(2, 40):
            await spool.append([definitions(number), gather(number, size=3000)])
        assert [record.message for record in caplog.records].count("spool.disk_refuses") == 1
        assert spool.counts.batches == 39
        layout, series = await spool.definitions(39, lambda _: False)
        assert layout is not None
        assert [one.name for one in series] == ["m39"]
        live = await spool.take()
        assert live is not None
        filler.unlink()
        await spool.append([gather()])
        assert "spool.disk_recovered" in caplog.text
        spool.rewind()
        assert sorted(batch.sequence for batch in await take_all(spool)) == list(range(1, 41))
        await spool.close()


@needs_root
async def test_what_memory_cannot_hold_while_the_disk_is_full_goes_oldest_first(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 1024) as disk:
        spool = open_spool(disk)
        await spool.append([gather(0)])
        fill(disk)
        for number in range(1, 60):
            await spool.append([gather(number, size=12_500)])  # 100 kB each; memory keeps 4 MiB
        assert spool.counts.dropped_total == 60 - spool.counts.batches
        sequences = sorted(batch.sequence for batch in await take_all(spool))
        assert sequences[-1] == 60
        assert 40 <= len(sequences) <= 43
        await spool.close()


@pytest.mark.parametrize("damage", [lambda _: b"not a database " * 100, lambda content: content[:3000]])
async def test_a_damaged_file_is_set_aside_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    spool = open_spool(tmp_path)
    await spool.append([gather(1)])
    await spool.close()
    path = tmp_path / "spool.sqlite"
    path.write_bytes(damage(path.read_bytes()))
    spool = open_spool(tmp_path)
    await spool.append([gather(2)])
    assert [values(batch) for batch in await take_all(spool)] == [[2.0]]
    assert "spool.damaged" in caplog.text
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*"))) == 1
    await spool.close()


async def test_a_file_that_breaks_while_it_is_open_costs_what_it_held_and_nothing_after(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    for number in range(300):
        await spool.append([gather(number, size=500)])
    await spool.close()
    path = tmp_path / "spool.sqlite"
    spool = open_spool(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:-4096] = bytes(len(content) - 12288)
    path.write_bytes(content)
    await take_all(spool)
    assert spool.generation == 1
    await spool.append([definitions(1)])
    (batch,) = await take_all(spool)
    assert (spool.counts.batches, values(batch)) == (1, [1.0])
    await spool.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpoolUnusable, match=r"missing/spool.sqlite cannot be opened: .*must exist, be writable"):
        open_spool(tmp_path / "missing")


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(SpoolUnusable, match="was written by a newer netmon"):
        open_spool(tmp_path)


CRASH = """
import asyncio, sys
from pathlib import Path
from netmon_agent.clock import SystemClock
from netmon_agent.columns import Encoded
from netmon_agent.spool import Spool
from netmon_proto.model import Gather

async def main():
    path = Path(sys.argv[1])
    spool = Spool(path, most_bytes=1 << 30, most_age_s=1e6, quarantine_bytes=1 << 20, clock=SystemClock())
    while True:
        await spool.append([Encoded([Gather(1, 1, [1.0] * 100)])])
        print(spool.last_sequence, flush=True)

asyncio.run(main())
"""


async def test_every_batch_that_was_spooled_survives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    spooled = 0
    for lines in (3, 40, 200):
        child = subprocess.Popen([sys.executable, "-c", CRASH, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(lines):
            spooled = int(child.stdout.readline())
        child.kill()
        child.wait()
        child.stdout.close()
        spool = open_spool(tmp_path)
        sequences = [batch.sequence for batch in await take_all(spool)]
        assert sequences == list(range(1, len(sequences) + 1))
        assert spooled <= len(sequences) == spool.last_sequence
        await spool.close()
