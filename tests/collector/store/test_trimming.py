"""What lies between things that are still in use goes back to the system too."""

from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store import trimming

COUNT = 1000
LENGTH = 2500
"""20 kB."""


def resident_bytes() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


@pytest.mark.skipif(trimming._trim is None, reason="only glibc keeps what was freed")
def test_memory_that_was_freed_goes_back_to_the_system() -> None:
    trimming.give_back_memory()
    arrays = [(np.ones(LENGTH), np.ones(LENGTH // 10)) for _ in range(COUNT)]
    kept = [small for _, small in arrays]
    del arrays
    before = resident_bytes()
    trimming.give_back_memory()
    assert before - resident_bytes() > 8 * LENGTH * COUNT / 2
    assert len(kept) == COUNT
