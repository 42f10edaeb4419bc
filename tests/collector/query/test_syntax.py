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
        ("", "unknown position: parse error: no expression found in input"),
        (" # nothing", "1:1: parse error: no expression found in input"),
        ("up +", "1:5: parse error: unexpected end of input"),
        ("up\n  down", '2:3: parse error: unexpected identifier "down"'),
        ("up + # é\né", "2:1: parse error: unexpected character: 'é'"),
        ('up{a="é"} down', '1:12: parse error: unexpected identifier "down"'),
        ("a:b a:b", '1:5: parse error: unexpected metric identifier "a:b"'),
        ('up "a long text"', '1:4: parse error: unexpected string "\\"a long te"...'),
        ("sum(up", "1:7: parse error: unclosed left parenthesis"),
        ("up)", "1:4: parse error: unexpected right parenthesis ')'"),
        ("up\f", "1:3: parse error: unexpected character: '\\f'"),
        ("up\u00a0", "1:3: parse error: unexpected character: '\\u00a0'"),
        # aggregations
        ("sum(up down)", '1:8: parse error: unexpected identifier "down" in aggregation'),
        ("sum by (a) up", '1:12: parse error: unexpected identifier "up" in aggregation'),
        ("sum by a (up)", '1:8: parse error: unexpected identifier "a" in grouping opts, expected "("'),
        ("sum by (5m) (up)", '1:9: parse error: unexpected duration "5m" in grouping opts, expected label'),
        ("sum by (a b) (up)", '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"'),
        ('sum by ("") (up)', '1:9: parse error: invalid label name for grouping: ""'),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "topk(up)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ('topk("a", up)', "1:6: parse error: expected type scalar in aggregation parameter, got string"),
        # selectors
        ("up{a=1}", "1:6: parse error: unexpected character inside braces: '1'"),
        ("up{a=b}", '1:6: parse error: unexpected identifier "b" in label matching, expected string'),
        ("up{a}", '1:5: parse error: unexpected "}" in label matching, expected label matching operator'),
        ('{a="b" sum}', '1:8: parse error: unexpected identifier "sum" in label matching, expected "," or "}"'),
        ('{a="b",,}', '1:8: parse error: unexpected "," in label matching, expected identifier or "}"'),
        ('up{a="b"', "1:9: parse error: unexpected end of input inside braces"),
        ("up{{", "1:4: parse error: unexpected left brace '{'"),
        ("up{a!", "1:5: parse error: unexpected character after '!' inside braces: '\ufffd'"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('{a=~".*"}', "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('up{a=~"("}', "1:4: parse error: error parsing regexp: missing closing ): `(`"),
        ('up{a=~"*"}', "1:4: parse error: error parsing regexp: missing argument to repetition operator: `*`"),
        ('up{__name__!="x"}', '1:1: parse error: metric name must not be set twice: "up" or "x"'),
        ('up{"down"}', '1:1: parse error: metric name must not be set twice: "up" or "down"'),
        # calls
        ("rate(up)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'),
        ("abs()", '1:1: parse error: expected 1 argument(s) in call to "abs", got 0'),
        ("clamp(up)", '1:1: parse error: expected 3 argument(s) in call to "clamp", got 1'),
        ("round(up, 1, 2)", '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3'),
        ("label_join(up)", '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1'),
        ("nosuch(up) down", '1:1: parse error: unknown function with name "nosuch"'),
        ("abs(up,)", "1:7: parse error: trailing commas not allowed in function call args"),
        ("abs(,up)", '1:5: parse error: unexpected ","'),
        ("info(up, up)", "1:10: parse error: expected label selectors only, got vector selector instead"),
        # operators
        ("on", "1:1: parse error: unexpected <on>"),
        ("up + Group_Left", "1:6: parse error: unexpected <Group_Left>"),
        ("up and bool up", "1:4: parse error: bool modifier can only be used on comparison operators"),
        ("1 >  2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("1 # one\n> 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("up + on (a) group_left * up", '1:24: parse error: unexpected <op:*> in grouping opts, expected "("'),
        ("up and on (a) group_left up", '1:1: parse error: no grouping allowed for "and" operation'),
        ("1 + on (a) up", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("up or 1", '1:1: parse error: set operator "or" not allowed in binary scalar expression'),
        ("up + up[5m]", "1:6: parse error: binary expression must contain only scalar and instant vector types"),
        (
            '-"a"',
            (
                "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, "
                'got "string"'
            ),
        ),
        ("up fill (1)", "1:4: parse error: unexpected <fill>"),
        ("up ~ down", "1:4: parse error: unexpected character: '~'"),
        ("up =~ down", "1:4: parse error: unexpected character after '=': '~'"),
        # lengths of time
        ("up[5m", "1:6: parse error: unclosed left bracket"),
        ("up[", "1:4: parse error: unexpected end of input in duration expression"),
        ("up[a]", "1:4: parse error: unexpected character in duration expression: 'a'"),
        ("up[5m a]", "1:7: parse error: unexpected character: 'a', expected ':'"),
        ("up[5m 3]", '1:7: parse error: unexpected number "3" in subquery or range, expected ":" or "]"'),
        ("up[5m:1m 3]", '1:10: parse error: unexpected number "3" in subquery selector, expected "]"'),
        ("up[5m:1m:]", "1:9: parse error: unexpected colon ':'"),
        ("up]", "1:3: parse error: unexpected right bracket ']'"),
        ("up[0]", "1:4: parse error: duration must be greater than 0"),
        ("up[5m/0]", "1:6: parse error: division by zero"),
        ("up[5mm]", '1:4: parse error: bad number or duration syntax: "5mm"'),
        ("up[5m5h]", '1:4: parse error: not a valid duration string: "5m5h"'),
        ("up[1.5h]", '1:4: parse error: unknown unit "." in duration "1.5h"'),
        ("up[999999y]", "1:4: parse error: duration out of range"),
        ("abs(up)[5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("up offset 1m [5m]", "1:14: parse error: no offset modifiers allowed before range"),
        ("up @ 1 [5m]", "1:8: parse error: no @ modifiers allowed before range"),
        ("1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
        ("up offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        (
            "up offset down",
            (
                '1:11: parse error: unexpected identifier "down" in offset, '
                "expected number, duration, step(), or range()"
            ),
        ),
        ("up @ down", '1:6: parse error: unexpected identifier "down" in @, expected timestamp'),
        ("up @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("up @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("up smoothed anchored", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
        # numbers and strings
        ("1e", '1:1: parse error: bad number or duration syntax: "1e"'),
        ("1__0", '1:1: parse error: bad number or duration syntax: "1__"'),
        ("1.2.3", '1:1: parse error: bad number or duration syntax: "1.2."'),
        ("1e999", '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e999": value out of range'),
        ('up{a="b}', "1:6: parse error: unterminated quoted string"),
        ("up{a=`b}", "1:6: parse error: unterminated raw string"),
        (r'up{a="\q"}', "1:6: parse error: unknown escape sequence U+0071 'q'"),
        (r'up{a="\xg"}', "1:6: parse error: illegal character U+0067 'g' in escape sequence"),
        (r'"\400"', "1:1: parse error: escape sequence is an invalid Unicode code point"),
        (r'"\ud800"', "1:1: parse error: escape sequence is an invalid Unicode code point"),
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
    [
        ("1_000", 1000),
        ("0x1F", 31),
        (".5e3", 500),
        ("1h30m", 5400),
        ("-Inf", float("-inf")),
        ("1y1w1d1s", 32227201),
        ("017", 15),
        ("09", 9),
    ],
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
    assert (node.name, node.metric) == ("", "my.metric")
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
    node = parse("up offset 0s offset 5m @ 0.0005")
    assert isinstance(node, Selector)
    assert node.shift.at == 1
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
        ("1" * 100_000 + "m", "not a valid duration string"),
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
