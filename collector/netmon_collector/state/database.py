"""Opens the state database and brings its tables to what this version works with."""

import logging
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

MIGRATIONS = Path(__file__).parent / "migrations"

_BUSY_TIMEOUT_MS = 5000
_ASK_AGAIN_S = 0.02
_READS = "netmon_reads"


class StateError(Exception):
    """The state database can't be used; says which one, why, and what to do where that is known."""


def open_state(url: str) -> Engine:
    """An engine on the database at an SQLAlchemy URL, its tables brought up to date; raises StateError.

    An SQLite file is made where there is none, readable by its owner alone. `dispose()` closes the engine.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:  # its text would repeat the URL, and a password in it
        raise StateError("state database: not a URL such as sqlite:////var/lib/netmon/state.db") from None
    shown = parsed.database if parsed.get_backend_name() == "sqlite" else parsed.render_as_string(hide_password=True)
    try:
        engine = _engine(parsed)
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise StateError(f"{shown}: {error}") from error
    try:
        _upgrade(engine)
    except CommandError as error:
        engine.dispose()
        raise StateError(f"{shown}: was written by a newer netmon; install that version again") from error
    except SQLAlchemyError as error:
        engine.dispose()
        raise StateError(f"{shown}: {getattr(error, 'orig', None) or error}") from error
    return engine


def reading(engine: Engine) -> Connection:
    """A connection for SELECT alone: on SQLite it waits for no writer."""
    return engine.connect().execution_options(**{_READS: True})


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    if url.database:
        with suppress(FileExistsError):
            os.close(os.open(url.database, os.O_CREAT | os.O_EXCL, 0o600))
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # Python's sqlite3 would begin too late, after a migration's first statements
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys=ON")
    _write_ahead(connection)


def _write_ahead(connection: Any) -> None:
    """Switches to WAL mode. SQLite does not wait for others who switch at the same time: they are asked again."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_ASK_AGAIN_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes fails at once when another process wrote in between; one that takes
    # the write lock first waits for it.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _upgrade(engine: Engine) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of itself at every start
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
