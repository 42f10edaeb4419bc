"""Devices as the API shows them."""

from dataclasses import replace

import pytest

from tests.api.lab import DB1, WEB1, Lab


async def test_devices_come_sorted_and_whole(lab: Lab) -> None:
    answer = await lab.get("/api/v1/devices")
    assert (answer["count"], answer["next"], answer["previous"], answer["filters_applied"]) == (3, None, None, {})
    db1, switch, web1 = answer["results"]
    assert web1 == {
        "instance": "web1",
        "name": "Web 1",
        "job": "node",
        "state": "up",
        "since": "2026-01-31T11:59:00.000Z",
        "first_seen": "2026-01-31T11:00:00.000Z",
        "last_seen": "2026-01-31T11:59:59.000Z",
        "last_sample": "2026-01-31T11:59:58.000Z",
        "interval_s": 10.0,
        "agent": {
            "id": WEB1.agent_id,
            "version": "0.1.0",
            "platform": "Linux x86_64",
            "hostname": "web1",
            "connected": True,
            "address": "127.0.0.1:5123",
            "clock_skew_s": 0.003,
            "spool": {"batches": 2, "bytes": 300, "oldest_age_s": 1.5},
            "quarantined": 0,
        },
    }
    assert (db1["instance"], db1["state"], db1["last_sample"]) == ("db1", "down", None)
    unknown = ("address", "clock_skew_s", "spool", "quarantined")
    assert [db1["agent"][name] for name in unknown] == [None] * 4
    assert (switch["instance"], switch["state"]) == ("switch", "unknown")
    assert await lab.get("/api/v1/devices/web1") == web1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ([("state", "up")], ["web1"]),
        ([("state", "up"), ("state", "down")], ["db1", "web1"]),
        ([("state", "unknown")], ["switch"]),
        ([("job", "node"), ("state", "down")], ["db1"]),
        ([("instance", "web1"), ("instance", "db1"), ("instance", "none")], ["db1", "web1"]),
        ([("job", "snmp"), ("state", "down")], []),
    ],
)
async def test_values_of_a_filter_are_alternatives_and_filters_add_up(
    lab: Lab, query: list[tuple[str, str]], found: list[str]
) -> None:
    answer = await lab.get("/api/v1/devices", *query)
    assert [device["instance"] for device in answer["results"]] == found
    assert answer["count"] == len(found)
    applied = {name: [value for key, value in query if key == name] for name, _ in query}
    assert answer["filters_applied"] == applied


async def test_pages_lead_from_one_to_the_next_and_back(lab: Lab) -> None:
    lab.fleet.members = [replace(DB1, instance=f"db{number:03}") for number in range(250)]
    answer = await lab.get("/api/v1/devices", ("state", "down"), ("page_size", 100))
    seen = [answer]
    while answer["next"]:
        async with lab.client.get(answer["next"]) as response:
            answer = await response.json()
        seen.append(answer)
    instances = [device["instance"] for page in seen for device in page["results"]]
    assert instances == [f"db{number:03}" for number in range(250)]
    assert [page["count"] for page in seen] == [250, 250, 250]
    assert seen[0]["previous"] is None
    async with lab.client.get(seen[2]["previous"]) as response:
        assert await response.json() == seen[1]


async def test_a_page_past_the_end_is_empty_and_leads_back(lab: Lab) -> None:
    answer = await lab.get("/api/v1/devices", ("page", 1_000_000), ("page_size", 2))
    assert (answer["count"], answer["results"], answer["next"]) == (3, [], None)
    assert answer["previous"] == "/api/v1/devices?page=2&page_size=2"


@pytest.mark.parametrize("instance", ["..", "a b", "%2e%2e", "ü", "x" * 3000, "'; DROP TABLE agents"])
async def test_a_device_that_is_not_there_is_not_found(lab: Lab, instance: str) -> None:
    async with lab.client.get(lab.url + "/api/v1/devices/" + instance.replace("..", "%2E%2E")) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "not_found"


async def test_a_device_may_have_any_name(lab: Lab) -> None:
    lab.fleet.members.append(replace(WEB1, instance='{a}/"b\n'))
    answer = await lab.get("/api/v1/devices/%7Ba%7D%2F%22b%0A")
    assert answer["instance"] == '{a}/"b\n'


async def test_the_status_counts_devices_and_agents_apart(lab: Lab) -> None:
    await lab.keep({(("__name__", "load"),): 1.0})
    answer = await lab.get("/api/v1/status")
    assert answer["store"].pop("bytes") > 0
    assert answer == {
        "version": "0.1.0",
        "started": "2026-01-31T12:00:00.000Z",
        "now": "2026-01-31T12:00:00.000Z",
        "devices": {"total": 3, "up": 1, "down": 1, "unknown": 1},
        "agents": {"total": 2, "connected": 1},
        "ingest": {"samples": 7, "batches": 3, "duplicates": 2, "refused": 1, "samples_per_second": 0.5},
        "store": {
            "series": 1,
            "samples": 1,
            "oldest": "2026-01-31T12:00:00.000Z",
            "newest": "2026-01-31T12:00:00.000Z",
            "cache_bytes": 0,
        },
        "spool": {"batches": 2, "bytes": 300, "quarantined": 0},
    }
