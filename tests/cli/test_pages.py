"""Large pages for what a process has made."""

import subprocess
import sys

import pytest

COUNTED = """
from pathlib import Path
from netmon_cli.assembly.pages import join_pages

def large_kib():
    lines = Path("/proc/self/smaps").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("AnonHuge"))

kept = [bytes([n % 256]) * 50_000 for n in range(400)]  # 20 MB in the heap
before = large_kib()
joined = join_pages()
assert [one[0] for one in kept] == [n % 256 for n in range(400)]
print(joined, large_kib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is told about pages")
def test_memory_is_in_large_pages_and_what_is_in_it_stays() -> None:
    ended = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True)
    joined, more_kib = map(int, ended.stdout.split())
    if not joined:
        pytest.skip("this kernel joins no pages: it is older than 6.1, or has no large ones")
    assert joined >= 5
    assert 0 <= more_kib <= joined * 2048
