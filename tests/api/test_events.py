"""The log of events as the API shows it: newest first, by page, filtered, and what came after."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from netmon_collector.state.events import NewEvent
from netmon_collector.store.base import Origin
from tests.api.lab import NOW_MS, Lab

EVENTS = "/api/v1/events"
DOWN = NewEvent(NOW_MS, "sw1", "trap", "linkDown", 4, 1, "linkDown ifIndex=5", "192.0.2.1", {"ifIndex": "5"})


@pytest.fixture(autouse=True)
def happened(lab: Lab) -> None:
    line = replace(DOWN, device="", source="syslog", kind="auth", severity=7, text="50% of\x1b it", fields={})
    events = [replace(DOWN, time_ms=NOW_MS + number, count=number + 1) for number in range(5)]
    lab.events.append([*events, replace(line, time_ms=NOW_MS - 60_000)], Origin("a", 1, 1), NOW_MS)


async def test_events_are_told_with_all_that_is_known(lab: Lab) -> None:
    answer = await lab.get(EVENTS, ("page_size", 1))
    assert answer["results"] == [
        {
            "id": 5, "time": "2026-01-31T12:00:00.004Z", "received": "2026-01-31T12:00:00.000Z", "device": "sw1",
            "source": "trap", "kind": "linkDown", "severity": "error", "count": 5, "text": "linkDown ifIndex=5",
            "address": "192.0.2.1", "fields": {"ifIndex": "5"},
        }
    ]  # fmt: skip
    assert (answer["count"], answer["last_id"], answer["previous"]) == (6, 6, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ([("device", "sw1"), ("device", "sw2")], 5),
        ([("kind", "auth"), ("source", "syslog")], 1),
        ([("severity", "info"), ("severity", "debug")], 1),
        ([("least", "warning")], 5),
        ([("least", "critical")], 0),
        ([("least", "error"), ("severity", "info")], 0),
        ([("text", "50% OF")], 1),
        ([("since", "2026-01-31T12:00:00.003Z")], 2),
        ([("until", "2026-01-31T12:00:00Z")], 1),
        ([], 6),
    ],
)
async def test_filters_choose(lab: Lab, query: list[tuple[str, str]], found: int) -> None:
    answer = await lab.get(EVENTS, *query)
    assert (len(answer["results"]), answer["count"]) == (found, found)
    assert set(answer["filters_applied"]) == {name for name, _ in query}


async def test_pages_lead_to_all_events_and_keep_the_filters(lab: Lab) -> None:
    answer = await lab.get(EVENTS, ("device", "sw1"), ("page_size", 2))
    seen = [one["id"] for one in answer["results"]]
    while answer["next"] is not None:
        path = urlsplit(answer["next"])
        answer = await lab.get(path.path, *parse_qsl(path.query))
        seen += [one["id"] for one in answer["results"]]
    assert seen == [5, 4, 3, 2, 1]


async def test_what_came_after_is_told_in_the_order_in_which_it_came(lab: Lab) -> None:
    answer = await lab.get(EVENTS, ("after", 3), ("page_size", 2))
    assert [one["id"] for one in answer["results"]] == [4, 5]
    path = urlsplit(answer["next"])
    answer = await lab.get(path.path, *parse_qsl(path.query))
    assert ([one["id"] for one in answer["results"]], answer["next"]) == ([6], None)


async def test_mistakes_are_named(lab: Lab) -> None:
    assert "devise" in (await lab.refusal(EVENTS, ("devise", "sw1")))["message"]
    assert "cursor" in (await lab.refusal(EVENTS, ("cursor", "9-x")))["field_errors"]
    assert "after" in (await lab.refusal(EVENTS, ("after", "1"), ("cursor", "5-5")))["message"]
