"""Queries of the API keep within the bounds that the collector's configuration sets."""

from pathlib import Path

import pytest

from netmon_collector.query.engine import Engine
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.store.embedded import EmbeddedStore
from tests.api.assembly import running


@pytest.mark.parametrize("timeout", ["", "30s"])
async def test_a_query_keeps_within_the_configuration(tmp_path: Path, timeout: str) -> None:
    store = EmbeddedStore.open(tmp_path / "asked")
    engine = Engine(store, QueryOptions(limits=Limits(cells=10)))
    form = {"query": "max_over_time(vector(1)[100s:1s])", "time": "2000", "timeout": timeout}
    async with (
        running(tmp_path, engine=engine) as lab,
        lab.client.post("/prometheus/api/v1/query", data=form) as response,
    ):
        told = await response.json()
    await store.close()
    assert (response.status, told["errorType"]) == (422, "execution")
    assert "more than 10 values" in told["error"]
