"""What clients of Prometheus look at when they connect, though netmon has none of it."""

import pytest

from tests.api.prometheus.peers import Peers

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "path",
    ["targets", "targets?state=active", "targets/metadata", "scrape_pools", "alertmanagers", "status/walreplay"],
)
async def test_it_is_told_as_by_a_prometheus_without_any(peers: Peers, path: str) -> None:
    ours, theirs = await peers.both(f"/api/v1/{path}")
    told = ours.json
    if path.startswith("targets"):  # counts came with version 2.46
        assert not isinstance(told["data"], dict) or told["data"].pop("droppedTargetCounts") == {}
    assert (ours.status, ours.type, told) == (theirs.status, theirs.type, theirs.json)


async def test_the_configuration_is_an_empty_one(peers: Peers) -> None:
    assert await peers.lab.get("/prometheus/api/v1/status/config") == {"status": "success", "data": {"yaml": "{}\n"}}


async def test_all_that_prometheus_tells_of_itself_and_of_queries_is_there(peers: Peers) -> None:
    ours, theirs = await peers.both("/api/v1/status/runtimeinfo")
    assert set(ours.json["data"]) >= set(theirs.json["data"])
    ours, theirs = await peers.both("/api/v1/query", [("query", "up"), ("stats", "all")])
    for part in ("timings", "samples"):
        assert set(ours.json["data"]["stats"][part]) == set(theirs.json["data"]["stats"][part])


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_nothing_is_left_to_do_after_a_delete(peers: Peers, method: str) -> None:
    async with peers.lab.client.request(method, "/prometheus/api/v1/admin/tsdb/clean_tombstones") as response:
        assert response.status == 204


@pytest.mark.parametrize("path", ["//api/v1/query", "/api/v1//query", "/api/v1/query/", "//api//v1//query//"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_slashes_too_many_do_no_harm(peers: Peers, method: str, path: str) -> None:
    query, form = ({"query": "1+1"}, None) if method == "GET" else (None, {"query": "1+1"})
    async with peers.lab.client.request(method, f"/prometheus{path}", params=query, data=form) as response:
        assert [one.status for one in response.history] == [308]
        assert (await response.json())["data"]["result"][1] == "2"


async def test_only_who_may_come_in_is_sent_on_and_never_elsewhere(peers: Peers) -> None:
    for path, location in (
        ("/prometheus/api/v1/query/", "/prometheus/api/v1/query"),
        ("//prometheus/api/v1/query", "/prometheus/api/v1/query"),
        ("//example.org/prometheus/api/v1/query", None),
    ):
        url = f"{peers.lab.url}{path}"
        async with peers.lab.stranger.get(url, allow_redirects=False) as response:
            assert response.status == 401
        async with peers.lab.client.get(url, allow_redirects=False) as response:
            assert response.headers.get("Location") == location
            assert response.status == (308 if location else 404)
