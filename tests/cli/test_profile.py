"""`netmon profile test`, and its page."""

import json
import re
import shlex
from pathlib import Path

import pytest

from netmon_cli.main import run
from tests.cli.conftest import Netmon
from tests.support.snmpd import snmpd

PAGE = Path(__file__).parents[2] / "docs" / "profiles.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The blocks of the page, laid out as the files that it talks of."""
    blocks = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "coolbox.yaml").write_text(blocks["yaml"], encoding="utf-8")
    (tmp_path / "coolbox.snmprec").write_text(blocks["snmprec"], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return blocks


def test_the_page_shows_what_is_printed(shown: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    command, _, printed = shown["console"].removeprefix("$ netmon ").partition("\n")
    assert run(shlex.split(command)) == 0
    assert capsys.readouterr().out == printed


def test_json_has_all_findings_on_one_line(shown: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "test", "coolbox.snmprec", "--profiles", "profiles", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["identity"]["os"] == "coolbox"
    assert [one["value"] for one in told["sensors"]] == [21.5, 1.0, 3.0]
    assert {"name": "sysUpTime", "labels": {}, "value": 8640000.0, "kind": 1} in told["readings"]


def test_an_unknown_device_gets_the_generic_profile(shown: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "test", "coolbox.snmprec"]) == 0
    assert "because   no profile knows this device" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.snmprec"], "nothing.snmprec: No such file or directory"),
        (["profiles/coolbox.yaml"], "coolbox.yaml:1: must be OID|TAG|VALUE"),
        (["coolbox.snmprec", "--profiles", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_read_is_told(
    shown: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert run(["profile", "test", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_device_is_asked_from_here(netmon: Netmon, tmp_path: Path) -> None:
    with snmpd(tmp_path) as port:
        ended = netmon("profile", "test", f"127.0.0.1:{port}")
        assert ended.code == 0, ended.err
        assert re.search(r"^profile +hosts$", ended.out, re.MULTILINE), ended.out
        assert re.search(r"^metrics$", ended.out, re.MULTILINE), ended.out
    assert "No such file" in netmon("profile", "test", "none.snmprec").err
