"""Series and labels, as a real Prometheus lists them."""

import pytest

from tests.api.prometheus.peers import Pairs, Peers, modern

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKED: list[tuple[str, Pairs]] = [
    ("/api/v1/series", [("match[]", "node_load1")]),
    ("/api/v1/series", [("match[]", '{job="node",mode!="idle"}'), ("match[]", "node_load1"), ("match[]", "up")]),
    ("/api/v1/series", [("match[]", 'up{instance=~"web.*"}'), ("start", "0"), ("end", "4000000000")]),
    ("/api/v1/series", [("match[]", "nothing")]),
    ("/api/v1/series", [("match[]", '{__name__=~".+"}')]),
    ("/api/v1/series", [("match[]", "up"), ("start", "1970-01-01T00:00:00Z"), ("end", "1971-01-01T00:00:00.5+01:00")]),
    ("/api/v1/labels", []),
    ("/api/v1/labels", [("match[]", "up")]),
    ("/api/v1/labels", [("match[]", "up"), ("match[]", "text")]),
    ("/api/v1/labels", [("match[]", "nothing")]),
    ("/api/v1/labels", [("start", "100"), ("end", "200")]),
    ("/api/v1/label/job/values", []),
    ("/api/v1/label/__name__/values", []),
    ("/api/v1/label/__name__/values", [("match[]", '{instance="web1"}')]),
    ("/api/v1/label/instance/values", [("match[]", "node_load1"), ("match[]", "up")]),
    ("/api/v1/label/umlaut/values", []),
    ("/api/v1/label/nothing/values", []),
]
WRONG: list[tuple[str, Pairs]] = [
    ("/api/v1/series", []),
    ("/api/v1/series", [("match[]", "up"), ("start", "yesterday")]),
    ("/api/v1/series", [("match[]", "up"), ("end", "x")]),
    ("/api/v1/labels", [("start", "2026-01-01")]),
    ("/api/v1/labels", [("end", "1e")]),
    ("/api/v1/label/job/values", [("start", '"')]),
]
NO_SELECTOR = [
    "{}",
    "up{",
    'up{a="b"',
    "rate(up[5m])",
    '{a=""}',
    '{a=~".*"}',
    "sum(up)",
    " ",
    "up[5m]",
    "(up)",
    '"up"',
    "7",
]


@pytest.mark.parametrize(("path", "query"), ASKED)
async def test_what_there_is_is_listed_in_the_same_way(peers: Peers, path: str, query: Pairs) -> None:
    ours, theirs = await peers.both(path, query)
    assert (ours.status, ours.type) == (theirs.status, theirs.type) == (200, "application/json")
    assert ours.json == theirs.json


async def test_series_that_had_ended_are_left_out_whatever_was_asked_before(peers: Peers) -> None:
    selector = ("match[]", '{job="node"}')
    _, theirs = await peers.both("/api/v1/series", [selector])
    everyone = theirs.json["data"]
    left = [one for one in everyone if one["instance"] != "gone"]
    assert len(left) == len(everyone) - 1
    for start_s, expected in ((0, everyone), (peers.end_s - 600, left), (0, everyone), (peers.end_s - 600, left)):
        ours, _ = await peers.both("/api/v1/series", [selector, ("start", str(start_s))])
        assert ours.json["data"] == expected


@pytest.mark.parametrize("path", ["/api/v1/series", "/api/v1/labels"])
async def test_a_form_asks_the_same(peers: Peers, path: str) -> None:
    ours, theirs = await peers.both(path, [("match[]", "node_load1")], [("match[]", "up"), ("start", "0")])
    assert ours.json == theirs.json
    assert ours.json["data"]


@pytest.mark.parametrize(("path", "query"), WRONG)
async def test_mistakes_are_told_in_the_same_words(peers: Peers, path: str, query: Pairs) -> None:
    ours, theirs = await peers.both(path, query)
    assert (ours.status, ours.json) == (theirs.status, modern(theirs))
    assert ours.status == 400


@pytest.mark.parametrize("text", NO_SELECTOR)
async def test_what_is_no_selector_is_refused_by_both(peers: Peers, text: str) -> None:
    for path in ("/api/v1/series", "/api/v1/labels", "/api/v1/label/job/values"):
        ours, theirs = await peers.both(path, [("match[]", text)])
        assert (ours.status, ours.json) == (theirs.status, theirs.json)
        assert ours.json["errorType"] == "bad_data"


@pytest.mark.parametrize(
    "query",
    [
        [("match[]", "node_load1"), ("match[]", '{instance="web1"}')],
        [("match[]", "up")],
        [("match[]", "odd")],
        [("match[]", '{__name__=~"text|http.*"}')],
        [("match[]", "nothing")],
        [("match[]", '{no_such=""}'), ("match[]", "up")],
        [("match[]", "up{")],
        [("match[]", "up"), ("match[]", "rate(up[5m])")],
        [],
    ],
)
async def test_federation_tells_the_same_samples(peers: Peers, query: Pairs) -> None:
    ours, theirs = await peers.both("/federate", query)
    assert (ours.status, ours.type) == (theirs.status, theirs.type)
    assert ours.body.decode() == theirs.body.decode()


async def test_metadata_has_the_same_mistakes(peers: Peers) -> None:
    for query in ([("limit", "x")], [("limit", "1.5")], []):
        ours, theirs = await peers.both("/api/v1/metadata", query)
        assert (ours.status, ours.json) == (theirs.status, theirs.json)


async def test_what_makes_the_series_so_many(peers: Peers) -> None:
    ours, theirs = await peers.both("/api/v1/status/tsdb")
    told, expected = ours.json["data"], theirs.json["data"]
    assert set(told) == set(expected)
    for count in ("numSeries", "numLabelPairs"):
        assert told["headStats"][count] == expected["headStats"][count]
    for kind in set(told) - {"headStats"}:
        assert [one["value"] for one in told[kind]] == [one["value"] for one in expected[kind]], kind
        assert {one["name"] for one in told[kind][:3]} <= {one["name"] for one in expected[kind]}, kind


async def test_how_many_are_named_can_be_said(peers: Peers) -> None:
    ours, _ = await peers.both("/api/v1/status/tsdb", [("limit", "1")])
    assert len(ours.json["data"]["seriesCountByMetricName"]) == 1
    positive, most = "limit must be a positive number", "limit must not exceed 10000"
    wrongs = {
        "0": positive,
        "-1": positive,
        "x": positive,
        "9" * 5000: positive,
        "10001": most,
        "000000001" + "0" * 9: most,
    }
    for wrong, told in wrongs.items():
        ours, _ = await peers.both("/api/v1/status/tsdb", [("limit", wrong)])
        assert (ours.status, ours.json["errorType"]) == (400, "bad_data")
        assert ours.json["error"] == told
