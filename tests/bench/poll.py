"""Our SNMP poller against Debian's prometheus-snmp-exporter: the same switch, the same tables, CPU seconds counted.

Each reads ifTable and ifXTable of a switch with 48 ports (1,968 values) from a responder that is faster than both, and
makes metrics of them with the labels ifIndex, ifName, ifDescr and ifAlias: we as readings, the exporter as text. The
rounds alternate, and the medians count. It runs in a network namespace of its own, because the responder listens
everywhere. The last line is one JSON object.
"""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.entries import entries
from netmon_agent.snmp.gufo import connect
from netmon_agent.snmp.metrics import Judge, readings
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.reader import Reader
from netmon_configs.library import open_library
from netmon_configs.profile import Profile
from tests.support.captures import SHARED
from tests.support.snmpd import answers

TOOLS = SHARED / "tools" / "bench"
EXPORTER = "prometheus-snmp-exporter"
PORT, WEB = 17161, 19116
ROUNDS, ROUND_S, AT_ONCE = 5, 2.0, 8
PROFILE = """
title: All of ifTable and ifXTable
extends: [interfaces]
metrics:
  - labels: {ifIndex: "{index}", ifName: "{ifName}", ifDescr: "{ifDescr}", ifAlias: "{ifAlias}"}
    values:
"""


def whole_tables(folder: Path) -> Profile:
    """A profile that asks for each column of both tables."""
    entries = [("ifEntry", column) for column in range(1, 23) if column not in (2, 6, 22)]
    entries += [("ifXEntry", column) for column in range(2, 20) if column != 18]
    lines = [f"      m{table}{column}: {{value: {table}.{column}, kind: counter}}" for table, column in entries]
    others = '    rows: ifEntry.22\n    fields: {mac: "{ifPhysAddress:mac}", specific: "{ifEntry.22}"}'
    text = PROFILE + "\n".join(lines) + f"\nentries:\n  - kind: port\n{others}\n"
    (folder / "whole.yaml").write_text(text, encoding="utf-8")
    return open_library(folder).layers["whole"][0]


async def poll_once(profile: Profile, pace: Pace) -> int:
    credential = Credential.model_validate({"version": "2c", "community": "public"})
    session = await connect("127.0.0.1", PORT, credential, pace, 10)
    try:
        reader = Reader(session)
        found = await readings(reader, profile.metrics, Judge())
        ports, _ = await entries(reader, profile.entries)
        assert not reader.troubles
        return len(found) + len(ports)
    finally:
        session.close()


async def our_round(profile: Profile) -> tuple[float, int]:
    """Devices polled per CPU second, and values of one."""
    paces = [Pace(repetitions=50) for _ in range(AT_ONCE)]
    polled = values = 0
    started_s = time.process_time()
    while time.process_time() - started_s < ROUND_S:
        values = (await asyncio.gather(*(poll_once(profile, pace) for pace in paces)))[0]
        polled += AT_ONCE
    return polled / (time.process_time() - started_s), values


def their_round(pid: int) -> tuple[float, int]:
    url = f"http://127.0.0.1:{WEB}/snmp?module=if_mib&target=127.0.0.1:{PORT}"
    started_s, polled, text = cpu_s(pid), 0, b""
    while cpu_s(pid) - started_s < ROUND_S:
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read()
        polled += 1
    return polled / (cpu_s(pid) - started_s), sum(line.startswith(b"if") for line in text.splitlines())


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(*command: str) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def missing() -> str | None:
    if not TOOLS.is_dir():
        return f"needs the responder in {TOOLS}"
    programs = [name for name in (EXPORTER, "cc", "unshare", "ip") if shutil.which(name) is None]
    if programs:
        return f"needs {', '.join(programs)}"
    return None if os.geteuid() == 0 else "needs root, for a network namespace of its own"


def measure(folder: Path) -> dict[str, object]:
    subprocess.run(["cc", "-O2", "-w", "-o", str(folder / "replay"), str(TOOLS / "replay.c")], check=True)
    profile, ours, theirs = whole_tables(folder), [], []
    exporter = (EXPORTER, f"--config.file={TOOLS / 'exp.yml'}", f"--web.listen-address=127.0.0.1:{WEB}")
    with running(str(folder / "replay"), str(TOOLS / "sw48.snmprec"), str(PORT)), running(*exporter) as pid:
        wait()
        for _ in range(ROUNDS):
            ours.append(asyncio.run(our_round(profile)))
            theirs.append(their_round(pid))
    we, they = (statistics.median(rate for rate, _ in rounds) for rounds in (ours, theirs))
    return {
        "devices_per_cpu_second": {"netmon": round(we, 1), EXPORTER: round(they, 1)},
        "values_of_a_device": {"netmon": ours[-1][1], EXPORTER: theirs[-1][1]},
        "budgets": {
            "devices_per_cpu_second_ratio": {"value": round(we / they, 2), "limit": ">= 3", "holds": we / they >= 3}
        },
    }


def wait() -> None:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{WEB}/", timeout=1):
            if answers(PORT):
                return
        time.sleep(0.05)
    raise RuntimeError("the responder or the exporter did not start")


def main() -> int:
    reason = missing()
    if reason:
        print(json.dumps({"skipped": reason, "budgets": {}}))
        return 0
    if "--inside" not in sys.argv:
        script = 'ip link set lo up && exec "$@"'
        again = [sys.executable, str(Path(__file__).resolve()), "--inside"]
        return subprocess.run(["unshare", "-n", "sh", "-c", script, "sh", *again], check=False).returncode
    with tempfile.TemporaryDirectory() as folder:
        answer = measure(Path(folder))
    print(json.dumps(answer))
    return 0 if all(one["holds"] for one in answer["budgets"].values()) else 1  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
