"""The spool's file: SQL and nothing else. Called from one thread; raises sqlite3.Error."""

import contextlib
import json
import secrets
import sqlite3
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netmon_agent.columns import Encoded
from netmon_configs.logs import EventLog
from netmon_proto.model import Kind, Layout, Reason, Series

log = EventLog("netmon.agent.spool")

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE meta (epoch INTEGER NOT NULL, last_sequence INTEGER NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL, kind INTEGER NOT NULL,
                     retired_at INTEGER);
CREATE TABLE layouts (id INTEGER PRIMARY KEY, input TEXT NOT NULL, job TEXT NOT NULL, device TEXT NOT NULL,
                      series BLOB NOT NULL, retired_at INTEGER);
CREATE TABLE batches (number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
                      closed_ms INTEGER NOT NULL, boot_id TEXT NOT NULL, boot_ms INTEGER NOT NULL,
                      samples INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE TABLE quarantine (number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
                         refused_ms INTEGER NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
                         samples INTEGER NOT NULL, frame BLOB NOT NULL);
"""
VACUUM_PAGES = 256
_BATCH = "number, epoch, sequence, closed_ms, boot_id, boot_ms, samples, frame"


class SpoolUnusable(Exception):
    """The spool cannot be opened; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A batch that waits for its receipt. `frame` is as `wire.encode_batch` or `wire.encode_events` made it, `samples`
    the number of samples or events in it."""

    number: int
    epoch: int
    sequence: int
    closed_ms: int
    boot_id: str
    boot_ms: int
    samples: int
    frame: bytes


class SpoolFile:
    """Batches, the definitions that they stand on, and the quarantine, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        """Opens the file or makes it; one that is damaged is set aside. Raises SpoolUnusable."""
        self._path = path
        self._database = self._open()
        self.epoch, self.last_sequence = self._database.execute("SELECT epoch, last_sequence FROM meta").fetchone()

    def held(self) -> tuple[int, int, int, int]:
        """Number of batches, bytes of their frames, highest number given out, quarantined batches."""
        row = self._database.execute(
            "SELECT count(*), coalesce(sum(length(frame)), 0), coalesce(max(number), 0),"
            " (SELECT count(*) FROM quarantine) FROM batches"
        ).fetchone()
        return row[0], row[1], row[2], row[3]

    def retire_all(self, at: int) -> tuple[int, int]:
        """Marks all definitions as used last by batch `at` or earlier; the highest ids of series and layouts."""
        with self._transaction() as database:
            for table in ("series", "layouts"):
                database.execute(f"UPDATE {table} SET retired_at = ? WHERE retired_at IS NULL", (at,))  # noqa: S608
        row = self._database.execute(
            "SELECT coalesce((SELECT max(id) FROM series), 0), coalesce((SELECT max(id) FROM layouts), 0)"
        ).fetchone()
        return row[0], row[1]

    def write(
        self, definitions: Sequence[tuple[int, Encoded]], batches: Sequence[Spooled], settled: Sequence[int] = ()
    ) -> None:
        """Writes batches, and definitions with the number of the batch that they came with, and forgets those that
        are settled; all or none."""
        with self._transaction() as database:
            database.executemany("DELETE FROM batches WHERE number = ?", [(number,) for number in settled])
            for number, encoded in definitions:
                self._define(encoded, number)
            for batch in batches:
                database.execute(
                    f"INSERT INTO batches ({_BATCH}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (
                        batch.number,
                        batch.epoch,
                        batch.sequence,
                        batch.closed_ms,
                        batch.boot_id,
                        batch.boot_ms,
                        batch.samples,
                        batch.frame,
                    ),
                )
                database.execute("UPDATE meta SET epoch = ?, last_sequence = ?", (batch.epoch, batch.sequence))

    def read_after(self, number: int, below: int, skip: Iterable[int]) -> Spooled | None:
        """The lowest batch with number < its own < below that is not to be skipped."""
        marks = json.dumps(list(skip))
        row = self._database.execute(
            f"SELECT {_BATCH} FROM batches WHERE number > ? AND number < ?"  # noqa: S608
            " AND number NOT IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT 1",
            (number, below, marks),
        ).fetchone()
        return Spooled(*row) if row else None

    def delete(self, numbers: Iterable[int]) -> bool:
        """Forgets batches; True, when that is done."""
        with self._transaction() as database:
            database.executemany("DELETE FROM batches WHERE number = ?", [(number,) for number in numbers])
        return True

    def delete_retired(self, below: int) -> None:
        """Forgets definitions that no batch from number `below` on uses."""
        with self._transaction() as database:
            database.execute("DELETE FROM layouts WHERE retired_at < ?", (below,))
            database.execute("DELETE FROM series WHERE retired_at < ?", (below,))

    def first_sequence(self, epoch: int) -> int | None:
        """The lowest sequence of an epoch among the batches."""
        row = self._database.execute("SELECT min(sequence) FROM batches WHERE epoch = ?", (epoch,)).fetchone()
        return None if row[0] is None else int(row[0])

    def oldest(self) -> Spooled | None:
        """The batch that waits longest."""
        return self.read_after(-1, 1 << 62, ())

    def used_bytes(self) -> int:
        """What the content takes on disk, free pages not counted."""
        pages, free, size = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def shrink(self) -> None:
        """Gives some free pages back to the file system."""
        self._database.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()

    def quarantine(self, batch: Spooled, reason: Reason, message: str, now_ms: int, most_bytes: int) -> int:
        """Moves a batch out of the way; the oldest go where there are too many bytes. Returns how many are kept."""
        with self._transaction() as database:
            database.execute("DELETE FROM batches WHERE number = ?", (batch.number,))
            database.execute(
                "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.number,
                    batch.epoch,
                    batch.sequence,
                    now_ms,
                    reason.name.lower(),
                    message,
                    batch.samples,
                    batch.frame,
                ),
            )
            database.execute(
                "DELETE FROM quarantine WHERE number <= (SELECT number FROM (SELECT number, sum(length(frame))"
                " OVER (ORDER BY number DESC) AS held FROM quarantine) WHERE held > ? ORDER BY number DESC LIMIT 1)",
                (most_bytes,),
            )
        return int(self._database.execute("SELECT count(*) FROM quarantine").fetchone()[0])

    def layout(self, number: int) -> Layout | None:
        """A layout by its id."""
        row = self._database.execute(
            "SELECT id, input, job, device, series FROM layouts WHERE id = ?", (number,)
        ).fetchone()
        return Layout(row[0], row[1], row[2], row[3], array("I", row[4])) if row else None

    def series(self, ids: Iterable[int]) -> list[Series]:
        """Series by their ids."""
        rows = self._database.execute(
            "SELECT id, name, labels, kind FROM series WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return [Series(row[0], row[1], json.loads(row[2]), Kind(row[3])) for row in rows]

    def set_epoch(self, epoch: int) -> None:
        """Starts to number anew."""
        with self._transaction() as database:
            database.execute("UPDATE meta SET epoch = ?, last_sequence = 0", (epoch,))

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def set_aside(self) -> Path:
        """Moves a damaged file out of the way and starts an empty one; the name under which the old one is kept."""
        self._database.close()
        aside = _set_aside(self._path)
        self._database = self._open()
        self.epoch, self.last_sequence = self._database.execute("SELECT epoch, last_sequence FROM meta").fetchone()
        return aside

    def _define(self, encoded: Encoded, number: int) -> None:
        database = self._database
        database.executemany(
            "INSERT INTO series VALUES (?, ?, ?, ?, NULL)",
            [(one.id, one.name, json.dumps(one.labels), int(one.kind)) for one in encoded.series],
        )
        database.executemany(
            "INSERT INTO layouts VALUES (?, ?, ?, ?, ?, NULL)",
            [(one.id, one.input, one.job, one.device, array("I", one.series).tobytes()) for one in encoded.layouts],
        )
        for table, ids in (("series", encoded.retired_series), ("layouts", encoded.retired_layouts)):
            database.executemany(
                f"UPDATE {table} SET retired_at = ? WHERE id = ?",  # noqa: S608
                [(number, one) for one in ids],
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some errors have ended the transaction already
                self._database.execute("ROLLBACK")
            raise

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise SpoolUnusable(
                    f"{self._path} cannot be opened: {error}. "
                    "The folder must exist, be writable for this user and have space left."
                ) from error
            log.error("spool.damaged", file=self._path, error=str(error), kept_as=_set_aside(self._path))
            return _connect(self._path)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory file, which a full disk could tear
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 256")
        database.execute("PRAGMA cache_size = -512")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};")
            database.execute("INSERT INTO meta VALUES (?, 0)", (secrets.randbits(63) | 1,))
            database.execute("COMMIT")
        elif version > SCHEMA_VERSION:
            raise SpoolUnusable(
                f"{path} was written by a newer netmon (format {version}, this one knows {SCHEMA_VERSION}). "
                "Upgrade netmon, or move the file away and lose what waits in it."
            )
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("the check of its pages failed")
    except BaseException:
        database.close()
        raise
    return database


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for end in ("", "-wal", "-shm"):
        source = path.with_name(path.name + end)
        if source.exists():
            source.replace(aside.with_name(aside.name + end))
    return aside
