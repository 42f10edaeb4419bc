"""Daemons take no more memory and threads than they need."""

import asyncio
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from netmon_cli.assembly.thrift import give_back
from netmon_cli.handover import frugal_environment

BLOCK = 64_000
"""Below what gets pages of its own."""
BLOCKS = 1000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no malloc_trim")
async def test_what_lies_free_between_what_is_used_goes_back_to_the_system() -> None:
    blocks = [bytearray(b"x") * BLOCK for _ in range(BLOCKS)]
    kept = blocks[-1]  # else the end of the heap would be given back by itself
    full_bytes = resident_bytes()
    del blocks
    working = asyncio.create_task(give_back(0.01))
    async with asyncio.timeout(30):
        while full_bytes - resident_bytes() <= BLOCKS * BLOCK / 2:  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.01)
    working.cancel()
    assert len(kept) == BLOCK


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_matrices_are_multiplied_in_one_thread_unless_somebody_wants_more(monkeypatch: pytest.MonkeyPatch) -> None:
    work = "import os, numpy; a = numpy.ones((500, 500)); a @ a; print(len(os.listdir('/proc/self/task')))"

    def threads() -> int:
        command = [sys.executable, "-c", work]
        done = subprocess.run(command, env=frugal_environment(), capture_output=True, check=True, timeout=60)
        return int(done.stdout)

    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert threads() == 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert threads() == min(2, os.cpu_count() or 1)
