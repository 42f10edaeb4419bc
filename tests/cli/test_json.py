"""What changes something tells other programs what became of it, and so does every command of the tree."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.main import app
from tests.cli.conftest import Netmon
from tests.cli.test_store import fill

WITHOUT = {"agent", "collector", "up", "config sample"}
"""What runs until it is stopped, and what prints a file with comments."""


def commands(node: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """All that can be called, and how."""
    below = getattr(node, "commands", {})
    if words and (not below or node.invoke_without_command):
        yield " ".join(words), node
    for word, one in below.items():
        yield from commands(one, *words, word)


def test_every_command_of_the_tree_takes_json() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert len(found) > 80
    assert {name for name, one in found.items() if not any("--json" in given.opts for given in one.params)} == WITHOUT


class Collector(Client):
    """Says what it was asked."""

    def __init__(self) -> None:
        pass

    def send(self, method: str, path: str, body: Any = None, timeout_s: float | None = None) -> Any:
        return {"asked": f"{method} {path}", "id": "w1", "silenceID": "s1"}

    def get(self, path: str, parameters: Any = (), timeout_s: float | None = None) -> Any:
        return {"id": "s1", "asked": path}

    def now_s(self) -> float:
        return 0.0


def test_what_the_collector_answers_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from netmon_cli import alerts, models

    client = Collector()
    plan = alerts.Plan("moving", ["a=b"], "now", 60.0, "UTC", "", "me", "")
    (tmp_path / "series.csv").write_text("time,a,b\n1,2,3\n")
    cases: list[tuple[Callable[[], Exit], str]] = [
        (lambda: alerts.add_silence(client, ["a=b"], 60.0, "me", "", True), "POST /alertmanager/api/v2/silences"),
        (lambda: alerts.end_silence(client, "s1", True), "/alertmanager/api/v2/silence/s1"),
        (lambda: alerts.add_window(client, plan, True), "POST /api/v1/maintenance"),
        (lambda: alerts.end_window(client, "w1", True), "DELETE /api/v1/maintenance/w1"),
        (lambda: models.remove_model(client, "sales", True), "DELETE /api/v1/models/sales"),
        (lambda: models.train(client, "sales", "me", "", True), "POST /api/v1/models/sales/train"),
        (lambda: models.roll_back(client, "sales", 1, "me", "", True), "POST /api/v1/models/sales/rollback"),
    ]
    for work, asked in cases:
        assert work() is Exit.FINE
        assert json.loads(capsys.readouterr().out)["asked"] == asked
    assert models.send_series(client, "sales", tmp_path / "series.csv", True) is Exit.FINE
    assert json.loads(capsys.readouterr().out) == {"times": 1, "series": 2}


def test_a_copy_is_counted(netmon: Netmon, tmp_path: Path) -> None:
    fill(tmp_path / "old", [1.0, 2.0])
    urls = [f"embedded:{tmp_path / name}" for name in ("old", "new")]
    ended = netmon("store", "copy", *urls, "--state", str(tmp_path / "state"), "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"samples": 2, "left_out": 0})
