"""The state database opens on what is there, or says why not."""

import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, make_url, select, update

from netmon_collector.state.database import MIGRATIONS, Claimed, open_state, reading
from netmon_collector.state.devices import Devices
from netmon_collector.state.facts import KeptFacts
from netmon_collector.state.place import DRIVER, StateError, shown
from netmon_collector.state.schema import FACTS, metadata, tokens
from netmon_collector.state.tokens import Tokens
from tests.support.postgres import PASSWORD, Postgres


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def test_the_migrations_make_what_the_schema_says(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


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


def test_a_reader_waits_for_no_writer(engine: Engine) -> None:
    with engine.begin(), reading(engine) as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM tokens").scalar() == 0


def test_one_writes_at_a_time(engine: Engine) -> None:
    Tokens(engine, lambda: 1).issue("api", "0")

    def count_up(_: int) -> None:
        with engine.begin() as connection:
            (name,) = connection.execute(select(tokens.c.name)).one()
            time.sleep(0.01)
            connection.execute(update(tokens).values(name=str(int(name) + 1)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(8)))
    with reading(engine) as connection:
        assert connection.execute(select(tokens.c.name)).scalars().all() == ["8"]


def test_two_may_open_a_new_database_at_once(new_engine: Callable[[], Engine]) -> None:
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: new_engine(), range(4)))
    assert [inspect(engine).has_table("agents") for engine in engines] == [True] * 4


def test_a_database_of_a_newer_netmon_is_left_alone(new_engine: Callable[[], Engine]) -> None:
    engine = new_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StateError) as error:
        new_engine()
    assert str(error.value) == f"{shown(engine.url)}: was written by a newer netmon; install that version again"


def test_a_start_with_the_newest_tables_does_without_alembic(tmp_path: Path) -> None:
    url = url_of(tmp_path / "state.db")
    opens = f"from netmon_collector.state.database import open_state; open_state('{url}')"
    start = f"import sys; {opens}; print('alembic' in sys.modules)"
    runs = [subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True) for _ in range(2)]
    assert [run.stdout.strip() for run in runs] == ["True", "False"]


def test_a_database_is_held_by_one_collector(server: Postgres) -> None:
    url = make_url(server.database()).set(drivername=DRIVER, password=PASSWORD)
    first, second = open_state(url), open_state(url)
    held = Claimed(first)
    with pytest.raises(StateError, match=r"/test\d+: another collector works with this database"):
        Claimed(second)
    with second.begin() as connection:  # as when the server is started again
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND pid <> pg_backend_pid()"
        )
    held.renew()
    with pytest.raises(StateError):
        Claimed(second)
    held.release()
    Claimed(second).release()
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("broken", ["password", "database", "server"])
def test_a_database_that_cannot_be_opened_is_named_without_its_password(server: Postgres, broken: str) -> None:
    url = make_url(server.database()).set(drivername=DRIVER, password=PASSWORD)
    changed = {
        "password": url.set(password="wr0ng"),
        "database": url.set(database="nowhere"),
        "server": url.set(port=1),
    }[broken]
    with pytest.raises(StateError) as error:
        open_state(changed)
    assert str(error.value).startswith(f"{shown(changed)}: ")
    assert not [secret for secret in (PASSWORD, "wr0ng") if secret in str(error.value)]


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


def test_devices_keep_what_hangs_on_them_when_their_table_is_made_anew(tmp_path: Path) -> None:
    url, config = url_of(tmp_path / "state.db"), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    older = create_engine(url)
    with older.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0011")
        facts = ", ".join(f"'{name}'" for name in FACTS)
        for statement in (
            "INSERT INTO agents VALUES ('id-1', 'web1', x'00', 'web1', 'web1', '0.1.0', 'Linux', 10000, 1, 1)",
            "INSERT INTO credentials VALUES ('lab', '2c', x'00', 1), ('more', '2c', x'00', 1)",
            f"INSERT INTO devices VALUES ('sw1', 'sw1', '192.0.2.1', 161, 5, NULL, {facts})",
            "INSERT INTO jobs VALUES ('sw1', 'id-1', 'lab', 60000, '', '{}')",
            "INSERT INTO further_credentials VALUES ('sw1', 0, 'more')",
            "INSERT INTO device_facts VALUES ('sw1', 1, x'6661637473')",
        ):
            connection.exec_driver_sql(statement)
    older.dispose()

    newer = open_state(url)

    (kept,) = Devices(newer).all()
    assert (kept.host, kept.credentials, kept.site) == ("192.0.2.1", ("lab", "more"), "")
    assert KeptFacts(newer).get("sw1") == b"facts"
    newer.dispose()
