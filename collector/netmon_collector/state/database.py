"""Opens the state database and brings its tables to what this version works with."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from netmon_collector.state.place import StateError, shown

MIGRATIONS = Path(__file__).parent / "migrations"

_BUSY_TIMEOUT_MS = 5000
_ASK_AGAIN_S = 0.02
_READS = "netmon_reads"
_CONNECT_S = 10
_BOUNDS = "-c statement_timeout=30000 -c lock_timeout=20000 -c idle_in_transaction_session_timeout=60000"
_CLAIM, _WRITE = 0x6E65746D6F6E01, 0x6E65746D6F6E02
"""Keys of advisory locks: "netmon", numbered."""


def open_state(url: str | URL) -> Engine:
    """An engine on the database at an SQLAlchemy URL, its tables brought up to date; raises StateError.

    An SQLite file is made where there is none, readable by its owner alone; a PostgreSQL database must be there.
    `dispose()` closes the engine.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:  # its text would repeat the URL, and a password in it
        raise StateError("state database: not a URL such as sqlite:////var/lib/netmon/state.db") from None
    name = shown(parsed)
    try:
        engine = _engine(parsed)
    except ModuleNotFoundError as error:
        hint = ": pip install 'netmon[postgres]'" if error.name == "psycopg" else ""
        raise StateError(f"{name}: netmon lacks {error.name}{hint}") from None
    except (SQLAlchemyError, OSError) as error:
        raise StateError(f"{name}: {error}") from error
    try:
        if _revision(engine) != _newest_revision():
            _upgrade(engine, name)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StateError(f"{name}: {reason_of(error)}") from error
    except StateError:
        engine.dispose()
        raise
    return engine


class Claimed:
    """Holds a PostgreSQL database for this process; an SQLite file is held by the lock of its folder.

    Two collectors on one database would give the same work to two agents.
    """

    def __init__(self, engine: Engine) -> None:
        """Raises StateError where another collector holds it."""
        self._engine = engine
        self._connection: Connection | None = None
        self.renew()

    def renew(self) -> None:
        """Takes hold again if the connection broke. Raises StateError, SQLAlchemyError."""
        if self._engine.dialect.name != "postgresql":
            return
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return
        except SQLAlchemyError:
            self.release()
        self._connection = reading(self._engine).execution_options(isolation_level="AUTOCOMMIT")
        if not self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _CLAIM}):
            self.release()
            raise StateError(f"{shown(self._engine.url)}: another collector works with this database")

    def release(self) -> None:
        """Lets others have it."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def reason_of(error: SQLAlchemyError) -> str:
    """What a database complains of, on one line, without the statement that it complains of."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def reading(engine: Engine) -> Connection:
    """A connection for SELECT alone: on SQLite it waits for no writer."""
    return engine.connect().execution_options(**{_READS: True})


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        # A connection that broke while nobody used it is found out before it is used; nothing is waited for forever.
        limits = {"connect_timeout": _CONNECT_S, "application_name": "netmon", "options": _BOUNDS}
        engine = create_engine(url, pool_pre_ping=True, pool_timeout=_CONNECT_S, connect_args=limits)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
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


def _begin_postgresql(connection: Connection) -> None:
    # One writes at a time, as with SQLite: what is read and then written is not changed by another in between.
    if not connection.get_execution_options().get(_READS, False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE})")


def _revision(engine: Engine) -> str | None:
    """The revision that the tables have; None where there are none yet."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _newest_revision() -> str:
    """The last of the one chain, whose files are called m0001_…, m0002_…"""
    return max(file.name[1:5] for file in (MIGRATIONS / "versions").glob("m[0-9]*.py"))


def _upgrade(engine: Engine, name: str) -> None:
    from netmon_collector.state.upgrade import NewerTables, upgrade  # Alembic, which most starts do without

    try:
        upgrade(engine, MIGRATIONS)
    except NewerTables as error:
        raise StateError(f"{name}: was written by a newer netmon; install that version again") from error
