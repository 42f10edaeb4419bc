"""Rule files: what they mean, and how all that is wrong with them is told at once."""

from pathlib import Path

import pytest

from netmon_collector.rules.files import parse_rules
from netmon_configs.mistakes import ConfigError

SHARED = Path(__file__).parents[4] / "shared"
PACKS = sorted((SHARED / "rules").glob("*.yml"))


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        parse_rules(text, "rules.yml")
    return str(told.value).splitlines()


def test_a_file_says_groups_and_rules() -> None:
    file = parse_rules(
        """
groups:
  - name: hosts
    interval: 30s
    query_offset: 1m
    limit: 5
    labels: {team: net, severity: info}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 1m30s
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is down"}
      - alert: Always
        expr: 1
""",
        "rules.yml",
    )
    group = file.groups[0]
    assert (group.key, group.interval_ms, group.query_offset_ms, group.limit) == ("rules.yml;hosts", 30_000, 60_000, 5)
    record, down, always = group.rules
    assert (record.is_alert, record.name, record.labels) == (
        False,
        "job:up:sum",
        (("severity", "info"), ("team", "net")),
    )
    assert (down.for_ms, down.keep_firing_for_ms, down.line) == (300_000, 90_000, 11)
    assert down.labels == (("severity", "page"), ("team", "net"))
    assert down.annotations == (("summary", "{{ $labels.instance }} is down"),)
    assert always.expr == "1"
    assert not file.warnings


def test_every_mistake_is_told_with_its_line() -> None:
    assert complaints(
        """groups:
  - name: a
    intervall: 30s
    rules:
      - alert: Down
        expr: up ==
        fro: 5m
        annotations:
          summary: "{{ $label.instance }}"
      - record: x
        alert: y
        expr: up
      - record: r
        expr: up
        for: 5m
      - record: s
        expr: up[5m]
        labels: {"__name__": c, "any name": d}
"""
    ) == [
        "rules.yml:3: groups[0].intervall: no such option. Did you mean 'interval'?",
        "rules.yml:6: groups[0].rules[0].expr: 1:6: parse error: unexpected end of input",
        "rules.yml:7: groups[0].rules[0].fro: no such option. Did you mean 'for'?",
        (
            "rules.yml:9: groups[0].rules[0].annotations.summary: template: line 1: undefined variable '$label'. "
            "Did you mean '$labels'?"
        ),
        "rules.yml:10: groups[0].rules[1]: must have either 'record' or 'alert', one of both",
        "rules.yml:13: groups[0].rules[2]: 'for' is for alerts alone, and this rule records",
        (
            "rules.yml:17: groups[0].rules[3].expr: must come to an instant vector or a scalar, "
            "and comes to a range vector"
        ),
        (
            "rules.yml:18: groups[0].rules[3].labels.__name__: must be a label's name: "
            "text of up to 256 bytes without control characters"
        ),
    ]


def test_two_groups_of_one_name_are_a_mistake_and_two_equal_rules_a_warning() -> None:
    twice = "groups: [{name: a, rules: []}, {name: a}]"
    assert complaints(twice) == ["rules.yml:1: group a is there more than once: give each a name of its own"]
    file = parse_rules("groups: [{name: a, rules: [{record: x, expr: up}, {record: x, expr: up}]}]", "rules.yml")
    assert [str(one) for one in file.warnings] == ["rules.yml:1: group a: x is there 2 times"]


@pytest.mark.parametrize("text", ["", "groups:", "groups: []", "{}"])
def test_a_file_without_rules_is_fine(text: str) -> None:
    assert parse_rules(text, "rules.yml").groups == []


def test_labels_are_as_written_and_what_is_left_blank_is_as_usual() -> None:
    text = """
groups:
- {name: 007, interval: , limit: , rules: }
- name: b
  interval: 0s
  limit: 5
  rules:
  - alert: A
    expr: 1
    for:
    keep_firing_for: '0'
    labels: {version: 1.50, code: 007, hex: 0x1F, big: 1e3, yes: True, none: }
    annotations:
"""
    first, second = parse_rules(text, "rules.yml").groups
    assert (first.name, first.interval_ms, first.limit, first.rules) == ("007", None, 0, ())
    assert (second.interval_ms, second.limit) == (None, 5)
    [rule] = second.rules
    assert dict(rule.labels) == {
        "version": "1.50",
        "code": "007",
        "hex": "0x1F",
        "big": "1e3",
        "yes": "True",
        "none": "",
    }
    assert (rule.expr, rule.for_ms, rule.annotations) == ("1", 0, ())


@pytest.mark.skipif(not PACKS, reason=f"needs rule packs in {SHARED / 'rules'}")
@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_a_pack_of_the_community_loads_unchanged(path: Path) -> None:
    text = path.read_text()
    file = parse_rules(text, path.name)
    rules = [rule for group in file.groups for rule in group.rules]
    assert len(rules) == text.count("- alert:")
    lines = text.splitlines()
    assert all(rule.name in lines[rule.line - 1] for rule in rules)
