"""Matchers, by Alertmanager's grammar."""

import shutil
import subprocess
from pathlib import Path

import pytest

from netmon_collector.alerts.matching import Matcher, NoMatcher, matches_all, parse_matchers, written

HOST = {"alertname": "Down", "instance": "web1", "odd": 'a"b\\c\nd'}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('alertname="Down"', True),
        ("alertname=Down", True),
        (" alertname = Down ", True),
        ('alertname!="Down"', False),
        ('instance=~"web."', True),
        ('instance=~"web"', False),
        ('instance=~"(?i)WEB1"', True),
        ('instance!~"db.*"', True),
        ('absent=""', True),
        ('absent!=""', False),
        ('absent=~".*"', True),
        ('{alertname="Down",instance="web1"}', True),
        ('{alertname="Down",instance="web2"}', False),
        ('alertname="Down",instance="web1",', True),
        (r'odd="a\"b\\c\nd"', True),
        ('"instance"="web1"', True),
        (r'instance=~"web\d"', True),
        ("{}", True),
        ('instance=~"web1|a,b"', True),
    ],
)
def test_a_text_matches_as_it_says(text: str, holds: bool) -> None:
    assert matches_all(parse_matchers(text), HOST) is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("alertname", "is no matcher"),
        ("=x", "is no matcher"),
        ('""="x"', "names no label"),
        ('a="x', "without its other one"),
        ('{a="x"', "brace without its other one"),
        ('a="x"}', "brace without its other one"),
        ('a=x"y', "quote in its value"),
        ('a="x\\"', "ends with a backslash"),
        ('a=~"("', "is no regular expression"),
        (f'a=~"{"x" * 1001}"', "may have 1000 characters"),
        (",", "is no matcher"),
    ],
)
def test_what_is_no_matcher_says_why(text: str, why: str) -> None:
    with pytest.raises(NoMatcher, match=why):
        parse_matchers(text)


def test_what_is_written_can_be_read_again() -> None:
    matchers = (Matcher("a", "=", 'x"y\\z\n'), Matcher("b", "!~", r"web\d+|,"), Matcher('h"o}.\\, ü', "=", "c"))
    assert parse_matchers(written(matchers)) == matchers


@pytest.mark.skipif(shutil.which("amtool") is None, reason="needs amtool (Debian's prometheus-alertmanager)")
@pytest.mark.parametrize("text", ['a="b"', "a=b", 'a=~"b.*"', 'a!="b"', 'a!~"x"', "a", "=b", 'a="b', 'a=~"("'])
def test_amtool_takes_and_refuses_the_same(text: str, tmp_path: Path) -> None:
    config = tmp_path / "am.yml"
    quoted = text.replace("'", "''")
    route = f"route: {{receiver: x, routes: [{{matchers: ['{quoted}']}}]}}"
    config.write_text(f"{route}\nreceivers: [{{name: x}}]\n", encoding="utf-8")
    theirs = subprocess.run(["amtool", "check-config", config], capture_output=True, timeout=20, check=False)
    try:
        parse_matchers(text)
    except NoMatcher:
        ours = False
    else:
        ours = True
    assert ours == (theirs.returncode == 0)
