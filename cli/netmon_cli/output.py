"""What commands write: text that a device can't abuse, tables, JSON, and numbers as people read them."""

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from netmon_configs.text import escape as escape

Colour = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "white", "dim", "bold"]

_CODES: Mapping[Colour, str] = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "white": "37",
    "dim": "2",
    "bold": "1",
}
_SPARKS = "▁▂▃▄▅▆▇█"


def write_json(answer: object) -> None:
    """One line of JSON, ASCII only, for other programs."""
    print(json.dumps(answer, ensure_ascii=True).replace("\x7f", "\\u007f"))  # noqa: T201 - the command's output


def write_lines(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - the command's output


def flush() -> None:
    """Has what was written seen now, also by a program that reads it."""
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: whether it shows colours and block characters, and how wide it is (None: any width)."""

    colours: bool = False
    blocks: bool = False
    columns: int | None = None

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> "Paper":
        """A terminal has all of it; a pipe or file has nothing. NO_COLOR is https://no-color.org."""
        if not stream.isatty():
            return cls()
        return cls(
            colours=not environment.get("NO_COLOR") and environment.get("TERM") != "dumb",
            blocks=(stream.encoding or "").lower().replace("-", "") == "utf8",
            columns=_columns(stream),
        )

    def paint(self, text: str, colour: Colour | None) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colours and colour and text else text

    def cut(self, line: str) -> str:
        """A plain line, cut to the width."""
        return fit(line, self.columns) if self.columns else line


def paper() -> Paper:
    """The paper of standard output."""
    return Paper.of(sys.stdout, os.environ)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def width(text: str) -> int:
    """The columns that a text takes on a terminal (Unicode annex 11)."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def fit(text: str, columns: int) -> str:
    """A text, cut with an ellipsis where it is wider than `columns`."""
    if len(text) * 2 <= columns or width(text) <= columns:
        return text
    used = 0
    for index, character in enumerate(text):
        used += width(character)
        if used > columns - 1:
            return text[:index] + "…"
    return text


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a table: text that is escaped already, and its colour."""

    text: str
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    right: bool = False
    widest: int | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]], on: Paper) -> list[str]:
    """Lines of aligned columns below their titles; on a terminal the last column is cut to its width."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    widths = [
        min(max([width(column.title), *(width(row[index].text) for row in cells)]), column.widest or 1 << 30)
        for index, column in enumerate(columns)
    ]
    if on.columns:
        widths[-1] = max(min(widths[-1], on.columns - sum(widths[:-1]) - 2 * (len(widths) - 1)), len(columns[-1].title))
    titles = [Cell(column.title, "bold") for column in columns]
    return [_row(columns, widths, row, on) for row in [titles, *cells]]


def _row(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Cell], on: Paper) -> str:
    pieces = []
    for column, columns_wide, cell in zip(columns, widths, row, strict=True):
        text = fit(cell.text, columns_wide)
        space = " " * (columns_wide - width(text))
        painted = on.paint(text, cell.colour)
        pieces.append(space + painted if column.right else painted + space)
    return "  ".join(pieces).rstrip()


def sparkline(values: Sequence[float], columns: int) -> str:
    """The last value of each of `columns` equal pieces, as blocks between the lowest and the highest."""
    finite = [value for value in values if abs(value) < float("inf")]
    if not finite:
        return ""
    count = min(columns, len(finite))
    picked = [finite[(index + 1) * len(finite) // count - 1] for index in range(count)]
    low, high = min(picked), max(picked)
    step = (high - low) / (len(_SPARKS) - 1) or 1.0
    return "".join(_SPARKS[round((value - low) / step)] for value in picked)


def size(count_bytes: float) -> str:
    """12.3 MiB"""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(count_bytes) < 1024 or unit == "TiB":
            break
        count_bytes /= 1024
    return f"{count_bytes:.0f} {unit}" if unit == "B" or abs(count_bytes) >= 100 else f"{count_bytes:.1f} {unit}"


def duration(seconds: float) -> str:
    """3d 4h, 12m 5s, 7s, 0.3s"""
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s".replace(".0s", "s")
    left, parts = round(seconds), []
    for unit, unit_s in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, unit_s)
        if count:
            parts.append(f"{count}{unit}")
        if parts and (len(parts) == 2 or not count):
            break
    return " ".join(parts[:2])


def age(seconds: float) -> str:
    """12s ago; what seems to lie ahead is a clock that differs a little."""
    return f"{duration(max(seconds, 0.0))} ago"


def count(number: int, one: str = "", many: str = "") -> str:
    """1,234,567, or 1 batch, or 1,234,567 batches"""
    noun = one if number == 1 else many or one
    return f"{number:,} {noun}" if noun else f"{number:,}"


def number(value: float) -> str:
    """A value with up to six digits after the point, large ones with separators: 1,234.5"""
    if value != value or abs(value) == float("inf"):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    digits = f"{value:,.6f}" if abs(value) < 1000 else f"{value:,.2f}"
    return digits.rstrip("0").rstrip(".")


def reading(name: str, value: float) -> str:
    """A metric's value, in the unit that its name tells."""
    finite = value == value and abs(value) < float("inf")
    return size(value) if in_bytes(name) and finite else number(value)


def in_bytes(name: str) -> bool:
    """Whether a metric counts bytes, going by its name."""
    return name.endswith(("_bytes", "_bytes_total"))
