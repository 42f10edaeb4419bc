"""Plots on a terminal of 80 columns."""

import re

import pytest

from netmon_cli.output import Paper
from netmon_cli.plot import ROWS, Line, plot

TERMINAL = Paper(colours=True, blocks=True, columns=80)
START_S, END_S = 1769860800.0, 1769864400.0


def drawn(*series: list[tuple[float, float]], gap_s: float = 61.0, in_bytes: bool = False) -> list[str]:
    lines = [Line(points, None) for points in series]
    return plot(lines, START_S, END_S, gap_s, TERMINAL, in_bytes=in_bytes)


def rise(values: list[float]) -> list[tuple[float, float]]:
    return [(START_S + 3600 * at / max(len(values) - 1, 1), value) for at, value in enumerate(values)]


def labels(lines: list[str]) -> list[str]:
    return [line.partition("┤")[0].strip() for line in lines if "┤" in line]


def dots(line: str) -> list[int]:
    """The columns that hold dots."""
    row = re.split("[┤│] ", line)[1]
    return [at for at, cell in enumerate(row) if "\u2800" < cell <= "\u28ff"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.3], ["1.3", "1.0", "0.7", "0.4", "0.1"]),
        ([0.0, 13.0], ["13", "10", "7", "4", "1"]),
        ([-13.0, 0.0], ["0", "-3", "-6", "-9", "-12"]),
        ([0.0, 13e6], ["13M", "10M", "7M", "4M", "1M"]),
        ([1e6, 1e6 + 13], ["1.000013M", "1.000010M", "1.000007M", "1.000004M", "1.000001M"]),
        ([5.0, 5.0], ["5.5", "5.3", "5.0", "4.8", "4.6"]),
        ([0.0, 0.0], ["1.0", "0.5", "0.1", "-0.4", "-0.8"]),
        ([0.0, 1.3e-9], ["1.3e-09", "1e-09", "7e-10", "4e-10", "1e-10"]),
        ([-1e308, 1e308], ["5e+307", "2.69e+307", "3.85e+306", "-1.92e+307", "-4.23e+307"]),
    ],
)
def test_the_axis_has_as_many_digits_as_it_needs(values: list[float], expected: list[str]) -> None:
    assert labels(drawn(rise(values))) == expected


def test_bytes_have_their_units() -> None:
    assert labels(drawn(rise([0.0, 13 * 2.0**30]), in_bytes=True)) == ["13 GiB", "10 GiB", "7 GiB", "4 GiB", "1 GiB"]


@pytest.mark.parametrize("values", [[1.0], [0.0, 1.0], [1e300, -1e300], [1e-320, 2e-320], [123456789.0, 123456790.0]])
def test_it_is_as_wide_as_the_terminal_and_no_wider(values: list[float]) -> None:
    lines = drawn(rise(values))
    assert len(lines) == ROWS + 2
    assert max(map(len, lines)) == 80


def test_a_line_goes_from_corner_to_corner() -> None:
    lines = drawn(rise([0.0, 1.0]), gap_s=float("inf"))
    width = 80 - lines[0].index("┤") - 2
    assert dots(lines[0])[-1] == width - 1
    assert dots(lines[ROWS - 1])[0] == 0
    assert {at for line in lines[:ROWS] for at in dots(line)} == set(range(width))


def test_what_is_far_apart_is_not_joined() -> None:
    points = [(START_S + 60 * minute, 1.0) for minute in (0, 1, 2, 57, 58, 59)]
    columns = {at for line in drawn(points)[:ROWS] for at in dots(line)}
    assert not columns & set(range(10, 60))


def test_times_stand_below_where_they_are() -> None:
    axis = drawn(rise([0.0, 1.0]))[-1]
    assert re.findall(r"\d\d:\d\d", axis) == ["12:00", "12:11", "12:23", "12:34", "12:46"]
