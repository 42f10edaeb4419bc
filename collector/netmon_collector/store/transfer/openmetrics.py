"""OpenMetrics text: https://prometheus.io/docs/specs/om/open_metrics_spec/. All of a metric stands together in it, and
all of a series, in the order of time; so samples are put on the disk first, and written from there.
"""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

import numpy as np

from netmon_collector.store.base import Times, Values
from netmon_collector.store.transfer.columns import Columns, Tally
from netmon_proto.model import NAME, STALE_BITS, Labels
from netmon_proto.names import METRIC_WORD, is_name, label_text, quoted, series_text

_SAMPLE_BYTES: Final = 16
_LINES: Final = 100_000


class Writer:
    """Takes samples in any order of series, each series' in the order of time; `finish` writes them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._spool: BinaryIO = TemporaryFile()  # noqa: SIM115 - closed by `finish`
        self._end = 0
        self._places: dict[str, dict[Labels, list[tuple[int, int]]]] = {}
        """By metric and series, where its samples are: offset and number."""
        self.tally = Tally()

    def add(self, columns: Columns) -> None:
        """Raises OSError."""
        edges = np.flatnonzero(np.diff(columns.places)) + 1
        for first, last in pairwise([0, *edges.tolist(), len(columns.places)]):
            if last > first:
                labels = columns.labels[int(columns.places[first])]
                self._add(labels, columns.times[first:last], columns.values[first:last])

    def _add(self, labels: Labels, times: Times, values: Values) -> None:
        name = dict(labels).get(NAME, "")
        fits = is_name(name) and all(is_name(label) for label, _ in labels)
        kept = values.view(np.uint64) != STALE_BITS if fits else np.zeros(len(values), np.bool_)
        self.tally.left_out += len(values) - int(np.count_nonzero(kept))
        if kept.any():
            count = int(np.count_nonzero(kept))
            self._spool.write(times[kept].tobytes() + values[kept].tobytes())
            self._places.setdefault(name, {}).setdefault(labels, []).append((self._end, count))
            self._end += count * _SAMPLE_BYTES
            self.tally.samples += count

    def finish(self) -> None:
        """Raises OSError."""
        for name in sorted(self._places):
            shown = name if METRIC_WORD.fullmatch(name) else quoted(name)
            self._out.write(f"# TYPE {shown} unknown\n".encode())
            for labels in sorted(self._places[name]):
                for offset, count in self._places[name][labels]:
                    self._write(name, labels, offset, count)
        self._out.write(b"# EOF\n")
        self._spool.close()

    def _write(self, name: str, labels: Labels, offset: int, count: int) -> None:
        self._spool.seek(offset)
        times = np.frombuffer(self._spool.read(8 * count), np.int64)
        values = np.frombuffer(self._spool.read(8 * count), np.float64)
        series = series_text(name, [f"{label_text(label)}={quoted(value)}" for label, value in labels if label != NAME])
        for start in range(0, count, _LINES):
            part = slice(start, start + _LINES)
            self._out.write("".join(_lines(series, times[part], values[part])).encode())


def _lines(series: str, times: Times, values: Values) -> Iterator[str]:
    special = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
    for time_ms, value in zip(times.tolist(), values.tolist(), strict=True):
        text = repr(value)
        sign, whole = "-" if time_ms < 0 else "", abs(time_ms)
        yield f"{series} {special.get(text, text)} {sign}{whole // 1000}.{whole % 1000:03}\n"


_QUOTED: Final = r'"(?:[^"\\\n]|\\.)*"'
_PAIR: Final = rf"(?:[a-zA-Z_][a-zA-Z0-9_]*|{_QUOTED})={_QUOTED}"
_PAIRS: Final = rf"{_PAIR}(?:,{_PAIR})*"
_SERIES: Final = rf"(?:{METRIC_WORD.pattern}(?:\{{(?:{_PAIRS})?,?\}})?|\{{{_QUOTED}(?:,{_PAIRS})?,?\}})"
_NUMBER: Final = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_LINE: Final = re.compile(rf"({_SERIES}) ({_NUMBER}|[-+]?[Ii]nf(?:inity)?|[Nn]a[Nn])(?: ({_NUMBER}))?(?: # .*)?")
_PARTS: Final = re.compile(rf"(?:([a-zA-Z_][a-zA-Z0-9_]*)=)?({_QUOTED})(?:=({_QUOTED}))?")
"""A label and its value, or a metric's name in quotation marks."""
_UNESCAPES: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_EARLIEST_S: Final = -(2.0**43)
_LATEST_S: Final = 1e10
"""The year 2286. Milliseconds would be beyond it, which others write by mistake."""
_LONGEST_LINE: Final = 1 << 20
_MOST_SERIES: Final = 100_000


class Reader:
    """Reads text line by line; what is no good is left out and told with its line."""

    def __init__(self, path: Path, tally: Tally) -> None:
        self._path = path
        self._size_bytes = max(1, path.stat().st_size)
        self._tally = tally
        self.done = 0.0
        """How much has been read, from 0 to 1."""

    def batches(self, samples: int) -> Iterator[Columns]:
        """The samples, so many at a time. Raises OSError."""
        with self._path.open("rb") as file:
            for columns in self._batches(file, samples):
                self.done = file.tell() / self._size_bytes
                yield columns

    def _batches(self, file: BinaryIO, samples: int) -> Iterator[Columns]:
        series: dict[str, int] = {}
        labels: list[Labels] = []
        found: list[tuple[int, int, float]] = []
        for number, line in self._numbered(file):
            match = _LINE.fullmatch(line)
            reason = _complaint(line, match)
            if reason or match is None:
                self._tally.reject(f"line {number}", reason)
                continue
            place = series.get(match[1])
            if place is None:
                try:
                    labels.append(_labels(match[1]))
                except ValueError as error:
                    self._tally.reject(f"line {number}", str(error))
                    continue
                place = series[match[1]] = len(labels) - 1
            found.append((place, round(float(match[3]) * 1000), float(match[2])))
            if len(found) >= samples:
                yield _gathered(labels, found)
                found = []
                if len(labels) > _MOST_SERIES:
                    series, labels = {}, []
        if found:
            yield _gathered(labels, found)

    def _numbered(self, file: BinaryIO) -> Iterator[tuple[int, str]]:
        """The lines that are to be samples, up to the end."""
        ended = False
        number = 0
        while data := file.readline(_LONGEST_LINE):
            number += 1
            line = data.decode("utf-8", "surrogateescape").rstrip("\r\n")
            if ended:
                self._tally.reject(f"line {number}", "comes after # EOF")
                return
            if line == "# EOF":
                ended = True
            elif line and not line.startswith("#"):
                yield number, line
        if not ended:
            self._tally.reject(f"line {number + 1}", "the file ends without # EOF: it may have been cut off")


def _complaint(line: str, match: re.Match[str] | None) -> str:
    """Why a line is no good; empty where it is."""
    if match is None:
        return "is not valid UTF-8" if any("\udc80" <= one <= "\udcff" for one in line) else "is no sample"
    if match[3] is None:
        return "has no timestamp"
    if match[2][-1].isdecimal() and math.isinf(float(match[2])):
        return f"the value {match[2]} is out of range"
    if not _EARLIEST_S <= float(match[3]) <= _LATEST_S:
        return f"the timestamp {match[3]} is no time in seconds"
    return ""


def _labels(series: str) -> Labels:
    """Raises ValueError."""
    name, _, rest = series.partition("{")
    pairs = []
    for word, text, value in _PARTS.findall(rest):
        if not word and not value:
            name = _plain(text)
        else:
            pairs.append((word or _plain(text), _plain(value or text)))
    try:
        series.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    if len({label for label, _ in pairs} | {NAME}) != len(pairs) + 1:
        raise ValueError("has a label twice")
    if not is_name(name) or not all(is_name(label) for label, _ in pairs):
        raise ValueError("has a name that is none")
    return tuple(sorted([(NAME, name), *((label, value) for label, value in pairs if value)]))


def _plain(text: str) -> str:
    return re.sub(r"\\.", lambda found: _UNESCAPES.get(found[0], found[0]), text[1:-1])


def _gathered(labels: list[Labels], found: list[tuple[int, int, float]]) -> Columns:
    places, times, values = zip(*found, strict=True)
    bits = np.array(values, np.float64)
    return Columns(labels, np.array(places, np.int64), np.array(times, np.int64), bits)
