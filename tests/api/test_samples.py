"""Series and samples as the API shows them."""

import math
import struct

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_api.render import samples_json
from netmon_collector.identity.witness import witnesses
from netmon_collector.store.base import ABSENT, Frame
from netmon_proto.model import STALE
from tests.api.lab import NOW_MS, Lab, labels

NOW_S = NOW_MS / 1000
LOAD = labels("load", instance="web1")
HOSTILE = "</script>\"'\\\n\r\t\x00\x1b[2J\u2028 ünï 🦀 ${x} ' OR 1=1 --"


async def test_samples_are_pairs_of_seconds_and_value(lab: Lab) -> None:
    await lab.keep({LOAD: 0.25}, NOW_MS - 1)
    await lab.keep({LOAD: 1e300})
    answer = await lab.get("/api/v1/samples", ("selector", "load"))
    assert answer == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {"labels": {"__name__": "load", "instance": "web1"}, "samples": [[NOW_S - 0.001, 0.25], [NOW_S, 1e300]]}
        ],
        "filters_applied": {
            "selector": "load",
            "start": "2026-01-31T11:55:00.000Z",
            "end": "2026-01-31T12:00:00.000Z",
            "limit": 100_000,
        },
    }


async def test_without_samples_the_list_is_empty(lab: Lab) -> None:
    answer = await lab.get("/api/v1/samples", ("selector", "nothing"))
    assert (answer["count"], answer["results"]) == (0, [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, "NaN"),
        (struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000123))[0], "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (STALE, None),
        (-0.0, -0.0),
        (2.0**53, 2.0**53),
        (5e-324, 5e-324),
        (0.1, 0.1),
    ],
)
async def test_every_value_has_its_form(lab: Lab, value: float, shown: float | str | None) -> None:
    await lab.keep({LOAD: value, labels("other"): 1.0})
    (result,) = (await lab.get("/api/v1/samples", ("selector", "load")))["results"]
    assert result["samples"] == [[NOW_S, shown]]


async def test_hostile_label_text_comes_back_as_it_was(lab: Lab) -> None:
    await lab.keep({labels("load", text=HOSTILE): 1.0})
    selector = f"load{{text={orjson.dumps(HOSTILE).decode()}}}"
    for path, query in [("/api/v1/samples", selector), ("/api/v1/series", selector), ("/api/v1/series", "load")]:
        (result,) = (await lab.get(path, ("selector", query)))["results"]
        assert result["labels"] == {"__name__": "load", "text": HOSTILE}


async def test_series_come_sorted_by_name_then_labels(lab: Lab) -> None:
    series = [
        labels("b", instance="1"),
        labels("a", instance="2", Zone="x"),
        labels("a", instance="1"),
        labels("a", instance="2"),
        labels("c"),
    ]
    await lab.keep(dict.fromkeys(series, 1.0))
    wanted = [{"__name__": "a", "instance": "2", "Zone": "x"}] + [
        dict(one)
        for one in (labels("a", instance="1"), labels("a", instance="2"), labels("b", instance="1"), labels("c"))
    ]
    listed = await lab.get("/api/v1/series")
    assert [one["labels"] for one in listed["results"]] == wanted
    sampled = await lab.get("/api/v1/samples", ("selector", '{__name__=~".+"}'))
    assert [one["labels"] for one in sampled["results"]] == wanted


async def test_series_are_paged_with_their_selector(lab: Lab) -> None:
    await lab.keep({labels("load", instance=f"web{number:03}"): 1.0 for number in range(120)} | {labels("other"): 1.0})
    answer = await lab.get("/api/v1/series", ("selector", 'load{instance=~"web.*"}'), ("page_size", 100))
    assert (answer["count"], len(answer["results"])) == (120, 100)
    assert answer["filters_applied"] == {"selector": 'load{instance=~"web.*"}'}
    async with lab.client.get(answer["next"]) as response:
        rest = await response.json()
    assert [one["labels"]["instance"] for one in rest["results"]] == [f"web{number:03}" for number in range(100, 120)]
    assert rest["next"] is None
    assert (await lab.get("/api/v1/series"))["count"] == 121


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-01-31T11:59:58Z", "2026-01-31T12:00:00Z", [-2, -1, 0]),
        ("2026-01-31T12:59:58.500+01:00", "2026-01-31T06:59:59.000-05:00", [-1]),
        (str(NOW_S - 1), str(NOW_S - 1), [-1]),
        (f"{NOW_S - 1.0005:.4f}", None, [-1, 0]),
        (None, str(NOW_S - 2), [-2]),
        ("0", "1", []),
    ],
)
async def test_both_ends_of_the_time_are_included(
    lab: Lab, start: str | None, end: str | None, found: list[int]
) -> None:
    for second in (-2, -1, 0):
        await lab.keep({LOAD: float(second)}, NOW_MS + second * 1000)
    times = [(name, value) for name, value in (("start", start), ("end", end)) if value is not None]
    answer = await lab.get("/api/v1/samples", ("selector", "load"), *times)
    assert [value for one in answer["results"] for _, value in one["samples"]] == found


@pytest.mark.parametrize(
    "text", ["", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "1e99", "nan", "inf", "-5", "0x10"]
)
async def test_a_time_that_is_none_is_told_what_one_looks_like(lab: Lab, text: str) -> None:
    error = await lab.refusal("/api/v1/samples", ("selector", "load"), ("start", text))
    assert error["field_errors"]["start"].startswith("must be a time such as 2026-01-31T12:00:00Z, or Unix seconds")


async def test_a_time_that_ends_before_it_starts_is_refused(lab: Lab) -> None:
    error = await lab.refusal("/api/v1/samples", ("selector", "load"), ("start", "20"), ("end", "10"))
    assert error["field_errors"] == {"start": "must not be after the end, 1970-01-01T00:00:10.000Z"}


async def test_too_many_samples_are_refused_with_what_to_do(lab: Lab) -> None:
    for second in range(3):
        await lab.keep({LOAD: 1.0, labels("load", instance="web2"): 1.0}, NOW_MS - second)
    assert (await lab.get("/api/v1/samples", ("selector", "load"), ("limit", 6)))["count"] == 2
    error = await lab.refusal("/api/v1/samples", ("selector", "load"), ("limit", 5))
    assert error["code"] == "too_many"
    assert error["details"] == {"samples": 6, "limit": 5}
    assert "ask for a shorter time or fewer series, or raise the limit" in error["message"]


values = st.one_of(st.floats(), st.sampled_from([ABSENT, STALE, math.inf]))


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(values, min_size=width, max_size=width), min_size=1)))
def test_any_frame_is_rendered_sample_by_sample(rows: list[list[float]]) -> None:
    width = len(rows[0])
    frame = Frame([labels("m", n=str(column)) for column in range(width)], np.arange(len(rows)) * 10, np.array(rows))
    for column, result in enumerate(orjson.loads(samples_json([frame]))):
        assert result["labels"] == {"__name__": "m", "n": str(column)}
        expected = [[row * 10 / 1000, shown(rows[row][column])] for row in range(len(rows))]
        assert result["samples"] == [pair for pair in expected if pair[1] != "absent"]


def shown(value: float) -> float | str | None:
    bits = struct.pack("<d", value)
    if bits == struct.pack("<d", ABSENT):
        return "absent"
    if bits == struct.pack("<d", STALE):
        return None
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("+Inf" if value > 0 else "-Inf")


async def test_what_asks_about_one_handle_of_a_device_finds_all_of_them(lab: Lab) -> None:
    hall, other = labels("load", instance="hall"), labels("load", instance="hall-mgmt")
    await lab.keep({hall: 1.0, other: 2.0})
    told = witnesses(engine="80000003", name="hall")
    for handle in ("hall", "hall-mgmt"):
        await lab.atlas.register.see(handle, "", told)
    entry = await lab.atlas.register.merge("hall-mgmt", "hall", "me")

    async def found(path: str, name: str, selector: str) -> int:
        answer = await lab.get(path, (name, selector))
        return len(answer["results"] if "results" in answer else answer["data"])

    asked = [
        ("/api/v1/samples", "selector"),
        ("/api/v1/series", "selector"),
        ("/prometheus/api/v1/series", "match[]"),
    ]
    for path, name in asked:
        for selector in ('load{instance="hall"}', 'load{instance=~"hall-m.*"}'):
            assert await found(path, name, selector) == 2, path
        assert await found(path, name, 'load{instance!="hall",job=""}') == 0
    await lab.atlas.register.undo(entry.number, "me")
    assert [await found(path, name, 'load{instance="hall"}') for path, name in asked] == [1, 1, 1]
