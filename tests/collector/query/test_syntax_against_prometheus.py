"""Thousands of random texts are taken, formatted and refused as by Prometheus, whole and damaged ones."""

import http.client
import json
import os
import re
import urllib.parse
from collections.abc import Iterator

import pytest

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import pretty
from tests.support.random_texts import Texts
from tests.support.servers import prometheus

COUNT = int(os.environ.get("NETMON_RANDOM_QUERIES", "250"))

NEWER = re.compile(
    r"""
      missing\ unit|unexpected\ (number|duration)\ .*|bad\ (number|duration).*  # seconds are lengths of time
    | error\ parsing\ number: .*                        # an exponent without digits, at the end
    | not\ a\ valid\ duration                           # of what is no number, in brackets
    | duration\ must\ be\ greater\ than\ 0              # as an offset
    | unexpected\ (string|metric\ identifier)\ .*       # any text is a label, or a name in braces
    | unexpected\ "\("                                  # start() and end() are functions
    | unexpected\ <op:[-+]>                             # lengths of time are computed
    | unexpected\ "\("\ in\ offset
    | unexpected\ colon                                 # told of any character
    | in\ subquery\ selector                            # more may be expected there
    | error\ parsing\ regexp.*                          # tells how the expression is wrapped
    """,
    re.VERBOSE,
)
"""What Prometheus 2.42 refuses, and 3.x takes or words otherwise."""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[http.client.HTTPConnection]:
    server = prometheus(tmp_path_factory.mktemp("peer") / "prometheus")
    server.start()
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    yield connection
    connection.close()
    server.kill()


def test_random_texts_are_read_as_by_prometheus(connection: http.client.HTTPConnection) -> None:
    texts = [Texts(seed).whole() if seed % 2 else Texts(seed).damaged() for seed in range(8 * COUNT)]
    different, formatted, refused = [], 0, 0
    for text in filter(None, texts):
        is_well, theirs = _asked(connection, text)
        if not is_well and NEWER.search(theirs):
            continue
        try:
            ours = pretty(parse(text))
            formatted += 1
        except QueryError as error:
            ours = error.message
            refused += 1
        modern = _modern(theirs)
        is_as_wide = modern == theirs and "ignoring () group_" not in ours
        if ours != modern and (is_as_wide or _folded(ours) != _folded(modern)):
            different.append(f"{text!r}:\n  there {theirs}\n  here  {ours}")
    assert not different, f"{len(different)} of {len(texts)}:\n" + "\n".join(different[:10])
    assert formatted > 0.3 * len(texts)
    assert refused > 0.3 * len(texts)


def _asked(connection: http.client.HTTPConnection, text: str) -> tuple[bool, str]:
    """Whether Prometheus takes a text, and how it formats it, or why it does not."""
    form = urllib.parse.urlencode({"query": text})
    connection.request("POST", "/api/v1/format_query", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = json.load(connection.getresponse())
    is_well = answer["status"] == "success"
    return is_well, answer["data"] if is_well else answer["error"].removeprefix('invalid parameter "query": ')


def _modern(text: str) -> str:
    """As version 3 puts it: labels stand apart from on and the like, and what may follow `offset` is told."""
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\(", r"\1 (", text).replace("<aggr>", "")
    text = text.replace('"<Item 57385>" ', "")
    return text.replace("offset, expected duration", "offset, expected number, duration, step(), or range()")


def _folded(text: str) -> str:
    """On one line: where lines break depends on those spaces. Without labels, version 2 forgets the whole grouping."""
    text = re.sub(r"\s+", "", text)
    return re.sub(r"ignoring\(\)group_(left|right)\([^)]*\)", "", text)
