"""Times in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_api.times import parse_time_ms, rfc3339


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_that_was_written_is_read_again(time_ms: int) -> None:
    assert parse_time_ms(rfc3339(time_ms)) == time_ms


@given(st.integers(0, 2**43))
def test_unix_seconds_keep_their_milliseconds(time_ms: int) -> None:
    assert parse_time_ms(f"{time_ms / 1000:.3f}") == time_ms


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1970-01-01T00:00:00.000Z"),
        (1_769_860_800_007, "2026-01-31T12:00:00.007Z"),
        (2**63, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_every_time_can_be_written(time_ms: int, text: str) -> None:
    assert rfc3339(time_ms) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00.000z",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T13:00:00 01:00",  # a + that nobody escaped
        "2026-01-31T12:00:00.0000004Z",
        "1769860800",
        "1769860800.0004",
        " 1769860800 ",
    ],
)
def test_one_time_is_written_in_many_ways(text: str) -> None:
    assert parse_time_ms(text) == 1_769_860_800_000


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        assert parse_time_ms(text) >= 0
    except ValueError as error:
        assert "must be a time such as" in str(error)  # noqa: PT017 - most random texts are none
