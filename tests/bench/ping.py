"""What pings cost beside Debian's fping, and whether they tell the truth, on addresses of this machine alone.

Prints one JSON object as its last line.

Both ask the same 5,000 addresses of 127.0.0.0/8 once, in alternating rounds after one that is not counted; the results
are medians. The budget is about the same pace, because we always keep one. CPU is the kernel's count, user and system:
of our gather, with all values ready to be sent, and of the whole fping process. Both run once more as fast as they can.
A round trip on this machine takes microseconds, so that whatever an RTT is above 0.2 ms is an error; it is measured
while the event loop is held up for 20 ms at a time.
"""

import argparse
import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time

from netmon_agent.icmp.pinger import PACKETS_PER_S, Pinger
from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.checks.ping import PingInput

TARGETS = 5_000


def fping_cpu_s(targets: list[str], interval_ms: float) -> tuple[float, int]:
    """CPU seconds of one round, and how many it found alive."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["fping", "-q", "-c1", "-s", "-i", str(interval_ms)]
    ended = subprocess.run(command, input="\n".join(targets), capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = next(int(line.split()[0]) for line in ended.stderr.splitlines() if line.strip().endswith("alive"))
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, alive


async def our_cpu_s(one: PingInput) -> tuple[float, int]:
    started = time.process_time()
    (found,) = await one.gather(0)
    took_s = time.process_time() - started
    assert isinstance(found, Columns)
    return took_s, int(sum(found.values[: len(one.targets)]))


async def loaded_error_ms(one: PingInput, rounds: int) -> tuple[float, int]:
    """The 99th percentile of RTTs while something else holds the event loop, and how many targets seemed lost."""
    stop = False

    async def hog() -> None:
        while not stop:
            time.sleep(0.02)  # noqa: ASYNC251 - that is the load
            await asyncio.sleep(0)

    busy = asyncio.create_task(hog())
    rtts_s: list[float] = []
    lost = 0
    for _ in range(rounds):
        (found,) = await one.gather(0)
        assert isinstance(found, Columns)
        for key, value in zip(found.keys, found.values, strict=True):
            if key.name == "probe_icmp_rtt_max_seconds":
                rtts_s.append(value)
            elif key.name == "probe_success":
                lost += value == 0
    stop = True
    await busy
    return statistics.quantiles(rtts_s, n=100)[98] * 1000, lost


async def measure(rounds: int) -> dict[str, object]:
    targets = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(TARGETS)]
    one = PingInput(type="ping", targets=tuple(targets), count=1)
    unpaced = PingInput(type="ping", targets=tuple(targets), count=1)
    unpaced.use(Pinger(packets_per_s=float("1e9")))
    cpu_s: dict[str, list[float]] = {"netmon": [], "fping": [], "netmon_unpaced": [], "fping_unpaced": []}
    alive: dict[str, list[int]] = {name: [] for name in cpu_s}
    for first in (one, unpaced):
        await our_cpu_s(first)
    for _ in range(rounds):
        for name, (took_s, answered) in {
            "netmon": await our_cpu_s(one),
            "fping": fping_cpu_s(targets, 1000 / PACKETS_PER_S),
            "netmon_unpaced": await our_cpu_s(unpaced),
            "fping_unpaced": fping_cpu_s(targets, 0),
        }.items():
            cpu_s[name].append(took_s)
            alive[name].append(answered)
    error_ms, lost = await loaded_error_ms(one, 3)
    for done in (one, unpaced):
        await done.close()
    per_s = {name: round(TARGETS / statistics.median(one)) for name, one in cpu_s.items()}
    falsely_lost = lost + sum(TARGETS - one for name in ("netmon", "netmon_unpaced") for one in alive[name])
    ratio = per_s["netmon"] / per_s["fping"]
    unpaced_ratio = per_s["netmon_unpaced"] / per_s["fping_unpaced"]
    return {
        "targets": TARGETS,
        "targets_per_cpu_s": per_s,
        "alive": {name: min(one) for name, one in alive.items()},
        "unpaced_ratio": round(unpaced_ratio, 2),
        "budgets": {
            "targets_per_cpu_s_to_fping": {"value": round(ratio, 2), "limit": ">= 0.8", "holds": ratio >= 0.8},
            "loaded_rtt_error_p99_ms": {"value": round(error_ms, 3), "limit": "<= 0.2", "holds": error_ms <= 0.2},
            "false_loss": {"value": falsely_lost, "limit": "<= 0", "holds": falsely_lost == 0},
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if not shutil.which("fping"):
        sys.exit("needs fping, of the Debian package fping")
    print(json.dumps(asyncio.run(measure(options.rounds))))


if __name__ == "__main__":
    main()
