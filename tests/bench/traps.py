"""What an agent receives of traps on one core, and whether a storm of one device drowns others; on loopback alone.

Prints one JSON object as its last line.

The receiver is a process of its own on one core: socket, decoder, names, storm control, folding and the spool on disk
are those of an agent. The sender is on another core and sends traps of version 2c (linkDown with four bindings, each
another one) from 500 addresses of 127.0.0.0/8 at the pace that is asked for. What was lost is what the sender sent less
what is in the spool, read back from its file.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from netmon_agent.clock import SystemClock
from netmon_agent.inputs.events.traps import TrapsInput
from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.notification import decode
from netmon_agent.spool import Spool
from netmon_proto import wire
from netmon_proto.model import EventBatch
from tests.support.receiving import AGENT_ID
from tests.support.trap_bytes import trap_v2

SOURCES = 500
PACE_PER_S = 20_000
STORM_PER_S = 40_000
QUIET_PER_S = 1_000
TICK_S = 0.005


def bound(address: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    opened.bind((address, 0))
    return opened


def send(port: int, pace_per_s: int, seconds: float, storm_per_s: int) -> dict[str, int]:
    """Sends at a pace from many addresses, and, if wanted, a storm from one more; how much was sent."""
    senders = [bound(f"127.1.{one // 250}.{one % 250 + 1}") for one in range(SOURCES)]
    loud = bound("127.2.0.1")
    blank = trap_v2(0)
    at = blank.index(b"\2\4\0\0\0\0") + 2
    head, tail, to = blank[:at], blank[at + 4 :], ("127.0.0.1", port)
    sent, stormed, started = 0, 0, time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        while sent < pace_per_s * passed:
            senders[sent % SOURCES].sendto(head + sent.to_bytes(4, "big") + tail, to)
            sent += 1
        while stormed < storm_per_s * passed:
            loud.sendto(head + stormed.to_bytes(4, "big") + tail, to)
            stormed += 1
        time.sleep(TICK_S)
    return {"sent": sent, "stormed": stormed}


async def receive(folder: Path, buffer_bytes: int, storm_rate: float) -> None:
    """Runs a receiver until standard input ends, then says what came of it."""
    spool = Spool(
        folder / "events.sqlite", most_bytes=4 << 30, most_age_s=3600, quarantine_bytes=1 << 20, clock=SystemClock()
    )
    desk = Desk(spool, SystemClock().now_ms)
    options: dict[str, Any] = {"listen": "127.0.0.1:0", "buffer": buffer_bytes, "storm": {"rate": storm_rate}}
    one = TrapsInput.model_validate({"type": "traps", **options})
    one.connect(desk, AGENT_ID)
    await one.gather(0)
    telling = asyncio.create_task(desk.run())
    cpu_before = time.process_time()
    print(one.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.sleep(0.5)
    telling.cancel()
    await desk.close()
    cpu_s = time.process_time() - cpu_before
    readings = {str(dict(shown.labels).get("reason", "messages")): shown.value for shown in await one.gather(0)}  # type: ignore[union-attr]
    kept: Counter[str] = Counter()
    events = 0
    while (batch := await spool.take()) is not None:
        message = wire.decode_agent(wire.encode_spooled_events(batch.frame, 0))
        assert isinstance(message, EventBatch)
        for event in message.events:
            if event.source == "trap":
                kept["loud" if event.address == "127.2.0.1" else "quiet"] += event.count
                events += 1
        await spool.settle([batch])
    await one.close()
    await spool.close()
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({"cpu_s": cpu_s, "readings": readings, "kept": kept, "events": events, "rss_mib": rss_mib}))


def run(pace_per_s: int, seconds: float, storm_per_s: int, storm_rate: float) -> dict[str, Any]:
    """A receiver on one core, and what it made of what was sent."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--receive", folder, "--storm-rate", str(storm_rate)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            os.sched_setaffinity(process.pid, {cores[-1]})
            with contextlib.suppress(PermissionError):  # what a core can do, not what others leave of it
                os.setpriority(os.PRIO_PROCESS, process.pid, -15)
            assert process.stdout is not None
            port = int(process.stdout.readline())
            sent = send(port, pace_per_s, seconds, storm_per_s)
            answer, _ = process.communicate("", timeout=120)
        finally:
            process.kill()
            process.wait()
    return {**sent, **json.loads(answer.splitlines()[-1])}


def decoded_per_cpu_s() -> int:
    messages = [trap_v2(number) for number in range(2_000)]
    started = time.process_time()
    for _ in range(10):
        for message in messages:
            decode(message)
    return round(10 * len(messages) / (time.process_time() - started))


def measure(seconds: float) -> dict[str, Any]:
    steady = run(PACE_PER_S, seconds, 0, 1_000_000)
    storm = run(QUIET_PER_S, seconds, STORM_PER_S, 200)
    lost = steady["sent"] - steady["kept"].get("quiet", 0)
    drowned = storm["sent"] - storm["kept"].get("quiet", 0)
    return {
        "decoded_per_cpu_s": decoded_per_cpu_s(),
        "steady": steady | {"cpu_us_per_trap": round(1e6 * steady["cpu_s"] / max(1, steady["events"]), 1)},
        "storm": storm,
        "budgets": {
            f"lost_of_{PACE_PER_S}_per_s": {"value": lost, "limit": "<= 0", "holds": lost <= 0},
            "lost_of_others_in_a_storm": {"value": drowned, "limit": "<= 0", "holds": drowned <= 0},
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--receive", type=Path)
    parser.add_argument("--storm-rate", type=float, default=200)
    options = parser.parse_args()
    if options.receive:
        asyncio.run(receive(options.receive, 16 << 20, options.storm_rate))
    else:
        print(json.dumps(measure(options.seconds)))


if __name__ == "__main__":
    main()
