"""What series have done, as the API tells it: seasons, trend, changes, earlier weeks, like shapes."""

import numpy as np

from tests.api.lab import NOW_MS, Lab, labels

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
HOURS = np.arange(28 * 24)
LOAD, QUIET = labels("node_load1", instance="web1"), labels("node_load1", instance="db1")


async def keep(lab: Lab, step_ms: int, **lines: np.ndarray) -> None:
    """Stores lines that end now, by instance; what ends with `_total` is a counter."""
    length = len(next(iter(lines.values())))
    for at in range(length):
        values = {
            labels("bytes_total" if name.endswith("_total") else "load", instance=name): float(line[at])
            for name, line in lines.items()
        }
        await lab.keep(values, NOW_MS - (length - 1 - at) * step_ms)


async def test_seasons_a_trend_and_a_change_are_told_of_those_who_have_them(lab: Lab) -> None:
    rng = np.random.default_rng(1)
    daily = np.sin(2 * np.pi * HOURS / 24) + rng.normal(size=len(HOURS)) * 0.2
    noise = rng.normal(size=len(HOURS))
    await keep(lab, HOUR_MS, daily=daily, rising=noise + HOURS / 24, jumped=noise + 9 * (HOURS >= 16 * 24), noise=noise)
    answer = await lab.get("/api/v1/trends", ("query", "load"))
    told = {one["labels"]["instance"]: one for one in answer["results"]}
    (season,) = told["daily"]["seasons"]
    assert season["period_s"] == 86_400
    assert season["strength"] > 0.8
    assert season["highest"].split("T")[1] != season["lowest"].split("T")[1]
    assert told["rising"]["trend"]
    assert abs(told["rising"]["slope_per_day"] - 1) < 0.1
    assert not told["rising"]["changes"]
    (changed,) = told["jumped"]["changes"]
    assert abs(ms_of(changed) - (NOW_MS - 12 * 24 * HOUR_MS)) <= 24 * HOUR_MS
    assert (told["noise"]["seasons"], told["noise"]["trend"], told["noise"]["changes"]) == ([], False, [])


async def test_now_is_compared_with_the_same_hour_of_earlier_weeks(lab: Lab) -> None:
    weekly = np.where((len(HOURS) - 1) % 168 == HOURS % 168, 50.0, 10.0)
    doubled = np.r_[np.full(len(HOURS) - 2, 10.0), 20.0, 20.0]
    await keep(lab, HOUR_MS, weekly=weekly, doubled=doubled)
    answer = await lab.get("/api/v1/comparison", ("query", "load"), ("times", 3))
    first, second = answer["results"]
    assert (first["labels"]["instance"], first["before"], first["now"], first["change"]) == ("doubled", 10, 20, 1)
    assert (second["now"], second["low"], second["high"]) == (second["before"], second["before"], second["before"])


async def test_series_of_a_like_shape_are_found_also_later_and_among_counters(lab: Lab) -> None:
    rng = np.random.default_rng(2)
    shape = np.cumsum(rng.normal(size=400))
    counter = np.cumsum(shape - shape.min())
    others = {f"noise{number}": rng.normal(size=361) for number in range(20)}
    await keep(
        lab, MINUTE_MS, one=shape[20:381], later=5 - 3 * shape[10:371], rises_total=counter[20:381],
        flat=np.ones(361), **others,
    )  # fmt: skip
    path = "/api/v1/similar"
    answer = await lab.get(path, ("query", 'load{instance="one"}'), ("among", '{instance!=""}'))
    first, second = sorted(answer["results"][:2], key=lambda one: one["labels"]["instance"])
    assert (first["labels"]["instance"], first["correlation"], first["after_s"]) == ("later", -1, 600)
    assert second["labels"]["__name__"] == "bytes_total"
    assert answer["compared"] == 24
    assert all(one["labels"]["instance"] != "flat" for one in answer["results"])
    refused = await lab.refusal(path, ("query", "load"))
    assert refused["field_errors"]["query"] == "comes to 23 series with enough samples; exactly one is compared"
    assert "among" in (await lab.refusal(path, ("query", 'load{instance="one"}'), ("among", "load{")))["field_errors"]


def ms_of(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "ms").astype(np.int64))


async def test_an_expression_is_complained_of_as_it_was_written(lab: Lab) -> None:
    await keep(lab, HOUR_MS, web1=np.ones(len(HOURS)))
    for query, said in (
        ("load[", "1:6: parse error"),
        ("1", "1:1: parse error: expected type instant vector"),
    ):
        async with lab.client.get("/api/v1/comparison", params={"query": query}) as response:
            assert response.status == 400
            told = (await response.json())["error"]
        assert told["message"].startswith(f"query: {said}")
    answer = await lab.get("/api/v1/comparison", ("query", "load # of all"))
    assert [one["now"] for one in answer["results"]] == [1]
