"""The parser: what it understands, how it words mistakes, and that no text harms it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.syntax.nodes import Binary, Negation, Number, Selector, String, Subquery
from netmon_collector.query.syntax.parser import parse
from netmon_collector.store.base import Matcher, MatchOp

WORDS = st.sampled_from(
    "sum rate by without on ignoring group_left bool offset @ start end ( ) { } [ ] , : + - * / ^ == =~ != > and or "
    'x up 5m 1h30m 3 1e9 .5 "a" \'b\' `c` # \n inf nan topk step limitk fill = ! \\ " é'.split(" ")
)


def message(text: str) -> str:
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert raised.value.kind is ErrorKind.BAD_DATA
    return raised.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1:1: parse error: no expression found in input"),
        ("up +", "1:5: parse error: unexpected end of input in expression"),
        ("up\n  down", '2:3: parse error: unexpected identifier "down" in expression'),
        ("sum(up", '1:7: parse error: unexpected end of input in aggregation, expected ","'),
        ("up[5m", '1:6: parse error: unexpected end of input in matrix selector, expected "]"'),
        ("up{a=1}", "1:6: parse error: unexpected number \"1\" in label matching, expected string"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('{a=~".*"}', "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('up{a=~"("}', '1:4: parse error: bad regular expression in a=~"(": missing ): ('),
        ("rate(up)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'),
        ("abs()", '1:1: parse error: expected 1 argument(s) in call to "abs", got 0'),
        ("nosuch(up)", '1:1: parse error: unknown function with name "nosuch"'),
        ("up and bool up", "1:4: parse error: bool modifier can only be used on comparison operators"),
        ("1 >  2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("up and on (a) group_left up", '1:1: parse error: no grouping allowed for "and" operation'),
        ('up{__name__!="x"}', '1:1: parse error: metric name must not be set twice: "up" or "x"'),
        ('up{"down"}', '1:1: parse error: metric name must not be set twice: "up" or "down"'),
        ("on", '1:1: parse error: unexpected identifier "on" in expression'),
        ("up + Group_Left", '1:6: parse error: unexpected identifier "Group_Left" in expression'),
        ("1 + on (a) up", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("up smoothed anchored", "1:1: parse error: anchored and smoothed may be set once, and not both"),
        ("up offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        ("abs(up)[5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        (
            "topk(up)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        ("up[5mm]", '1:4: parse error: bad number or duration syntax: "5mm"'),
        ("up[999999y]", "1:4: parse error: duration out of range"),
        ("up ~ down", "1:4: parse error: unexpected character: '~'"),
        ('up{a="b}', "1:6: parse error: unterminated quoted string"),
        (r'up{a="\q"}', "1:7: parse error: unknown escape sequence in a string"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, words: str) -> None:
    assert message(text) == words


def test_operators_bind_as_in_prometheus() -> None:
    root = parse("-a ^ b * c + d == e and f or g")
    operators = []
    while isinstance(root, Binary):
        operators.append(root.op)
        root = root.left
    assert operators == ["or", "and", "==", "+", "*"]
    assert isinstance(root, Negation)
    assert isinstance(root.inner, Binary)
    assert root.inner.op == "^"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1_000", 1000), ("0x1F", 31), (".5e3", 500), ("1h30m", 5400), ("-Inf", float("-inf")), ("1y1w1d1s", 32227201)],
)
def test_a_number_may_be_written_in_many_ways(text: str, value: float) -> None:
    node = parse(text)
    assert isinstance(node, Number)
    assert node.value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [('"a\\tb"', "a\tb"), ("'it\\'s'", "it's"), ("`a\\n`", "a\\n"), ('"\\u00fc\\xc3\\xbc\\374"', "üü\udcfc")],
)
def test_a_string_has_the_escapes_of_go(text: str, value: str) -> None:
    node = parse(text)
    assert isinstance(node, String)
    assert node.value == value


def test_a_name_may_stand_in_quotes_among_the_conditions() -> None:
    node = parse('{"my.metric", "my label"!~"x"}')
    assert isinstance(node, Selector)
    assert node.metric == "my.metric"
    assert Matcher("my label", MatchOp.NOT_REGEX, "x") in node.matchers


def test_keywords_may_be_names_of_metrics() -> None:
    for name in ("sum", "by", "offset", "start", "and_", "step", "or", "fill"):
        node = parse(name)
        assert isinstance(node, Selector)
        assert node.name == name


def test_shifts_come_in_any_order() -> None:
    for text in ("up[1h:] @ 5.5 offset -5m", "up[1h:] offset -5m @ 5.5"):
        node = parse(text)
        assert isinstance(node, Subquery)
        assert node.shift.at == 5500
        assert isinstance(node.shift.offset, Number)
        assert node.shift.offset.value == -300
    node = parse("up @ -1.5")
    assert isinstance(node, Selector)
    assert node.shift.at == -1500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(" * 15_000 + "x", "nested deeper than 100 levels"),
        ("-" * 50_000 + "x", "more than 20000 words"),
        ("-" * 15_000 + "x", "nested deeper than 100 levels"),
        ("x" + "+x" * 5_000, "more than 200 operators in a chain"),
        ("sum(" * 101 + "x" + ")" * 101, "nested deeper than 100 levels"),
        ("x{" + 'a="b",' * 10_000 + "}", "more than 20000 words"),
        ("x" * 300_000, "longer than 262144 bytes"),
        ("x\ud800", "valid Unicode"),
        ("1" * 100_000 + "m", "duration out of range"),
    ],
    ids=lambda text: text[:12],
)
def test_a_text_that_is_too_much_is_refused(text: str, words: str) -> None:
    assert words in message(text)


def test_a_chain_of_two_hundred_operators_is_fine() -> None:
    assert isinstance(parse("x" + " + x" * 199), Binary)


@given(st.lists(WORDS, max_size=30).map(" ".join) | st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=60))
def test_any_text_is_an_expression_or_a_mistake_that_is_told(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        told = error
    else:
        return
    assert told.kind is ErrorKind.BAD_DATA
    assert told.message
