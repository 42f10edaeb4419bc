"""Expressions over the API, as a real Prometheus answers them."""

import math
from typing import Any

import aiohttp
import pytest

from tests.api.prometheus.peers import Pairs, Peers, Reply, modern

pytestmark = pytest.mark.asyncio(loop_scope="session")

INSTANT = [
    "1 + 1",
    "1e21",
    "-1e-7",
    "1 / 0",
    "-(1 / 0)",
    "0 / 0",
    "1e6 + 0.5",
    '"a \\"text\\" <&> ü"',
    "vector(1e21)",
    "vector(1e20)",
    "vector(5e-7)",
    "vector(-0.000001)",
    "odd",
    "odd[3m]",
    "odd[1m] offset 30m",
    "nothing",
    "up",
    "text",
    "node_load1",
    "node_load1[100s]",
    "rate(node_cpu_seconds_total[5m])",
    "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
    "sum without (cpu, mode) (increase(node_cpu_seconds_total[17m]))",
    "topk(3, node_load1)",
    "sort_desc(node_load1)",
    "quantile(0.3, node_load1)",
    'count_values("load", round(node_load1))',
    "histogram_quantile(0.9, rate(http_seconds_bucket[10m]))",
    "max_over_time(node_load1[10m:1m])",
    'absent(nothing{a="b"})',
    'label_replace(up, "host", "$1", "instance", "web(.*)")',
    "node_load1 > bool 1",
    "node_load1 and on (instance) up",
    "up * on (instance) group_right (job) node_load1",
    'scalar(up{instance="web0"})',
    "node_load1 @ end()",
    "timestamp(node_load1)",
    "time()",
    r'"\xff é \xc3"',
    r'label_replace(vector(1), "x", "\xffa\xc3\xa9", "", "")',
]
RANGES = [
    "up",
    "node_load1",
    "odd",
    "sum(rate(node_cpu_seconds_total[5m]))",
    'rate(node_cpu_seconds_total{mode!="idle"}[2m]) > 0.5',
    "avg by (job) (node_load1)",
    "time()",
    "vector(1)",
    "1",
    "nothing",
    "deriv(node_load1[7m])",
    "histogram_quantile(0.5, sum by (le) (rate(http_seconds_bucket[5m])))",
    'min_over_time(node_load1{instance="web1"}[3m])',
]
WRONG_TIMES: list[tuple[str, Pairs]] = [
    ("/api/v1/query", [("query", "up"), ("time", "yesterday")]),
    ("/api/v1/query", [("query", "up"), ("time", "2026-01-01T00:00:00")]),
    ("/api/v1/query", [("query", "up"), ("timeout", "soon")]),
    ("/api/v1/query_range", [("query", "up")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "x"), ("end", "2"), ("step", "1")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", ""), ("step", "1")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2"), ("step", "a")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2"), ("step", "0")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2"), ("step", "-1m")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2"), ("step", "-1")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2"), ("step", "1e30")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "3"), ("end", "2"), ("step", "1")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "0"), ("end", "11001"), ("step", "1")]),
    ("/api/v1/query_range", [("query", "up"), ("start", "1"), ("end", "2"), ("step", "1"), ("timeout", "x")]),
    ("/api/v1/query", [("query", "up"), ("time", "1e400")]),
    ("/api/v1/query_exemplars", [("query", "up{"), ("start", "1")]),
    ("/api/v1/query_exemplars", [("query", "up"), ("start", "x")]),
    ("/api/v1/query_exemplars", [("query", "up"), ("start", "2"), ("end", "1")]),
]
WRONG_QUERIES = [
    " ",
    "sum(",
    "up{",
    "rate(up)",
    "nosuch(up)",
    "1 +",
    "up[5m",
    'up{a="b}',
    "up[5m] + 1",
    "foo bar",
    "sum(1)",
]


def series(data: dict[str, Any]) -> dict[tuple[tuple[str, str], ...], list[tuple[float, str]]]:
    """Points by series, without the order of series, which only sort and topk have."""
    if data["resultType"] in ("scalar", "string"):
        return {(): [tuple(data["result"])]}
    return {
        tuple(sorted(one["metric"].items())): [tuple(point) for point in one.get("values", [one.get("value")])]
        for one in data["result"]
    }


def assert_alike(ours: Reply, theirs: Reply) -> None:
    """The same series and times; the same texts, but for the last digits of what comes of many additions."""
    assert (ours.status, ours.type) == (theirs.status, theirs.type) == (200, "application/json")
    mine, yours = ours.json["data"], theirs.json["data"]
    assert mine["resultType"] == yours["resultType"]
    assert mine.keys() == yours.keys()
    found, expected = series(mine), series(yours)
    assert found.keys() == expected.keys()
    for metric, points in expected.items():
        assert [time for time, _ in found[metric]] == [time for time, _ in points]
        for (_, text), (_, other) in zip(found[metric], points, strict=True):
            assert text == other or math.isclose(float(text), float(other), rel_tol=1e-12)


@pytest.mark.parametrize("query", INSTANT)
async def test_an_instant_has_the_same_values_written_in_the_same_way(peers: Peers, query: str) -> None:
    assert_alike(*await peers.both("/api/v1/query", [("query", query), ("time", f"{peers.end_s - 60:.3f}")]))


@pytest.mark.parametrize("query", ["sort(node_load1)", "sort_desc(node_load1)", "topk(3, node_load1)"])
async def test_what_has_an_order_keeps_it(peers: Peers, query: str) -> None:
    ours, theirs = await peers.both("/api/v1/query", [("query", query), ("time", f"{peers.end_s - 60:.3f}")])
    assert ours.json["data"] == theirs.json["data"]


@pytest.mark.parametrize("query", RANGES)
async def test_a_range_has_the_same_values_at_the_same_times(peers: Peers, query: str) -> None:
    times = [("start", f"{peers.end_s - 3300:.3f}"), ("end", f"{peers.end_s - 0.5:.3f}"), ("step", "17.5")]
    ours, theirs = await peers.both("/api/v1/query_range", [("query", query), *times])
    assert_alike(ours, theirs)
    assert [one["metric"] for one in ours.json["data"]["result"]] == [
        one["metric"] for one in theirs.json["data"]["result"]
    ]


@pytest.mark.parametrize(
    "time", ["{s}", "{s}.25", "{s}.1239", "{s}.9999999", "1e9", "-1", "0", "2026-01-31T12:00:00Z",
             "2026-01-31T12:00:00.123456789+05:30", "2026-01-31T12:00:00,5-11:00", "2026-01-31T1:00:00+24:00",
             "1969-12-31T23:59:59.5Z", "-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z"]
)  # fmt: skip
async def test_times_are_read_and_written_in_the_same_way(peers: Peers, time: str) -> None:
    at = time.replace("{s}", str(peers.end_ms // 1000 - 60))
    for query in ("time()", "vector(1)", "1", '"x"', "node_load1"):
        ours, theirs = await peers.both("/api/v1/query", [("query", query), ("time", at)])
        if at.startswith(("292277025", "-292273086")):
            assert ours.status == theirs.status == 200  # beyond what a float tells apart
            continue
        if query == "1":
            assert ours.body == theirs.body
        assert_alike(ours, theirs)


@pytest.mark.parametrize("step", ["15", "0.5", "1m", "1m30s", "1h", "1d", "90.5", "1500ms", ".5e1"])
async def test_steps_are_read_in_the_same_way(peers: Peers, step: str) -> None:
    times = [("start", str(peers.end_s - 600)), ("end", str(peers.end_s)), ("step", step)]
    assert_alike(*await peers.both("/api/v1/query_range", [("query", "node_load1"), *times]))


async def test_a_form_may_come_in_parts(peers: Peers) -> None:
    for reply in (f"{peers.lab.url}/prometheus", peers.url):
        form = aiohttp.FormData([("query", "1 + 1"), ("time", "7")], default_to_multipart=True)
        async with peers.lab.client.post(f"{reply}/api/v1/query", data=form) as response:
            assert (await response.json())["data"]["result"] == [7, "2"]


async def test_a_form_is_read_as_a_query_string_and_before_it(peers: Peers) -> None:
    at = ("time", str(peers.end_s - 60))
    assert_alike(*await peers.both("/api/v1/query", [], [("query", "up"), at]))
    assert_alike(*await peers.both("/api/v1/query", [("query", "node_load1")], [("query", "up"), at]))
    assert_alike(*await peers.both("/api/v1/query", [at], [("query", "up\n+\nup")]))
    times = [("start", str(peers.end_s - 600)), ("end", str(peers.end_s)), ("step", "1m")]
    assert_alike(*await peers.both("/api/v1/query_range", [], [("query", "node_load1"), *times]))


@pytest.mark.parametrize(("path", "query"), WRONG_TIMES)
async def test_mistakes_are_told_in_the_same_words(peers: Peers, path: str, query: Pairs) -> None:
    ours, theirs = await peers.both(path, query)
    assert (ours.status, ours.type, ours.json) == (theirs.status, theirs.type, modern(theirs))


@pytest.mark.parametrize("query", WRONG_QUERIES)
async def test_an_expression_that_is_none_is_told_with_its_place(peers: Peers, query: str) -> None:
    times = [("start", "1"), ("end", "2"), ("step", "1")]
    for path, more in (("/api/v1/query", []), ("/api/v1/query_range", times), ("/api/v1/format_query", [])):
        ours, theirs = await peers.both(path, [("query", query), *more])
        assert (ours.status, ours.json["errorType"]) == (theirs.status, theirs.json["errorType"]) == (400, "bad_data")
        # Since version 2.46 it is said which parameter is meant.
        told = theirs.json["error"].removeprefix('invalid parameter "query": ')
        assert ours.json["error"] == f'invalid parameter "query": {told}'


async def test_a_range_of_ranges_is_refused_in_the_same_words(peers: Peers) -> None:
    times = [("start", "1"), ("end", "2"), ("step", "1")]
    for query in ("up[5m]", '"text"'):
        ours, theirs = await peers.both("/api/v1/query_range", [("query", query), *times])
        assert ours.status == theirs.status == 400
        # Since version 2.46 it is said which parameter is meant.
        assert ours.json["error"] == f'invalid parameter "query": {theirs.json["error"]}'


@pytest.mark.parametrize(
    "query", ["node_load1 + up", "node_load1 * on (job) up", 'label_replace(up, "x", "", "a", "(")']
)
async def test_what_cannot_be_evaluated_is_refused_in_the_same_way(peers: Peers, query: str) -> None:
    ours, theirs = await peers.both("/api/v1/query", [("query", query), ("time", str(peers.end_s - 60))])
    assert (ours.status, ours.json.get("errorType")) == (theirs.status, theirs.json.get("errorType"))


async def test_nothing_is_known_of_exemplars(peers: Peers) -> None:
    ours, theirs = await peers.both("/api/v1/query_exemplars", [("query", "up"), ("start", "1"), ("end", "2")])
    assert (ours.status, ours.json) == (theirs.status, theirs.json)


@pytest.mark.parametrize(
    "query",
    [
        "sum by(a,b)(rate(x{b='c',a=~\"d.*\"}[5m] offset 1m))/on(a)group_left(z)(2*y@start())",
        "x{} offset -1h30m",
        "rate(x[25h] offset 15d) + x offset 36h",
        "-x^+2",
        "quantile without(a)(.5,x)>bool 1e5",
        "max_over_time(x[1h:])+sum_over_time(x[90d:1500ms] @ 1.5)",
        'label_replace(a_long_name_of_metric{with="labels"}, "destination", "$1", "source", "(.*)") and ignoring(a) b',
        "sum(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa+(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb))",
        'topk(3, sum by (some_label, some_other_label) (rate(a_long_name_of_metric{with="labels"}[5m])) or vector(1))',
        "-rate(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa[5m])",
        "1e5 + 12345.5 + .0001 + Inf + 0x1F + 017",
    ],
)
async def test_an_expression_is_formatted_as_prometheus_does(peers: Peers, query: str) -> None:
    ours, theirs = await peers.both("/api/v1/format_query", [("query", query)])
    # Since version 3 there is a space before the labels of by, on and the like.
    modern = theirs.json["data"]
    for word in ("by", "without", "on", "ignoring", "group_left", "group_right"):
        modern = modern.replace(f" {word}(", f" {word} (")
    assert ours.json == {"status": "success", "data": modern.replace("<aggr>", "")}
