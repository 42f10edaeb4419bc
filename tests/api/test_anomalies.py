"""What is odd, over HTTP."""

from datetime import datetime

import numpy as np
import pytest

from netmon_collector.store.base import Group, Row
from tests.api.lab import NOW_MS, Lab, labels
from tests.api.switches import have_three_switches

STEP_MS = 900_000


def make_odd(lab: Lab) -> None:
    """A history of two series, of which one does something odd now."""
    group = Group(None, [labels("load", instance="web1"), labels("load", instance="web2")])
    rng = np.random.default_rng(1)
    rows = [Row(group, NOW_MS - STEP_MS * back, 100 + 5 * rng.normal(size=2)) for back in range(400, 0, -1)]
    lab.assessor.offer([*rows, Row(group, NOW_MS, np.array([700.0, 100.0]))])
    lab.assessor.judge()


async def test_an_anomaly_is_listed_with_what_was_expected(lab: Lab) -> None:
    make_odd(lab)
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


async def test_it_is_told_when_a_value_was_last_as_far_out(lab: Lab) -> None:
    make_odd(lab)
    began_ms = NOW_MS - 9 * 86_400_000
    for hours, value in ((0, 900.0), (24, 705.0), (48, 699.0), (50, -3000.0)):
        await lab.keep({labels("load", instance="web1"): value}, began_ms + hours * 3_600_000)
    odd = (await lab.get("/api/v1/anomalies"))["results"][0]
    assert odd["value"] == 700
    assert odd["like"]["value"] == 705
    like_ms = datetime.fromisoformat(odd["like"]["time"]).timestamp() * 1000
    assert like_ms <= began_ms + 24 * 3_600_000 < like_ms + 3_600_000


async def test_what_was_fine_is_said_listed_and_taken_back(lab: Lab) -> None:
    make_odd(lab)
    body = {"selector": 'load{instance="web1"}', "given_by": "ann"}
    async with lab.client.post("/api/v1/anomalies/fine", json=body) as response:
        assert response.status == 200
        said = (await response.json())["results"]
    assert [one["labels"]["instance"] for one in said] == ["web1"]
    async with lab.client.get("/api/v1/anomalies/fine") as response:
        listed = await response.json()
    assert listed["results"] == said
    assert listed["results"][0]["given_by"] == "ann"
    address = f"/api/v1/anomalies/fine/{said[0]['id']}"
    async with lab.client.delete(address) as response:
        assert (await response.json())["id"] == said[0]["id"]
    async with lab.client.delete(address) as response:
        assert response.status == 404
    async with lab.client.get("/api/v1/anomalies/fine") as response:
        assert (await response.json())["count"] == 0


@pytest.mark.parametrize(
    ("selector", "status", "said"),
    [("nothing_odd", 404, "was odd within the last hour"), ("rate(load[5m])", 400, "only plain selectors")],
)
async def test_what_cannot_be_fine_is_told(lab: Lab, selector: str, status: int, said: str) -> None:
    make_odd(lab)
    async with lab.client.post("/api/v1/anomalies/fine", json={"selector": selector}) as response:
        assert response.status == status
        assert said in await response.text()


async def test_what_is_odd_at_once_on_neighbours_is_one_group(lab: Lab) -> None:
    await have_three_switches(lab)
    await lab.atlas.redraw()
    names = ("core", "east", "web1")
    group = Group(None, [labels("load", instance=one) for one in names])
    rng = np.random.default_rng(1)
    rows = [Row(group, NOW_MS - STEP_MS * back, 100 + 5 * rng.normal(size=3)) for back in range(400, 0, -1)]
    lab.assessor.offer([*rows, Row(group, NOW_MS, np.array([700.0, 800.0, 900.0]))])
    lab.assessor.judge()
    found = (await lab.get("/api/v1/anomalies"))["results"]
    groups = {one["labels"]["instance"]: one["group"] for one in found if one["value"] in (700, 800, 900)}
    assert groups == {"core": 1, "east": 1, "web1": 0}
