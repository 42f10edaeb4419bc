"""Unit tests of rules get promtool's verdicts; the expected ones of the shared files stand in their README."""

import subprocess
from pathlib import Path

import pytest

from netmon_collector.rules.trial.unit_tests import Verdict, run
from netmon_configs.mistakes import ConfigError

SHARED = Path(__file__).parents[5] / "shared" / "promtool"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs promtool's test files in {SHARED}")

RULES = """
groups:
  - name: recorded
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - record: job:up:half
        expr: job:up:sum / 2
        labels: {unit: half}
  - name: alerts
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        keep_firing_for: 2m
        labels: {severity: '{{ if eq $labels.job "db" }}page{{ else }}info{{ end }}'}
        annotations:
          summary: >-
            {{ $labels.instance }} is down: {{ $value }} of
            {{ with query "count(up)" }}{{ . | first | value }}{{ end }}
      - alert: NoJob
        expr: absent(up{job="web"})
"""
TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    external_labels: {site: oslo}
    input_series:
      - {series: 'up{job="db",instance="a"}', values: '1 0 0 0 1 1 1 1'}
      - {series: 'up{job="x",instance="b"}', values: '1x7'}
    alert_rule_test:
      - {eval_time: 2m, alertname: Down, exp_alerts: []}
      - eval_time: 3m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, job: db, instance: a}
            exp_annotations: {summary: 'a is down: 0 of 2'}
      - eval_time: 5m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, job: db, instance: a}
            exp_annotations: {summary: 'a is down: 0 of 2'}
      - {eval_time: 6m, alertname: Down}
      - {eval_time: 1m, alertname: NoJob, exp_alerts: [{exp_labels: {job: web}}]}
    promql_expr_test:
      - expr: job:up:half
        eval_time: 1m
        exp_samples:
          - {labels: 'job:up:half{job="db",unit="half"}', value: 0}
          - {labels: 'job:up:half{job="x",unit="half"}', value: 0.5}
      - expr: ALERTS
        eval_time: 1m
        exp_samples:
          - {labels: 'ALERTS{alertname="Down",alertstate="pending",severity="page",job="db",instance="a"}', value: 1}
          - {labels: 'ALERTS{alertname="NoJob",alertstate="firing",job="web"}', value: 1}
      - expr: ALERTS_FOR_STATE{alertname="Down"}
        eval_time: 3m
        exp_samples:
          - {labels: 'ALERTS_FOR_STATE{alertname="Down",severity="page",job="db",instance="a"}', value: 60}
"""


def put(folder: Path, tests: str = TESTS) -> Path:
    (folder / "rules.yml").write_text(RULES)
    (folder / "tests.yml").write_text(tests)
    return folder / "tests.yml"


def failures(verdicts: list[Verdict]) -> list[str]:
    return [failure for verdict in verdicts for failure in verdict.failures]


def test_rules_that_do_what_is_expected_pass(tmp_path: Path) -> None:
    verdicts = run(put(tmp_path))
    assert failures(verdicts) == []
    assert [verdict.cases for verdict in verdicts] == [8]


def test_names_may_be_any_text(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        """
groups:
  - name: odd
    rules:
      - record: http.errors
        expr: sum by ("host.name") (rate({"http.errors.total"}[5m]))
        labels: {"added by": rule}
      - alert: Many
        expr: '{"http.errors","added by"="rule"} > 0'
        labels: {"team.name": net}
        annotations: {"what.is": 'at {{ index $labels "host.name" }}'}
"""
    )
    tests = tmp_path / "tests.yml"
    tests.write_text(
        """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: '{"http.errors.total","host.name"="web1"}', values: '0+60x20'}
    promql_expr_test:
      - expr: '{"http.errors"}'
        eval_time: 10m
        exp_samples: [{labels: '{"http.errors","host.name"="web1","added by"="rule"}', value: 1}]
    alert_rule_test:
      - eval_time: 10m
        alertname: Many
        exp_alerts:
          - exp_labels: {"host.name": web1, "added by": rule, "team.name": net}
            exp_annotations: {"what.is": at web1}
"""
    )
    (verdict,) = run(tests)
    assert (verdict.failures, verdict.cases) == ([], 2)


def test_promtool_says_the_same_of_our_own_cases(tmp_path: Path) -> None:
    told = subprocess.run(["promtool", "test", "rules", put(tmp_path)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("0 of 2", "1 of 2"), ("severity: page", "severity: info"), ("value: 0.5", "value: 0.6"),
     ("value: 60", "value: 61"),
     ("eval_time: 6m", "eval_time: 5m"), ("'1 0 0 0 1", "'1 0 1 0 1")],
)  # fmt: skip
def test_what_is_not_as_expected_fails_here_and_in_promtool(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in TESTS
    path = put(tmp_path, TESTS.replace(right, wrong, 1))
    told = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert failures(run(path))


def test_a_failure_shows_what_was_expected_and_what_came(tmp_path: Path) -> None:
    verdicts = run(put(tmp_path, TESTS.replace("value: 0.5", "value: 0.6")))
    half = "{{__name__='job:up:half', job='{}', unit='half'}}"
    assert failures(verdicts) == [
        (
            "expr 'job:up:half', time 1m:\n"
            f"  exp: {half.format('db')} 0, {half.format('x')} 0.6\n"
            f"  got: {half.format('db')} 0, {half.format('x')} 0.5"
        )
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("rule_files: [rules.yml]", "rule_files: [none.yml]", "tests.yml: rule_files: no file matches none.yml"),
        ("evaluation_interval", "evaluation_intervall", "Did you mean 'evaluation_interval'?"),
        ("evaluation_interval", "group_eval_order: [a, b, a]\nevaluation_interval", "names the group a twice"),
        ("'1x7'", "'1xx7'", "'1xx7' is no value such as 1, 0+1x5, _ or stale"),
        ('up{job="x",instance="b"}', 'up{job="x"', "parse error"),
        ("'1x7'", "'1x9999999999'", "has more than 1000000 values"),
    ],
)
def test_a_mistake_in_a_test_is_told_with_its_place(tmp_path: Path, right: str, wrong: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=r".") as told:
        run(put(tmp_path, TESTS.replace(right, wrong, 1)))
    assert complaint in str(told.value)


@pytest.mark.parametrize(("name", "fails"), [("job:up:sum", True), ("job:up:other", False)])
def test_two_values_of_a_series_for_one_time_fail_here_and_in_promtool(tmp_path: Path, name: str, fails: bool) -> None:
    path = put(tmp_path, SEEN)
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.replace("job:up:half", name).replace("{unit: half}", "{}"))
    told = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert bool(told.returncode) == fails
    complaints = [one for one in failures(run(path)) if "has two values: of two rules" in one]
    assert bool(complaints) == fails


def test_a_sample_that_is_expected_twice_is_shown_twice(tmp_path: Path) -> None:
    once = '{labels: \'job:up:half{job="x",unit="half"}\', value: 0.5}'
    (failure,) = failures(run(put(tmp_path, TESTS.replace(f"- {once}", f"- {once}\n          - {once}"))))
    assert failure.partition("got")[0].count("0.5") == 2


def test_values_that_hardly_differ_are_shown_in_full(tmp_path: Path) -> None:
    (failure,) = failures(run(put(tmp_path, TESTS.replace("value: 0.5", "value: 0.500000001"))))
    assert "0.500000001" in failure


SEEN = """
rule_files: [rules.yml]
evaluation_interval: 2m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="x"}', values: '9x20'}
      - {series: 'up{job="x"}', values: '0+1x20'}
    promql_expr_test:
      - {expr: job:up:sum, eval_time: 5m, exp_samples: [{labels: 'job:up:sum{job="x"}', value: 4}]}
      - {expr: up, eval_time: 5m, exp_samples: [{labels: 'up{job="x"}', value: 4}]}
      - {expr: up offset -3m, eval_time: 1m, exp_samples: [{labels: 'up{job="x"}', value: 4}]}
"""


def test_no_sample_is_seen_that_comes_after_the_last_evaluation(tmp_path: Path) -> None:
    path = put(tmp_path, SEEN)
    assert failures(run(path)) == []
    told = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@needs_shared
@pytest.mark.parametrize(
    "name", ["at-modifier-test", "negative-offset-test", "no-test-group-interval", "start-time-test"]
)
def test_a_test_of_promtools_that_passes_there_passes_here(name: str) -> None:
    verdicts = run(SHARED / f"{name}.yml")
    assert failures(verdicts) == []
    assert not any(verdict.refused for verdict in verdicts)


@needs_shared
def test_only_cases_with_native_histograms_are_refused() -> None:
    verdicts = run(SHARED / "unittest.yml")
    assert failures(verdicts) == []
    refused = [case for verdict in verdicts for case in verdict.refused]
    assert len(refused) == 3
    assert all("test_histogram" in case and "native histograms are not kept here" in case for case in refused)


@needs_shared
def test_right_and_wrong_tests_of_one_file_are_told_apart() -> None:
    told = {verdict.name: bool(verdict.failures) for verdict in run(SHARED / "rules_run.yml")}
    assert told == {"correct test": False, "wrong test": True}


@needs_shared
def test_tests_that_must_fail_fail_with_the_reason() -> None:
    assert all(verdict.failures for verdict in run(SHARED / "failing.yml"))
    assert "many-to-many" in failures(run(SHARED / "bad-promql.yml"))[0]
    with pytest.raises(
        ConfigError, match=r"bad-input-series\.yml:3: tests\[0\]\.input_series\[0\]\.series: .*parse error"
    ):
        run(SHARED / "bad-input-series.yml")


@needs_shared
def test_a_test_may_last_for_centuries() -> None:
    assert failures(run(SHARED / "long-period.yml")) == []
