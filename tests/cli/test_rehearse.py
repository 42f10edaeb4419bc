"""`netmon rehearse`: what the page shows, and what is otherwise than a scenario says."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Netmon
from tests.cli.test_docs import transcripts


@pytest.fixture
def outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the page."""
    monkeypatch.chdir(tmp_path)
    ((file, _, _),) = transcripts("rehearsals.md")
    path = tmp_path / "outage.yaml"
    path.write_text(file or "")
    return path


def test_the_page_shows_what_is_printed(netmon: Netmon, outage: Path) -> None:
    ((_, command, printed),) = transcripts("rehearsals.md")
    ended = netmon(*command.split()[1:])
    assert (ended.code, ended.out, ended.err) == (0, printed, "")


def test_what_is_otherwise_is_told_with_an_exit_code(netmon: Netmon, outage: Path) -> None:
    outage.write_text(outage.read_text().replace("until: 15m", "until: 4m").replace("5m, mend", "3m, mend"))
    ended = netmon("rehearse", str(outage), "--json")
    assert ended.code == 1
    (scenario,) = json.loads(ended.out)["scenarios"]
    assert scenario["failures"] == [
        "sent, message 2: expected between 300s and 720s to ops: fires [], over [core]; was nothing"
    ]


def test_a_mistake_in_the_file_is_told_with_its_line(netmon: Netmon, outage: Path) -> None:
    outage.write_text(outage.read_text().replace("fail: [core]", "fails: [core]"))
    ended = netmon("rehearse", str(outage))
    assert ended.code == 2
    assert "events[0].fails: no such option. Did you mean 'fail'?" in ended.err
