"""Matchers, and the index that finds series by them."""

import random

import numpy as np
import pytest

from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.match import Matching
from netmon_proto.model import Labels
from tests.collector.store.samples import series


def accepts(op: str, value: str, labels: Labels) -> bool:
    return Matching([Matcher("x", MatchOp(op), value)]).accepts(labels)


def test_a_missing_label_counts_as_the_empty_text() -> None:
    bare = series("up")
    assert accepts("=", "", bare)
    assert accepts("!=", "a", bare)
    assert accepts("=~", "a*", bare)
    assert accepts("!~", "a+", bare)
    assert not accepts("=~", ".+", bare)


def test_a_regular_expression_matches_the_whole_value() -> None:
    assert not accepts("=~", "b", series("up", x="abc"))
    assert accepts("=~", "a|abc", series("up", x="abc"))
    assert not accepts("=~", "a|b", series("up", x="ab"))
    assert accepts("=~", "a.c", series("up", x="a\nc"))
    assert accepts("=~", "(?i)ÄB.", series("up", x="äb🌍"))


def test_without_matchers_every_series_is_accepted() -> None:
    assert Matching([]).accepts(series("up"))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", r"missing \)"),
        ("(?=a)", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("((a{99}){99}){9}", "invalid repetition size"),
        (r"\pL{900}", "too large"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_what_is_no_regular_expression_is_told_with_its_matcher(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"bad regular expression in job!~\"(?s:.*)\": .*{reason}"):
        Matching([Matcher("job", MatchOp.NOT_REGEX, pattern)])


def test_a_hostile_expression_takes_no_time() -> None:
    matching = Matching([Matcher("x", MatchOp.REGEX, "(a*)*(a|aa)*b")])
    assert not matching.accepts(series("up", x="a" * 4000))


def test_the_index_finds_what_the_matchers_accept() -> None:
    dice = random.Random(3)
    everyone = list(
        {
            series(dice.choice("mn"), **{label: dice.choice("abc") for label in "xyz" if dice.random() < 0.6})
            for _ in range(200)
        }
    )
    index = LabelIndex()
    index.mark(index.add(everyone))
    for _ in range(300):
        matchers = [
            Matcher(
                dice.choice("xyzq"), dice.choice(list(MatchOp)), dice.choice(["", "a", "b", "a|b", ".*", ".+", "q"])
            )
            for _ in range(dice.randrange(4))
        ]
        matching = Matching(matchers)
        found = index.labels(index.match(matching))
        assert len(found) == len(set(found))
        assert set(found) == {labels for labels in everyone if matching.accepts(labels)}


def test_the_index_finds_only_series_with_samples() -> None:
    index = LabelIndex()
    numbers = index.add([series(f"m{n}") for n in range(3000)])
    index.mark(numbers[[5, 2999]])
    assert index.match(Matching([])).tolist() == [5, 2999]
    index.mark_only([numbers[[7]], np.empty(0, np.int64)])
    assert index.match(Matching([])).tolist() == [7]
    assert index.present() == 1


def test_an_expression_that_was_tried_before_is_tried_on_new_values_too() -> None:
    index = LabelIndex()

    def found(op: MatchOp, expression: str) -> list[str]:
        numbers = index.match(Matching([Matcher("host", op, expression)]), gone=True)
        return [dict(labels)["host"] for labels in index.labels(numbers.tolist())]

    for turn in range(3):
        index.add([(("__name__", "up"), ("host", f"{kind}{turn}")) for kind in ("web", "db")])
        assert found(MatchOp.REGEX, "web.*") == [f"web{n}" for n in range(turn + 1)]
        assert found(MatchOp.NOT_REGEX, "web.*") == [f"db{n}" for n in range(turn + 1)]
        assert found(MatchOp.NOT_EQUAL, "db0") == found(MatchOp.REGEX, "web.*|db[1-9]")
