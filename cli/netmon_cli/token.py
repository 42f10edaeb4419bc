"""`netmon token new`: another token for a collector of this machine, made in its state folder."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from netmon_cli.failure import Exit, Failure
from netmon_cli.output import write_json, write_lines

if TYPE_CHECKING:
    from netmon_collector.state.tokens import Purpose


def issue(state: Path, purpose: "Purpose", as_json: bool) -> Exit:
    """Makes a token and shows it, this once; a running collector takes it within seconds. Raises Failure."""
    from netmon_collector.state.database import StateError, open_state
    from netmon_collector.state.tokens import Tokens

    path = state / "state.sqlite"
    if not path.exists() and (state / "collector").is_dir():  # the folder of `netmon up`
        path = state / "collector" / "state.sqlite"
    if not path.exists():
        raise Failure(Exit.USAGE, f"{path} is not there", "Name the collector's state folder with --state.")
    try:
        engine = open_state(f"sqlite:///{path}")
    except StateError as error:
        raise Failure(Exit.WRONG, str(error)) from error
    try:
        token = Tokens(engine, lambda: time.time_ns() // 1_000_000).issue(purpose)
    finally:
        engine.dispose()
    if as_json:
        write_json({"token": token, "purpose": purpose})
    else:
        write_lines([token])
    return Exit.FINE
