"""What rules read and write decides when one waits for another, and what comes to nothing without data."""

import pytest

from netmon_collector.query.syntax.parser import parse
from netmon_collector.rules.model import Rule
from netmon_collector.rules.reading import ANY, is_hungry, names_read, waits


def record(name: str, expr: str) -> Rule:
    return Rule(name, expr, is_alert=False)


def test_a_rule_waits_for_what_those_before_it_write_and_for_nothing_else() -> None:
    rules = [
        record("a", "up"),
        record("b", "up + 1"),
        record("c", "a * 2"),
        record("d", "b"),
        record("e", '{job="x"}'),
        Rule("Alert", "up == 0", is_alert=True),
        record("f", "count(ALERTS)"),
        Rule("Other", "up", is_alert=True, annotations=(("summary", '{{ query "a" }}'),)),
    ]
    assert waits(rules) == [False, False, True, False, True, False, True, True]


def test_what_an_expression_reads_is_known_by_name() -> None:
    assert names_read("rate(a[5m]) + on (x) sum(b offset 5m) or max_over_time(c[1h:5m])") == {"a", "b", "c"}
    assert ANY in names_read('{__name__=~"a.*"}')


@pytest.mark.parametrize(
    ("expr", "hungry"),
    [
        ("up", True), ("up == 0", True), ("sum(rate(a[5m])) > 1", True), ("a and vector(1)", True),
        ("a or b", True), ("a or vector(1)", False), ("vector(1) unless a", False), ("absent(up)", False),
        ("time() > bool 5", False), ("1", False), ("count(a) or absent(b)", False), ("a * scalar(b)", True),
        ("-(a)", True), ("avg_over_time(absent(a)[1h:5m])", False), ("clamp_max(a, 1)", True),
    ],
)  # fmt: skip
def test_what_comes_to_nothing_without_data_is_known(expr: str, hungry: bool) -> None:
    assert is_hungry(parse(expr)) is hungry
