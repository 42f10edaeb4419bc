"""The rules that come with netmon: tested in promtool's format, each with its runbook; and those of the community."""

import re
import subprocess
from pathlib import Path

import pytest

from netmon_collector.rules.files import parse_rules
from netmon_collector.rules.model import Rule
from netmon_collector.rules.sources import shipped_files
from netmon_collector.rules.trial.cases import UnitTestFile
from netmon_collector.rules.trial.unit_tests import run
from netmon_configs.load import load

ROOT = Path(__file__).parents[3]
PACKS = sorted((ROOT / "tests/rules").glob("*.yaml"))
COMMUNITY = sorted((ROOT / "tests/rules/community").glob("*.yaml"))
SHARED = ROOT.parent / "shared" / "rules"
RULES = [rule for name, text in shipped_files() for group in parse_rules(text, name).groups for rule in group.rules]

every_pack = pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)


@every_pack
def test_a_pack_does_what_its_tests_say(path: Path) -> None:
    verdicts = run(path)
    assert [failure for verdict in verdicts for failure in verdict.failures] == []
    assert sum(verdict.cases for verdict in verdicts) == len(verdicts)


@every_pack
def test_promtool_says_the_same_of_a_pack(path: Path) -> None:
    told = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_rule_has_a_test() -> None:
    tested = {
        case.alertname for path in PACKS for one in load(path, UnitTestFile).tests for case in one.alert_rule_test
    }
    assert tested == {rule.name for rule in RULES}
    assert len(RULES) == len(tested)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_what_happened_and_what_to_do(rule: Rule) -> None:
    told = dict(rule.annotations)
    assert told["summary"]
    assert told["description"]
    page, _, anchor = told["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]
    assert dict(rule.labels)["severity"] in ("info", "warning", "critical")


def test_every_runbook_is_that_of_a_rule() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
    assert headings
    assert set(headings) == {rule.name for rule in RULES}


def test_the_page_counts_the_rules() -> None:
    assert f"| with netmon | {len(RULES)} alerts for" in (ROOT / "docs/rules.md").read_text()


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the community's rule packs in {SHARED}")
@pytest.mark.parametrize("path", COMMUNITY, ids=lambda path: path.stem)
def test_an_alert_of_the_community_fires_when_it_should_and_else_not(path: Path) -> None:
    verdicts = run(path)
    assert [failure for verdict in verdicts for failure in verdict.failures] == []
    assert verdicts
