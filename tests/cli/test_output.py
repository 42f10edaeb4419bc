import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_cli import output
from netmon_cli.output import Cell, Column, Paper


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0s"),
        (0.25, "0.2s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.6, "1m"),
        (61, "1m 1s"),
        (3600, "1h"),
        (3605, "1h"),
        (11520, "3h 12m"),
        (86400 * 3 + 3600 * 4 + 59, "3d 4h"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert output.duration(seconds) == text


@pytest.mark.parametrize(
    ("count_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (12_900_000, "12.3 MiB"), (1 << 50, "1024 TiB")],
)
def test_sizes_are_binary(count_bytes: int, text: str) -> None:
    assert output.size(count_bytes) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.5, "-0.5"),
        (1.25, "1.25"),
        (0.1 + 0.2, "0.3"),
        (1234567.891, "1,234,567.89"),
        (100.0, "100"),
        (1e-9, "1e-09"),
        (1e300, "1e+300"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
    ],
)
def test_numbers_are_read_easily(value: float, text: str) -> None:
    assert output.number(value) == text


def test_a_reading_has_the_unit_of_its_name() -> None:
    assert output.reading("node_memory_MemFree_bytes", 2048.0) == "2.0 KiB"
    assert output.reading("node_network_receive_bytes_total", float("inf")) == "+Inf"
    assert output.reading("node_load1", 2048.0) == "2,048"


@given(st.text())
def test_escaped_text_is_one_line_of_printable_characters(text: str) -> None:
    assert output.escape(text).isprintable()


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_a_text_that_was_cut_fits(text: str, columns: int) -> None:
    shown = output.escape(text)
    cut = output.fit(shown, columns)
    assert output.width(cut) <= columns
    assert cut == shown or cut.endswith("…")


def test_wide_characters_and_accents_keep_columns_straight() -> None:
    rows = [["日本", "1"], ["e\u0301a", "2"], ["abcd", "3"]]
    lines = output.table([Column("NAME"), Column("N")], rows, Paper())
    assert lines == ["NAME  N", "日本  1", "e\u0301a    2", "abcd  3"]


def test_on_a_terminal_the_last_column_is_cut_and_colours_take_no_room() -> None:
    rows: list[list[Cell | str]] = [[Cell("up", "green"), "a" * 40]]
    on = Paper(colours=True, blocks=True, columns=20)
    assert output.table([Column("S"), Column("SERIES")], rows, on) == [
        "\x1b[1mS\x1b[0m   \x1b[1mSERIES\x1b[0m",
        "\x1b[32mup\x1b[0m  " + "a" * 15 + "…",
    ]


@pytest.mark.parametrize(
    ("values", "blocks"),
    [
        ([], ""),
        ([float("nan"), float("inf")], ""),
        ([5.0, 5.0], "▁▁"),
        ([0.0, 3.5, 7.0], "▁▅█"),
        ([float(value) for value in range(80)], "▁▂▃▄▅▆▇█"),
    ],
)
def test_a_sparkline_goes_from_lowest_to_highest(values: list[float], blocks: str) -> None:
    assert output.sparkline(values, 8) == blocks
