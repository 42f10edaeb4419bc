"""InfluxDB's line protocol: `measurement,tag=value field=1,other=2i 1769860800000000000`, a point a line.

Names are VictoriaMetrics': measurement and field with an underscore between them, or the field alone.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.foreign.base import MOST_SAMPLES, BadBody, BadSeries, Complaint, Indices, Written
from netmon_collector.foreign.labels import as_name, checked
from netmon_collector.store.base import Times, Values
from netmon_proto.model import NAME, Labels

NS_OF: Final = {
    "ns": 1,
    "n": 1,
    "us": 1_000,
    "u": 1_000,
    "µ": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds of each precision that a request may name."""

_NS_OF_MS: Final = 1_000_000
_MOST_TOLD: Final = 20
_TRUE: Final = (b"t", b"T", b"true", b"True", b"TRUE")
_FALSE: Final = (b"f", b"F", b"false", b"False", b"FALSE")
_INTEGER_MARK: Final = re.compile(rb"(?<=\d)[iu](?=,|\Z)")
_NUMBER: Final = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?\d+[iu]")
_PLAIN_FIELD: Final = re.compile(rb"([^=,]+)=([^=,]+)")
_WORD: Final = rb"(?:[^\\,= ]|\\.)"
_HEAD: Final = re.compile(rb"(?:[^\\, ]|\\.)*(?:," + _WORD + rb"+=" + _WORD + rb"*)*", re.DOTALL)
_FIELD: Final = re.compile(rb"(" + _WORD + rb'+)=("(?:[^"\\]|\\.)*"|[^", ]+)(?:,(?=.)|(?= |\Z))', re.DOTALL)
_TAG: Final = re.compile(rb",(" + _WORD + rb"+)=(" + _WORD + rb"*)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([,= \\])")
_BEFORE_FIELDS: Final = re.compile(rb"(?:[^\\ ]|\\.)*", re.DOTALL)
_BLANKS: Final = re.compile(rb" [ \t]*")
_PAIR: Final = re.compile(rb"\\.", re.DOTALL)


class _BadLine(Exception):
    """Why a line is not taken."""


class LineHead:
    """A series spelled as the database, a line break, and a line's beginning up to the field's name."""

    def read(self, raw: bytes) -> Labels:
        database, _, line = raw.partition(b"\n")
        head = _HEAD.match(line)
        end = head.end() if head else 0
        try:
            measurement = _plain(re.match(rb"(?:[^\\, ]|\\.)*", line, re.DOTALL)[0])  # type: ignore[index] # matches always
            tags = {as_name(_plain(name)): _plain(value) for name, value in _TAG.findall(line[:end])}
            named = _plain(line[end + 1 :])
            if database:
                tags.setdefault("db", database.decode())
        except UnicodeDecodeError as error:
            raise BadSeries(f"a line is not UTF-8: {error.reason}") from None
        metric = as_name(f"{measurement}_{named}" if measurement else named)
        return checked([(NAME, metric), *tags.items()])


def _plain(word: bytes) -> str:
    return _ESCAPED.sub(r"\1", word.decode())


@dataclass(slots=True)
class _Columns:
    """Lines taken apart: `series` and `texts` have an entry per field, the others one per line."""

    series: list[bytes] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    stamps: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


def decode(body: bytes, *, unit_ns: int, now_ms: int, database: str = "") -> Written:
    """Takes lines apart; a line without a time has that of now. Bad lines are left out and told. Raises BadBody."""
    errors: dict[int, str] = {}
    columns = _Columns()
    prefix = database.encode() + b"\n"
    for number, line in _lines(body):
        try:
            head, pairs, stamp = _parts(line)
        except _BadLine as error:
            errors[number] = str(error)
            continue
        start = prefix + head + b" "
        for name, text in pairs:
            columns.series.append(start + name)
            columns.texts.append(text)
        columns.counts.append(len(pairs))
        columns.stamps.append(stamp)
        columns.numbers.append(number)
        if len(columns.texts) > MOST_SAMPLES:
            raise BadBody(f"more than {MOST_SAMPLES} fields in one request")
    times = _times(columns, unit_ns, now_ms, errors)
    values, keep = _values(columns, errors)
    lines = np.repeat(np.arange(len(columns.counts)), np.array(columns.counts, np.int64))
    if errors:
        bad = np.isin(np.array(columns.numbers, np.int64), list(errors))
        keep &= ~bad[lines]
    rows: Indices = np.flatnonzero(keep)
    complaints = _complaints(errors)
    return Written(LineHead(), columns.series, rows, times[lines][keep], values[keep], complaints=complaints)


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold points, numbered from 1; a text in quotes may have line breaks."""
    together: list[bytes] = []
    first = 0
    for number, raw in enumerate(body.split(b"\n"), 1):
        odd = b'"' in raw and _turns_quotes(raw, is_inside=bool(together))
        if together:
            together.append(raw)
            if odd:
                yield first, b"\n".join(together)
                together = []
        elif odd:
            together, first = [raw], number
        elif line := _trimmed(raw):
            yield number, line
    for number, raw in enumerate(together, first):  # a quote that is never closed spoils its own line only
        if line := _trimmed(raw):
            yield number, line


def _turns_quotes(line: bytes, *, is_inside: bool) -> bool:
    """Whether a line that begins outside of quotes ends inside, or the other way round. Only fields have quotes."""
    if not is_inside:
        if line.lstrip().startswith(b"#"):
            return False
        line = line[_BEFORE_FIELDS.match(line).end() :]  # type: ignore[union-attr] # matches always
    return _PAIR.sub(b"", line).count(b'"') % 2 == 1


def _trimmed(raw: bytes) -> bytes:
    """A line without the blanks around it, or empty for a comment; a single blank may be an empty measurement."""
    line = raw.strip()
    if not line or line.startswith(b"#"):
        return b""
    return b" " + line if raw.startswith(b" ") and not raw.startswith(b"  ") else line


def _parts(line: bytes) -> tuple[bytes, Sequence[tuple[bytes, bytes]], bytes]:
    """The beginning of a line, its fields as names and texts, and its time."""
    if line.startswith(b" "):
        with suppress(_BadLine):
            return _parts(line[1:])
    if b"\\" in line or b'"' in line:
        return _odd_parts(line)
    head, _, rest = line.partition(b" ")
    parts = rest.split()
    if not 1 <= len(parts) <= 2:
        raise _BadLine("needs a measurement, fields and perhaps a time, with spaces between them")
    fields = parts[0]
    pairs = _PLAIN_FIELD.findall(fields)
    if not pairs or len(pairs) != fields.count(b"=") or len(pairs) != fields.count(b",") + 1:
        raise _BadLine("has a field that is not name=value")
    _check_tags(head)
    return head, pairs, parts[1] if len(parts) == 2 else b""


def _check_tags(head: bytes) -> None:
    """A measurement may have a `=` in it, a tag only one."""
    if head.count(b",") != head.count(b"=", head.find(b",")) or b",=" in head:
        raise _BadLine("has a tag that is not name=value")


def _odd_parts(line: bytes) -> tuple[bytes, Sequence[tuple[bytes, bytes]], bytes]:
    """The same where something is escaped or in quotes."""
    head = _HEAD.match(line)
    at = head.end() if head else 0
    blanks = _BLANKS.match(line, at)
    if blanks is None:
        raise _BadLine("has a tag that is not name=value")
    pairs = []
    start, at = at, blanks.end()
    while (found := _FIELD.match(line, at)) is not None:
        pairs.append((found[1], found[2]))
        at = found.end()
        if line[at : at + 1] in (b" ", b""):
            break
    rest = line[at:].split()
    if not pairs or line[at : at + 1] not in (b" ", b"") or len(rest) > 1:
        raise _BadLine("has a field that is not name=value")
    return line[:start], pairs, rest[0] if rest else b""


def _times(columns: _Columns, unit_ns: int, now_ms: int, errors: dict[int, str]) -> Times:
    """When each line was measured, in milliseconds."""
    try:
        if b"" in columns.stamps:
            raise ValueError
        parsed = orjson.loads(b"[%s]" % b",".join(columns.stamps))
        if len(parsed) != len(columns.stamps) or not set(map(type, parsed)) <= {int}:
            raise ValueError
        stamps = np.array(parsed, np.int64)
        return stamps // (_NS_OF_MS // unit_ns) if unit_ns <= _NS_OF_MS else _scaled(stamps, unit_ns // _NS_OF_MS)
    except (ValueError, OverflowError):
        return np.array(
            [
                _time(text, number, unit_ns, now_ms, errors)
                for text, number in zip(columns.stamps, columns.numbers, strict=True)
            ],
            np.int64,
        )


def _scaled(stamps: Times, factor: int) -> Times:
    if len(stamps) and max(abs(int(stamps.min())), abs(int(stamps.max()))) > (1 << 62) // factor:
        raise OverflowError
    return stamps * factor


def _time(text: bytes, number: int, unit_ns: int, now_ms: int, errors: dict[int, str]) -> int:
    if not text:
        return now_ms
    try:
        time_ms = int(text) * unit_ns // _NS_OF_MS if len(text) < 25 else 1 << 64
    except ValueError:
        errors[number] = "has a time that is not a whole number"
        return 0
    if abs(time_ms) >= 1 << 62:
        errors[number] = "has a time that is out of range"
        return 0
    return time_ms


def _values(columns: _Columns, errors: dict[int, str]) -> tuple[Values, npt.NDArray[np.bool_]]:
    """The numbers of all fields, and which fields have one: texts are not kept."""
    plain = _INTEGER_MARK.sub(b"", b",".join(columns.texts))
    try:
        parsed = orjson.loads(b"[%s]" % plain)
        if len(parsed) != len(columns.texts) or not set(map(type, parsed)) <= {int, float}:
            raise ValueError
        return np.array(parsed, np.float64), np.ones(len(parsed), np.bool_)
    except ValueError:
        of_line = np.repeat(np.array(columns.numbers, np.int64), np.array(columns.counts, np.int64)).tolist()
        found = [_value(text, number, errors) for text, number in zip(columns.texts, of_line, strict=True)]
        keep = np.array([one is not None for one in found], np.bool_)
        return np.array([0.0 if one is None else one for one in found]), keep


def _value(text: bytes, number: int, errors: dict[int, str]) -> float | None:
    """A field's value; None for a text."""
    if text.startswith(b'"'):
        if len(text) < 2 or not text.endswith(b'"'):
            errors[number] = "has a text without its closing quote"
        return None
    if text in _TRUE:
        return 1.0
    if text in _FALSE:
        return 0.0
    if _NUMBER.fullmatch(text) and math.isfinite(value := float(text.rstrip(b"iu"))):
        return value
    errors[number] = f"has the value {text[:40].decode(errors='replace')!r}, which is no number, true, false or text"
    return None


def _complaints(errors: dict[int, str]) -> list[Complaint]:
    numbers = sorted(errors)
    told = [Complaint(f"line {number} {errors[number]}", 1) for number in numbers[:_MOST_TOLD]]
    if len(numbers) > _MOST_TOLD:
        told.append(Complaint(f"and {len(numbers) - _MOST_TOLD} more lines are bad", len(numbers) - _MOST_TOLD))
    return told
