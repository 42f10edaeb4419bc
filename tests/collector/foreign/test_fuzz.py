"""The fuzz targets of what others send, for a moment each; `make fuzz` runs them for long."""

import pytest

from tests.fuzz import line_protocol, otlp, remote_write, scrape
from tests.support.fuzzing import Try, fuzz


@pytest.mark.parametrize(
    ("make", "inputs"),
    [(remote_write.make, 1500), (line_protocol.make, 300), (otlp.make, 1000), (scrape.make, 300)],
    ids=["remote write", "line protocol", "OTLP", "pages"],
)
def test_random_input_is_taken_or_refused_with_a_reason(make: Try, inputs: int) -> None:
    tally = fuzz(make, 60, 7, inputs)
    assert tally.inputs == inputs
    assert tally.taken > inputs // 20
