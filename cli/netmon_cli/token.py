"""`netmon token new`: another token for a collector of this machine, made in its state folder."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from netmon_cli.failure import Exit, Failure
from netmon_cli.output import write_json, write_lines

if TYPE_CHECKING:
    from netmon_collector.state.tokens import Purpose


def issue(state: Path, config: Path | None, purpose: "Purpose", as_json: bool) -> Exit:
    """Makes a token and shows it, this once; a running collector takes it within seconds. Raises Failure."""
    from netmon_cli.backup import collector_options
    from netmon_collector.state.database import open_state
    from netmon_collector.state.place import FILE, StateError, place_of
    from netmon_collector.state.tokens import Tokens

    if not (state / FILE).exists() and (state / "collector").is_dir():  # the folder of `netmon up`
        state = state / "collector"
    database = collector_options(state, config).database
    if database.url is None and not (state / FILE).exists():
        raise Failure(
            Exit.USAGE,
            f"{state / FILE} is not there",
            "Name the collector's state folder with --state, or its configuration with --config.",
        )
    try:
        engine = open_state(place_of(state, database.url, database.password_file))
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
