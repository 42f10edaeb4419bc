"""Labels and matchers on their way to a server: whatever they hold, they find and come back as themselves."""

import random
from pathlib import Path

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.match import Matching
from netmon_collector.store.outside.influxdb import asked
from netmon_collector.store.outside.text import Alphabet, can_be_asked
from netmon_collector.store.outside.victoriametrics import selector
from netmon_proto.model import NAME, Kind
from tests.collector.store.outside_lab import opened
from tests.collector.store.samples import batch, held, row, series
from tests.support import servers

ALPHABET = Alphabet("\n\\", reserved=("time",))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Co"]))


@given(st.dictionaries(TEXT.filter(bool) | st.just("time"), TEXT.filter(bool)))
def test_any_label_comes_back_as_it_was(labels: dict[str, str]) -> None:
    said = {ALPHABET.say_name(name): ALPHABET.say(value) for name, value in labels.items()}
    assert "time" not in said
    assert not any(one in text for pair in said.items() for text in pair for one in "\n\\")
    assert dict(ALPHABET.hear(said)) == labels


ASKED = [
    "web.*",
    "10[.]0[.]0[.]1|x",
    r"10\.0\.\d+",
    "(?i)Web",
    "(?:a|b)+",
    "[a-z0-9_-]+",
    "Zürich",
    ".{3}",
    r"\w+",
    "a|",
]
NOT_ASKED = [
    r"\s",
    r"\\",
    r"[^a]",
    r"\W",
    "[A-z]",
    r"\x0a",
    r"\pL",
    "(?s:.)",
    "(?P<n>a)",
    "[[:space:]]",
    "a\n",
    "\uf00a",
]


@given(st.sampled_from(ASKED), st.text("ab1.\n\\ Zü_-", max_size=5))
def test_a_regex_that_is_asked_judges_moved_characters_like_the_true_ones(regex: str, value: str) -> None:
    assert can_be_asked(Matcher("a", MatchOp.REGEX, regex))
    options = re2.Options()
    options.dot_nl = True
    ours = re2.compile(regex, options).fullmatch(value)
    theirs = re2.compile(regex).fullmatch(ALPHABET.say(value))
    assert (ours is None) == (theirs is None)


@pytest.mark.parametrize("regex", NOT_ASKED)
def test_a_regex_that_could_tell_the_difference_is_not_asked(regex: str) -> None:
    assert not can_be_asked(Matcher("a", MatchOp.REGEX, regex))
    assert selector([Matcher("a", MatchOp.NOT_REGEX, regex)]) == '{__name__!=""}'
    assert asked([Matcher("a", MatchOp.REGEX, regex)]) == ("/.*/", [])


def test_hostile_values_stay_values() -> None:
    hostile = 'x"} or {a="\\\n'
    assert selector([Matcher("a", MatchOp.EQUAL, hostile)]) == ('{a="x\\"} or {a=\\"\\\\\uf00a",__name__!=""}')
    for name in ('a="",b', "", "1a", "a\n"):
        assert selector([Matcher(name, MatchOp.EQUAL, "x")]) == '{__name__!=""}'
    quote = "x' OR 'a' = 'a\\"
    assert asked([Matcher("a", MatchOp.EQUAL, quote)]) == ("/.*/", [r""""a" = 'x\' OR \'a\' = \'a""" + "\uf05c'"])
    assert asked([Matcher(NAME, MatchOp.EQUAL, 'x"; DROP')]) == (r'"x\"; DROP"', [])
    assert asked([Matcher(NAME, MatchOp.REGEX, "a/b")]) == (r"/^(?:a\/b)$/", [])
    assert asked([Matcher("a", MatchOp.REGEX, "x|"), Matcher("b", MatchOp.EQUAL, "")]) == ("/.*/", [])


VALUES = ["", "a", "b", "ab", "a b", "a,b", "a=b", 'a"b', "a'b", "a\\b", "a\\", "a\nb", "a/b", "Ä", "A", "{a}", " "]
REGEXES = ["a.*", "a|", ".+", "[ab]+", r"a\\b", r"a\nb", "a[^b]b", "a/b", "(?i)a", r"a\sb", ".{3}", r"\{a\}", "m.*"]


@pytest.mark.parametrize("kind", ["victoriametrics", "influxdb"])
async def test_real_servers_find_what_our_own_matching_finds(kind: str, tmp_path: Path) -> None:
    running = (servers.influxdb if kind == "influxdb" else servers.victoria_metrics)(tmp_path / "server")
    running.start()
    everyone = [series(name, x=x, y=y) for name in ("m", "m/n", 'm"') for x in VALUES for y in ("", "a", "b\\")]
    dice = random.Random(1)
    try:
        async with opened(f"{kind}:{running.url}", tmp_path) as store:
            group = store.register(everyone, [Kind.GAUGE] * len(everyone))
            await store.append([row(group, 1, *[1.0] * len(everyone))], batch(1))
            assert await store.delivered()
            running.flush()
            for _ in range(150):
                matchers = [
                    Matcher(
                        dice.choice([NAME, "x", "y", "none"]), op, dice.choice(VALUES if "~" not in op else REGEXES)
                    )
                    for op in dice.choices(list(MatchOp), k=dice.choice([1, 2]))
                ]
                matching = Matching(matchers)
                expected = {tuple(pair for pair in one if pair[1]) for one in everyone if matching.accepts(one)}
                assert set(await store.series(matchers)) == expected, matchers
                assert {labels for labels, _ in await held(store, *matchers)} == expected, matchers
    finally:
        running.kill()
