"""A selector becomes matchers, or a message that says what is allowed."""

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netmon_collector.query.selector import parse_selector
from netmon_collector.store.base import Matcher, MatchOp

NAMED_UP = Matcher("__name__", MatchOp.EQUAL, "up")


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("up", [NAMED_UP]),
        ("  up {} # with a comment", [NAMED_UP]),
        ('up{a="1",b!="2",c=~"3|4",d!~"5.*",}', [
            NAMED_UP,
            Matcher("a", MatchOp.EQUAL, "1"),
            Matcher("b", MatchOp.NOT_EQUAL, "2"),
            Matcher("c", MatchOp.REGEX, "3|4"),
            Matcher("d", MatchOp.NOT_REGEX, "5.*"),
        ]),
        ('{__name__=~"node_.+"}', [Matcher("__name__", MatchOp.REGEX, "node_.+")]),
        (r"""up{a='it\'s',b=`raw\n`,c="ü\n\"{[("}""", [
            NAMED_UP,
            Matcher("a", MatchOp.EQUAL, "it's"),
            Matcher("b", MatchOp.EQUAL, r"raw\n"),
            Matcher("c", MatchOp.EQUAL, 'ü\n"{[('),
        ]),
        (r'up{a=~"x{1,3}\\.lan"}', [NAMED_UP, Matcher("a", MatchOp.REGEX, r"x{1,3}\.lan")]),
    ],
)  # fmt: skip
def test_a_plain_selector_becomes_matchers(text: str, matchers: list[Matcher]) -> None:
    assert parse_selector(text) == matchers


@pytest.mark.parametrize(
    "text", ["up[5m]", "rate(up[5m])", "up + up", "-up", "(up)", "1", '"up"', "sum(up)", "up[5m:1m]", "up > 1"]
)
def test_other_promql_is_told_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"^only plain selectors such as node_load1\{instance="):
        parse_selector(text)


@pytest.mark.parametrize("text", ["up offset 5m", "up @ 1700000000", "up @ end()", 'up{a="1" or b="2"}'])
def test_modifiers_are_told_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"without offset, @ and or$"):
        parse_selector(text)


@pytest.mark.parametrize("text", ["{}", '{a=""}', '{a!="b"}', '{a=~".*"}', '{a=~"x|"}', '{a!~"x"}'])
def test_a_selector_of_everything_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"non-empty|empty text|must contain"):
        parse_selector(text)


@pytest.mark.parametrize(
    "text", ["", "up{", "up{a}", 'up{a="1"', 'up{__name__="down"}', "💥", 'up{a=~"("}', "up\ud800"]
)
def test_what_is_no_selector_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse_selector(text)


def test_a_long_selector_is_refused() -> None:
    assert parse_selector("u" * (16 << 10))
    with pytest.raises(ValueError, match="at most 16384 bytes"):
        parse_selector("ü" * (8 << 10) + "x")


TOO_DEEP = ["-" * 16000 + "up", "up" + "+up" * 5000, "(" * 8000 + "up" + ")" * 8000, "up{" + 'a="",' * 3000 + "}"]


@pytest.mark.parametrize("text", TOO_DEEP, ids=["minus", "plus", "parentheses", "matchers"])
def test_deep_nesting_is_refused_before_the_parser_sees_it(text: str) -> None:
    # In a process of its own: what this guards against ends the process.
    script = "import sys\nfrom netmon_collector.query.selector import parse_selector\nparse_selector(sys.stdin.read())"
    done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "ValueError: has too many parts; only plain selectors" in done.stderr


@given(st.one_of(st.text(), st.text("up{}=~!\"',()[]:@-+`\\# \n5m")))
@example('up{a="\\')
@example('up{"a\x00"="b"}')
def test_any_text_is_a_selector_or_a_value_error(text: str) -> None:
    try:
        matchers = parse_selector(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - most random texts do not parse
    else:
        assert matchers
