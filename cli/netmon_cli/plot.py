"""Lines on a terminal: braille dots between axes, a colour for each series."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Final

from netmon_cli.output import Colour, Paper

COLOURS: Final[tuple[Colour, ...]] = ("green", "yellow", "cyan", "magenta", "blue", "red", "white")
ROWS: Final = 14
_BETWEEN_X_LABELS: Final = 14
_THOUSANDS: Final = ("", "k", "M", "G", "T")
_BYTES: Final = (" B", " KiB", " MiB", " GiB", " TiB")


@dataclass(frozen=True, slots=True)
class Line:
    """Points in the order of time, seconds and finite values; farther apart than `gap_s` they are not joined."""

    points: Sequence[tuple[float, float]]
    colour: Colour | None


def plot(
    lines: Sequence[Line], start_s: float, end_s: float, gap_s: float, on: Paper, *, in_bytes: bool = False
) -> list[str]:
    """The lines with their axes, as wide as the paper."""
    from plotille import Canvas

    values = [value for line in lines for _, value in line.points]
    low, high = _bounds(min(values), max(values))
    labels = [_label(high - (high - low) * (row / (ROWS - 1)), low, high, in_bytes) for row in range(ROWS)]
    margin = max(len(label) for label in labels[:: ROWS // 4])
    width = max(10, (on.columns or 80) - margin - 3)
    canvas = Canvas(width, ROWS, start_s, low, max(end_s, start_s + 1e-3), high, mode="names")
    for line in lines:
        _draw(canvas, line, gap_s)
    drawn = canvas.plot().split("\n")
    shown = [label if row % (ROWS // 4) == 0 else "" for row, label in enumerate(labels)]
    rows = [f"{label:>{margin}} {'┤' if label else '│'} {row}" for label, row in zip(shown, drawn, strict=True)]
    return [*rows, " " * (margin + 1) + "└" + "─" * (width + 1), " " * (margin + 3) + _time_axis(start_s, end_s, width)]


def _draw(canvas: "Canvas", line: Line, gap_s: float) -> None:  # type: ignore[name-defined] # noqa: F821
    previous = None
    for time_s, value in line.points:
        if previous is not None and time_s - previous[0] <= gap_s:
            canvas.line(*previous, time_s, value, color=line.colour)
        else:
            canvas.point(time_s, value, color=line.colour)
        previous = (time_s, value)


def _bounds(low: float, high: float) -> tuple[float, float]:
    """The ends of the axis: from zero where the values are not far from it, and never the same."""
    if 0 < low <= high / 2:
        low = 0.0
    if low == high:
        half = abs(low) / 10 or 1.0
        low, high = low - half, high + half
    return (low, high) if isfinite(high - low) else (low / 2, high / 2)


def _label(value: float, low: float, high: float, in_bytes: bool) -> str:
    """A number beside the axis, in the unit of the largest, with no more digits than tell it from its neighbours."""
    largest = max(abs(low), abs(high))
    names, base = (_BYTES, 1024.0) if in_bytes else (_THOUSANDS, 1000.0)
    if not in_bytes and not 1e-3 <= largest < 1e15:
        return f"{value:.3g}"
    power = 0
    while largest >= base and power < len(names) - 1:
        largest, power = largest / base, power + 1
    span = (high - low) / base**power
    decimals = max(0, 1 - floor(log10(span))) if span > 0 else 0
    return f"{value / base**power:.{min(decimals, 9)}f}{names[power]}"


def _time_axis(start_s: float, end_s: float, width: int) -> str:
    span_s = end_s - start_s
    form = "%H:%M:%S" if span_s < 600 else "%H:%M" if span_s < 86400 else "%d %H:%M" if span_s < 7 * 86400 else "%m-%d"
    axis = ""
    for column in range(0, width, _BETWEEN_X_LABELS):
        moment = time.strftime(form, time.localtime(start_s + span_s * column / max(width - 1, 1)))
        if column + len(moment) <= width:
            axis = axis.ljust(column) + moment
    return axis
