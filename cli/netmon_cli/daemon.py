"""A daemon is a process of this module: nothing of the command line is loaded in it.

What the daemons consist of stands in `assembly/`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any

from netmon_cli.claim import Claim
from netmon_cli.failure import Failure
from netmon_cli.ready import Ready
from netmon_configs.logs import set_up
from netmon_proto import __version__


def until_told(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Runs a daemon until SIGINT or SIGTERM, with a supervisor until SIGTERM or until that is gone."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        # Ctrl-C on a terminal reaches a supervisor and its children at once; it is for the supervisor to end them.
        supervised = "NETMON_PARENT_FD" in os.environ
        if supervised:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM,) if supervised else (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stop.set)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        if (parent := os.environ.pop("NETMON_PARENT_FD", None)) is not None:
            loop.add_reader(int(parent), stop.set)  # its other end closes when the parent ends, however it ends
        await work(stop)

    asyncio.run(main())


def announce(ready: Ready) -> None:
    """Tells whoever started the collector that it listens: a parent as JSON, else people on standard output."""
    if (parent := os.environ.pop("NETMON_READY_FD", None)) is not None:
        with open(int(parent), "w", encoding="utf-8") as pipe:  # noqa: PTH123 - a pipe has no path
            json.dump(asdict(ready), pipe)
        return
    lines = [f"netmon {__version__} collector: API on {ready.http}, agents connect to {ready.grpc}"]
    if ready.api_token:
        lines.append(f"API token (shown this once): {ready.api_token}")
    if ready.join_token:
        lines.append(f"join token for agents (shown this once): {ready.join_token}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry of `python -m netmon_cli.daemon KIND DESCRIPTOR`; see handover.py."""
    kind, descriptor = sys.argv[1:]
    with open(int(descriptor), "rb") as file:  # noqa: PTH123 - it has no path
        config = pickle.load(file)  # noqa: S301 - the command line made it a moment ago; nobody else can open it
    set_up(config.log)
    try:
        with Claim(config.state, kind):
            if kind == "agent":
                from netmon_cli.assembly.agent import run_agent

                until_told(lambda stop: run_agent(config, stop))
            else:
                os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # read at import; else a line for each failed handshake
                from netmon_cli.assembly.collector import run_collector

                until_told(lambda stop: run_collector(config, stop, announce))
    except Failure as failure:
        sys.stderr.write(f"netmon: {failure}\n")
        sys.exit(int(failure.exit_code))


if __name__ == "__main__":
    main()
