"""What is known of metrics beside their samples."""

import pytest

from netmon_collector.foreign.base import Family
from tests.api.lab import Lab
from tests.api.prometheus.peers import Pairs

REQUESTS = {"type": "counter", "help": 'Requests "done".', "unit": ""}
LOAD = {"type": "gauge", "help": "", "unit": "tasks"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ([], {"load": [LOAD], "requests_total": [REQUESTS]}),
        ([("limit", "1")], {"load": [LOAD]}),
        ([("limit", "0")], {}),
        ([("metric", "requests_total")], {"requests_total": [REQUESTS]}),
        ([("metric", "nothing"), ("limit_per_metric", "1")], {}),
    ],
)
async def test_what_writers_told_of_metrics_is_told_on(lab: Lab, query: Pairs, told: object) -> None:
    lab.pipeline.metadata.note({"requests_total": Family(**REQUESTS), "load": Family(**LOAD)})
    assert await lab.get("/prometheus/api/v1/metadata", *query) == {"status": "success", "data": told}
