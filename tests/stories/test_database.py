"""The state in PostgreSQL: a whole product on it, which goes on with its work while the database is away."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stories.test_first_light import addresses
from tests.support.daemons import Daemon, daemon, eventually, netmon, samples
from tests.support.postgres import PASSWORD, Postgres, postgres


@dataclass(frozen=True)
class Lab:
    home: Path
    server: Postgres
    config: Path
    up: Daemon
    url: str
    token: str

    @property
    def state(self) -> Path:
        return self.home / "state" / "collector"

    def newest(self) -> float:
        """When the last sample came."""
        points = samples(self.url, self.token, "node_load1", 300)
        return max(at for series in points.values() for at, _ in series)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("home")
    with postgres() as server:
        password = home / "password"
        password.write_text(PASSWORD)
        config = home / "collector.yaml"
        config.write_text(f"database:\n  url: {server.database()}\n  password_file: {password}\n")
        (home / "agent.yaml").write_text("interval: 1s\n")
        words = ("--collector-config", str(config), "--agent-config", str(home / "agent.yaml"))
        with daemon(home, "up", "--state", str(home / "state"), *addresses(), *words) as up:
            token = up.says(r"token +(nmt_\S+)")[1]
            up.says(r"first data after")
            yield Lab(home, server, config, up, up.says(r"API +(\S+)")[1], token)


def test_no_file_is_made_and_the_password_is_told_nobody(lab: Lab) -> None:
    assert not (lab.state / "state.sqlite").exists()
    assert netmon(lab.home, "devices").returncode == 0
    assert PASSWORD not in lab.up.written


def test_tokens_are_made_in_the_database(lab: Lab) -> None:
    words = ("token", "new", "--admin", "--state", str(lab.state))
    without = netmon(lab.home, *words)
    assert (without.returncode, "or its configuration with --config" in without.stderr) == (2, True)
    made = netmon(lab.home, *words, "--config", str(lab.config))
    assert (made.returncode, made.stderr) == (0, "")
    (lab.home / "admin.token").write_text(made.stdout)


def test_a_backup_says_that_the_database_is_not_in_it(lab: Lab) -> None:
    target = lab.home / "backup.tar"
    done = netmon(lab.home, "backup", str(target), "--token-file", str(lab.home / "admin.token"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"are in postgresql://netmon@127.0.0.1:{lab.server.port}/test1 (pg_dump)" in done.stdout
    with tarfile.open(target) as archive:
        assert "state.sqlite" not in archive.getnames()


def test_a_second_collector_does_not_work_with_the_same_database(lab: Lab) -> None:
    config = lab.home / "second.yaml"
    config.write_text(lab.config.read_text() + f"state: {lab.home / 'second'}\nhttp: {{listen: '127.0.0.1:0'}}\n")
    (lab.home / "second").mkdir()
    done = netmon(lab.home, "collector", "--config", str(config))
    assert (done.returncode, "another collector works with this database" in done.stderr) == (1, True)


def test_samples_are_taken_while_the_database_is_away(lab: Lab) -> None:
    lab.server.stop()
    gone = lab.newest()
    eventually(lambda: lab.newest() >= gone + 3)
    refused = netmon(lab.home, "device", "list")
    assert refused.returncode == 0, "what is known stays known"
    failed = netmon(lab.home, "credential", "list")
    assert (failed.returncode, "the state database can't be asked now" in failed.stderr) == (5, True)
    lab.server.start()
    eventually(lambda: netmon(lab.home, "credential", "list").returncode == 0)
