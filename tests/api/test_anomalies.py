"""What is odd, over HTTP."""

import numpy as np

from netmon_collector.store.base import Group, Row
from tests.api.lab import NOW_MS, Lab, labels

STEP_MS = 900_000


async def test_an_anomaly_is_listed_with_what_was_expected(lab: Lab) -> None:
    group = Group(None, [labels("load", instance="web1"), labels("load", instance="web2")])
    rng = np.random.default_rng(1)
    rows = [Row(group, NOW_MS - STEP_MS * back, 100 + 5 * rng.normal(size=2)) for back in range(400, 0, -1)]
    lab.assessor.offer([*rows, Row(group, NOW_MS, np.array([700.0, 100.0]))])
    lab.assessor.judge()
    async with lab.client.get("/api/v1/anomalies", params={"instance": "web1", "name": "load"}) as response:
        answer = await response.json()
    assert answer["count"] >= 1
    newest = answer["results"][0]
    assert newest["labels"]["instance"] == "web1"
    assert newest["value"] == 700
    assert newest["low"] < newest["expected"] < newest["high"] < 700
    async with lab.client.get("/api/v1/model") as response:
        model = await response.json()
    assert model["enabled"]
    assert model["series"] == 2
    assert model["judged"] > 700
