"""Captured devices, served by snmpsim, polled by us, compared with what another NMS found on them.

    python tests/bench/devices.py [--captures FOLDER] [--in-process] [--missing] [NAME…]

`--in-process` reads the captures without a network, which is faster while profiles are written; `--missing` lists
what differs. The last line is one JSON object: per module what was expected, found, equal, and found beyond that.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.gufo import connect
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.poll import poll
from netmon_configs.library import Library, open_library
from tests.support.captures import DEVICES, Expected, Tally, compare, expectations, totals
from tests.support.simulator import simulator
from tests.support.vendors import VENDORS

LIMITS = {
    "os": 0.97,
    "vendor": 0.97,
    "ports": 1.0,
    "processors": 0.9,
    "memory": 0.9,
    "storage": 0.95,
    "sensors": 0.7,
    "links": 1.0,
    "map": 1.0,
}
BUDGET_S = 60.0


async def served(name: str, port: int, library: Library) -> Findings:
    """Polls one capture over the network."""
    credential = Credential.model_validate({"version": "2c", "community": name})
    session = await connect("127.0.0.1", port, credential, Pace(), BUDGET_S)
    try:
        return await poll(session, library)
    finally:
        session.close()


async def measure(
    names: list[Expected], folder: Path, port: int | None, library: Library
) -> dict[str, dict[str, Tally]]:
    tallies = {}
    for expected in names:
        if port is None:
            found = await poll(Capture.of(folder / f"{expected.name}.snmprec"), library)
        else:
            found = await served(expected.name, port, library)
        tallies[expected.name] = compare(expected, found, VENDORS)
        shown = " ".join(f"{module} {one.found}/{one.expected}" for module, one in tallies[expected.name].items())
        troubles = "; ".join(f"{one.part}: {one.text}" for one in found.troubles)
        print(f"{expected.name:<28} {found.identity.os:<18} {shown} {troubles}".rstrip())
    return tallies


def report(tallies: dict[str, dict[str, Tally]], took_s: float) -> dict[str, object]:
    whole = totals(tallies.values())
    return {
        "devices": len(tallies),
        "seconds": round(took_s, 1),
        "modules": {module: tally.summary() for module, tally in whole.items()},
        "budgets": {
            module: {
                "value": round(whole[module].share, 4),
                "limit": f">= {limit}",
                "holds": whole[module].share >= limit,
            }
            for module, limit in LIMITS.items()
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--captures", type=Path, default=DEVICES)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = [one for one in expectations(options.captures) if not options.names or one.name in options.names]
    if not names:
        print(json.dumps({"skipped": f"no captures in {options.captures}", "budgets": {}}))
        return 0
    library, started_s = open_library(), time.monotonic()
    if options.in_process:
        tallies = asyncio.run(measure(names, options.captures, None, library))
    else:
        with (
            tempfile.TemporaryDirectory() as scratch,
            simulator(options.captures, Path(scratch), names[0].name) as port,
        ):
            tallies = asyncio.run(measure(names, options.captures, port, library))
    if options.missing:
        for line in [line for tally in totals(tallies.values()).values() for line in tally.differing]:
            print(line)
    answer = report(tallies, time.monotonic() - started_s)
    print(json.dumps(answer))
    return 0 if all(one["holds"] for one in answer["budgets"].values()) else 1  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
