import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Netmon


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "agent.yaml"
    path.write_text("interval: 5s\n")
    return path


def test_a_good_file_is_fine(netmon: Netmon, good: Path) -> None:
    ended = netmon("config", "check", str(good))
    assert (ended.code, ended.out, ended.err) == (0, f"{good}: fine\n", "")
    assert json.loads(netmon("config", "check", str(good), "--json").out) == {
        "file": str(good),
        "kind": "agent",
        "fine": True,
        "mistakes": [],
    }


def test_all_mistakes_are_told_with_their_lines(netmon: Netmon, tmp_path: Path) -> None:
    path = tmp_path / "my-agent.yml"
    path.write_text("intervall: 5s\ninterval: 5 parsecs\n")
    ended = netmon("config", "check", str(path))
    assert ended.code == 2
    assert ended.out == (
        f"{path}:1: intervall: no such option. Did you mean 'interval'?\n"
        f"{path}:2: interval: must be a duration such as 30s, 5m or 1h30m\n"
    )
    told = json.loads(netmon("config", "check", str(path), "--json").out)
    assert (told["fine"], told["mistakes"][0]) == (
        False,
        {"line": 1, "place": "intervall", "text": "no such option. Did you mean 'interval'?"},
    )


def test_a_mistake_in_the_file_that_says_who_is_told_is_told_too(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "am.yml").write_text("route: {receiver: op}\nreceivers: [{name: ops}]\n")
    file = tmp_path / "collector.yaml"
    file.write_text("alerting: {config_file: am.yml}\n")
    result = netmon("config", "check", str(file))
    assert result.code == 2
    assert "am.yml:1: there is no receiver 'op'. Did you mean 'ops'?" in result.out


def test_a_file_that_is_not_there_is_a_mistake(netmon: Netmon) -> None:
    ended = netmon("config", "check", "/nonexistent/agent.yaml")
    assert (ended.code, ended.out) == (2, "/nonexistent/agent.yaml: no such file\n")


def test_whose_file_it_is_shows_in_its_options(netmon: Netmon, tmp_path: Path) -> None:
    path = tmp_path / "netmon.yaml"
    path.write_text("inputs: []\n")
    assert json.loads(netmon("config", "check", str(path), "--json").out)["kind"] == "agent"
    path.write_text("grpc: {listen: '127.0.0.1:7441'}\n")
    assert json.loads(netmon("config", "check", str(path), "--json").out)["kind"] == "collector"


def test_a_file_that_could_be_anybodys_asks_for_kind(netmon: Netmon, tmp_path: Path) -> None:
    path = tmp_path / "netmon.yaml"
    path.write_text("")
    ended = netmon("config", "check", str(path))
    assert ended.code == 2
    assert ended.err == (f"netmon: {path}: can't tell whose file this is\n  Say it: --kind agent or --kind collector\n")
    assert netmon("config", "check", str(path), "--kind", "collector").code == 0


def test_a_part_that_is_not_installed_is_named(netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "netmon_collector.config", None)
    path = tmp_path / "collector.yaml"
    path.touch()
    ended = netmon("config", "check", str(path))
    assert ended.code == 2
    assert ended.err.startswith("netmon: the collector is not installed here (")
    assert ended.err.endswith(")\n  Install it: pip install 'netmon[collector]'\n")


@pytest.mark.parametrize("kind", ["agent", "collector"])
def test_a_sample_is_a_good_file(netmon: Netmon, tmp_path: Path, kind: str) -> None:
    ended = netmon("config", "sample", kind)
    assert ended.code == 0
    assert "#" in ended.out
    path = tmp_path / f"{kind}.yaml"
    path.write_text(ended.out)
    assert netmon("config", "check", str(path)).out == f"{path}: fine\n"


def test_there_is_no_sample_for_anything_else(netmon: Netmon) -> None:
    assert netmon("config", "sample", "toaster").code == 2
