"""`netmon rules`: files checked and tested here, and a collector asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from netmon_cli.main import run
from tests.api.assembly import running
from tests.api.lab import NOW_MS, RULES, Lab, labels

LOAD = labels("load", instance="web1", job="node")
TESTS = """
rule_files: [rules.yml]
tests:
  - name: busy
    input_series: [{series: 'load{instance="web1"}', values: '0.95x5'}]
    alert_rule_test:
      - eval_time: 3m
        alertname: HighLoad
        exp_alerts:
          - {exp_labels: {instance: web1, severity: page}, exp_annotations: {summary: web1 is busy}}
"""

Ask = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        yield lab


@pytest.fixture
def ask(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command against the lab; gives its exit code and what it prints."""
    token = tmp_path / "token"
    token.write_text(lab.token)

    async def ask(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, ["rules", *words, "--url", lab.url, "--token-file", str(token)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return ask


def test_a_file_that_is_right_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    assert run(["rules", "check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: fine, 2 rules\n"


def test_all_mistakes_of_all_files_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong = tmp_path / "right.yml", tmp_path / "wrong.yml"
    right.write_text(RULES)
    wrong.write_text(RULES.replace("for: 1m", "fro: 1m").replace("load > 0.9", "load >"))
    assert run(["rules", "check", str(right), str(wrong), str(tmp_path / "none.yml")]) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"{right}: fine, 2 rules",
        f"{wrong}:7: groups[0].rules[1].expr: 1:7: parse error: unexpected end of input",
        f"{wrong}:8: groups[0].rules[1].fro: no such option. Did you mean 'for'?",
        f"{tmp_path}/none.yml: no such file",
    ]
    assert run(["rules", "check", str(wrong), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert [one["line"] for one in told["files"][0]["mistakes"]] == [7, 8]


def test_unit_tests_pass_and_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tests.yml"
    (tmp_path / "rules.yml").write_text(RULES)
    path.write_text(TESTS)
    assert run(["rules", "test", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: busy: passed (1 case)\n1 test, 0 failed\n"
    path.write_text(TESTS.replace("web1 is busy", "web1 is idle"))
    assert run(["rules", "test", str(path)]) == 1
    printed = capsys.readouterr().out
    assert f"{path}: busy: FAILED (1 case)" in printed
    assert "exp: [{alertname='HighLoad', instance='web1', severity='page'} {summary='web1 is idle'}]" in printed
    assert run(["rules", "test", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 1


async def test_rules_are_listed_with_mistakes_in_files(lab: Lab, ask: Ask, tmp_path: Path) -> None:
    await lab.keep({LOAD: 0.95})
    for group in lab.rulebook.groups:
        await group.evaluate(NOW_MS)
    (tmp_path / "rules" / "wrong.yaml").write_text("groups: 1")
    await lab.rulebook.reload()
    assert await ask("list") == (
        0,
        (
            "RULE          STATE    ALERTS  EVERY  GROUP  FILE\n"
            "job:load:max  records       0  1m     g      saved/lab\n"
            "HighLoad      pending       1  1m     g      saved/lab\n"
            f"{tmp_path}/rules/wrong.yaml:1: groups: must be a list (got 1)\n"
        ),
    )
    assert (await ask("list", "--state", "firing"))[1].startswith("no rules\n")


async def test_a_rule_is_explained(lab: Lab, ask: Ask) -> None:
    await lab.keep({LOAD: 0.95})
    for group in lab.rulebook.groups:
        await group.evaluate(NOW_MS)
        await group.evaluate(NOW_MS + 60_000)
    code, printed = await ask("explain", "HighLoad")
    assert code == 0
    assert "asks     load > 0.9\nstate    firing, 1 alert\nfor      1m\n" in printed
    assert "firing since 2026-01-31 12:01:00 UTC, value 0.95\n" in printed
    assert "  alertname=HighLoad, instance=web1, job=node, severity=page\n  web1 is busy\n" in printed
    assert printed.splitlines()[-1].startswith("12:01:00")
    assert (await ask("explain", "Nothing"))[0] == 5


async def test_a_backtest_says_how_often_a_rule_would_have_fired(lab: Lab, ask: Ask, tmp_path: Path) -> None:
    for second in range(-7200, 1, 10):
        await lab.keep({LOAD: 0.95 if -3600 <= second <= -3000 else 0.1}, NOW_MS + 1000 * second)
    code, printed = await ask("backtest", "HighLoad", "--since", "3h", "--step", "10s")
    assert code == 0
    assert printed.splitlines()[:2] == [
        "HighLoad would have fired once in 2h (2026-01-31 10:00 to 2026-01-31 12:00 UTC, every 10s)",
        "1 alert, firing for 9m 10s in all, 9m 10s at the longest",
    ]
    code, printed = await ask("backtest", "HighLoad", "--since", "30d", "--step", "1m")
    assert (code, printed.split(" (")[0]) == (0, "HighLoad would have fired once in 2h")
    path = tmp_path / "new.yml"
    path.write_text(RULES.replace("load > 0.9", "load > 5"))
    code, printed = await ask("backtest", "HighLoad", "--since", "3h", "--file", str(path))
    assert (code, printed.split(" in ")[0]) == (0, "HighLoad would have fired never")
