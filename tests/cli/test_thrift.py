"""Daemons give back what they have freed."""

import asyncio
import os
import platform
from pathlib import Path

import pytest

from netmon_cli.assembly.thrift import give_back

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
