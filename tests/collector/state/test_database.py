"""The state database opens on what is there, or says why not."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from netmon_collector.state.database import StateError, open_state, reading
from netmon_collector.state.schema import metadata


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def test_the_migrations_make_what_the_schema_says(tmp_path: Path) -> None:
    engine = open_state(url_of(tmp_path / "state.db"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    engine = open_state(url_of(tmp_path / "state.db"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    engine.dispose()


def test_sqlite_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
    engine = open_state(url_of(tmp_path / "state.db"))
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "synchronous": 2}


def test_a_reader_waits_for_no_writer(tmp_path: Path) -> None:
    engine = open_state(url_of(tmp_path / "state.db"))
    with engine.begin(), reading(engine) as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM tokens").scalar() == 0
    engine.dispose()


def test_two_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = url_of(tmp_path / "state.db")
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(open_state, [url] * 4))
    assert [inspect(engine).has_table("agents") for engine in engines] == [True] * 4
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_netmon_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_state(url_of(path)).dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StateError) as error:
        open_state(url_of(path))
    assert str(error.value) == f"{path}: was written by a newer netmon; install that version again"


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("this is a shopping list\n" * 100)
    with pytest.raises(StateError, match="file is not a database") as error:
        open_state(url_of(path))
    assert str(error.value).startswith(f"{path}: ")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "state.db"
    with pytest.raises(StateError, match="No such file or directory"):
        open_state(url_of(path))


def test_a_url_that_is_none_is_not_repeated() -> None:
    with pytest.raises(StateError) as error:
        open_state("postgres//admin:secret@db")
    assert "secret" not in str(error.value)
    assert "sqlite:////" in str(error.value)


def test_an_unknown_database_is_named_without_its_password() -> None:
    with pytest.raises(StateError) as error:
        open_state("unheardof://admin:secret@db/netmon")
    assert "unheardof" in str(error.value)
    assert "secret" not in str(error.value)
