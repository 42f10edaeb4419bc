"""What Grafana's Prometheus data source asks, sent as it sends it, and answered as a real Prometheus answers.

Grafana itself is not here; the requests are those of its source, by file of https://github.com/grafana/grafana:
- pkg/promlib/healthcheck.go, pkg/promlib/heuristics.go: *Save & test*
- pkg/promlib/client/client.go: GET and POST, times as floats, GET after a POST that failed with 400 or 405
- packages/grafana-prometheus/src/resource_clients.ts: label browser, query builder and metrics explorer
- packages/grafana-prometheus/src/metric_find_query.ts: template variables
- packages/grafana-prometheus/src/annotations.ts: annotations are range queries
"""

import pytest

from tests.api.prometheus.peers import Pairs, Peers
from tests.api.prometheus.test_evaluate import assert_alike, series

pytestmark = pytest.mark.asyncio(loop_scope="session")

METHODS = ["GET", "POST"]
LIMIT = ("limit", "40000")
"""DEFAULT_SERIES_LIMIT of packages/grafana-prometheus/src/constants.ts."""

ALL = '{__name__!=""}'
"""MATCH_ALL_LABELS of the same file."""


def written(seconds: float) -> str:
    """A time as client.go's formatTime writes it."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".")


def look(peers: Peers) -> Pairs:
    """The times of a dashboard that shows the last half hour, as language_utils.ts writes them."""
    return [("start", f"{peers.end_ms // 1000 - 1800}"), ("end", f"{peers.end_ms // 1000}")]


def sent(method: str, asked: Pairs) -> tuple[Pairs, Pairs | None]:
    return (asked, None) if method == "GET" else ([], asked)


@pytest.mark.parametrize("method", METHODS)
async def test_save_and_test(peers: Peers, method: str) -> None:
    """The health check evaluates 1+1 four seconds after 1970 began."""
    assert_alike(*await peers.both("/api/v1/query", *sent(method, [("query", "1+1"), ("time", "4")])))
    ours, theirs = await peers.both("/api/v1/status/buildinfo")
    assert ours.status == theirs.status == 200
    told, expected = ours.json["data"], theirs.json["data"]
    assert set(told) == set(expected)
    # Grafana takes a server with "features" for Mimir, and asks old versions for less.
    assert "features" not in told
    assert int(told["version"].split(".")[0]) >= 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("expression", "step"),
    [
        ('rate(node_cpu_seconds_total{mode="user"}[1m0s])', "15"),
        ("node_load1", "7.5"),
        ("avg_over_time(node_load1[300s])", "60"),
        ('label_replace(node_load1, "host", "$1", "instance", "(.*)")', "30"),
    ],
)
async def test_a_panel_over_time(peers: Peers, method: str, expression: str, step: str) -> None:
    start_s = (peers.end_s - 1800) // float(step) * float(step)  # the time range is aligned to the step
    times = [("start", written(start_s)), ("end", written(start_s + 1740)), ("step", step), ("timeout", "60s")]
    assert_alike(*await peers.both("/api/v1/query_range", *sent(method, [("query", expression), *times])))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("expression", ["up", "topk(2, node_load1)", "sum(up)", "node_load1[1m]"])
async def test_a_panel_of_now(peers: Peers, method: str, expression: str) -> None:
    asked = [("query", expression), ("time", written(peers.end_s - 60 + 0.123))]
    assert_alike(*await peers.both("/api/v1/query", *sent(method, asked)))


@pytest.mark.parametrize("method", METHODS)
async def test_exemplars_of_a_panel(peers: Peers, method: str) -> None:
    asked = [("query", "rate(http_seconds_bucket[5m])"), *look(peers)]
    ours, theirs = await peers.both("/api/v1/query_exemplars", *sent(method, asked))
    assert (ours.status, ours.json) == (theirs.status, theirs.json)


@pytest.mark.parametrize("method", METHODS)
async def test_annotations(peers: Peers, method: str) -> None:
    expression = 'changes(up{job="node"}[2m]) > 0 or resets(node_cpu_seconds_total{instance="web2"}[1m]) > 0'
    times = [*look(peers), ("step", "60")]
    assert_alike(*await peers.both("/api/v1/query_range", *sent(method, [("query", expression), *times])))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("match", [None, "node_load1", '{job="node",__name__=~"node_.*"}'])
async def test_label_names_of_the_query_builder(peers: Peers, method: str, match: str | None) -> None:
    asked = [LIMIT, *look(peers), *([("match[]", match)] if match else [])]
    ours, theirs = await peers.both("/api/v1/labels", *sent(method, asked))
    assert (ours.status, ours.json) == (theirs.status, theirs.json)


@pytest.mark.parametrize("label", ["__name__", "instance", "mode", "umlaut"])
@pytest.mark.parametrize("match", [None, "node_cpu_seconds_total", '{instance=~"web[01]"}'])
async def test_label_values_of_the_label_browser(peers: Peers, label: str, match: str | None) -> None:
    """Values are asked for by GET, whatever the data source is set to."""
    asked = [LIMIT, *look(peers), *([("match[]", match)] if match else [])]
    ours, theirs = await peers.both(f"/api/v1/label/{label}/values", asked)
    assert (ours.status, ours.json) == (theirs.status, theirs.json)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("match", [ALL, '{__name__="node_load1"}', '{instance!=""}', '{__name__="up",instance!=""}'])
async def test_series_of_older_servers_builder(peers: Peers, method: str, match: str) -> None:
    asked = [*look(peers), ("match[]", match), LIMIT]
    ours, theirs = await peers.both("/api/v1/series", *sent(method, asked))
    assert (ours.status, ours.json) == (theirs.status, theirs.json)


async def test_names_that_are_no_words_are_asked_for_by_their_escape(peers: Peers) -> None:
    ours, _ = await peers.both("/api/v1/label/U__instance/values")
    plain, _ = await peers.both("/api/v1/label/instance/values")
    assert ours.json == plain.json


async def test_template_variables(peers: Peers) -> None:
    """label_values(metric, label), label_names(), metrics(regex), query_result(expression), a bare selector."""
    times = look(peers)
    for path, asked in (
        ("/api/v1/label/instance/values", [("match[]", 'node_load1{job="node"}'), *times]),
        ("/api/v1/labels", times),
        ("/api/v1/label/__name__/values", times),
        ("/api/v1/series", [("match[]", "node_load1"), *times]),
    ):
        ours, theirs = await peers.both(path, asked)
        assert (ours.status, ours.json) == (theirs.status, theirs.json)
    ours, theirs = await peers.both(
        "/api/v1/query", [("query", "max by (instance) (node_load1)"), ("time", times[1][1])]
    )
    assert_alike(ours, theirs)
    assert series(ours.json["data"])


async def test_a_post_that_is_refused_is_asked_again_by_get(peers: Peers) -> None:
    """After 400 and 405 Grafana puts the form into the query string: the refusal then is the same."""
    for path in ("/api/v1/labels", "/api/v1/series"):
        refused, _ = await peers.both(path, [], [("match[]", "up{")])
        again, _ = await peers.both(path, [("match[]", "up{")])
        assert (refused.status, refused.json) == (again.status, again.json)
    for path in ("/api/v1/label/job/values", "/api/v1/status/buildinfo"):
        ours, theirs = await peers.both(path, [], [("x", "y")])
        assert ours.status == theirs.status == 405
