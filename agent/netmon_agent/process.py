"""What this process uses: from /proc where there is one, which spares an agent psutil's memory; else from psutil."""

import os
import time
from pathlib import Path
from typing import NamedTuple

_STAT = Path("/proc/self/stat")
_UPTIME = Path("/proc/uptime")


class Usage(NamedTuple):
    """CPU seconds of this process, Unix time of its start, bytes resident."""

    cpu_s: float
    started_s: float
    resident_bytes: int


def own_process() -> Usage:
    """What this process has used so far."""
    if not _STAT.exists():
        return _by_psutil()
    ticks_per_s, page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    fields = _STAT.read_bytes().rpartition(b")")[2].split()  # from field 3 on, see proc(5)
    age_s = float(_UPTIME.read_bytes().split()[0]) - int(fields[19]) / ticks_per_s
    return Usage((int(fields[11]) + int(fields[12])) / ticks_per_s, time.time() - age_s, int(fields[21]) * page_bytes)


def _by_psutil() -> Usage:
    import psutil

    process = psutil.Process()
    times = process.cpu_times()
    return Usage(times.user + times.system, process.create_time(), process.memory_info().rss)
