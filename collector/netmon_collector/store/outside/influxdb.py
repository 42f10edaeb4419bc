"""InfluxDB 1 and 2: a metric is a measurement with one field, read by InfluxQL."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Matcher, MatchOp, StoreError, StoreUnavailable, Times, Values
from netmon_collector.store.match import Condition
from netmon_collector.store.outside.base import Piece, Rejected, told
from netmon_collector.store.outside.http import Access, Http
from netmon_collector.store.outside.text import Alphabet, can_be_asked, escaped, tags
from netmon_collector.store.outside.writer import V2Writer
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import NAME, Labels

_FIELD: Final = "value"
_ALPHABET: Final = Alphabet("\n\\", reserved=("time", _FIELD, "_field", "_measurement"))
_HASH: Final = "\uf023"
"""Stands for a # that begins a metric's name: a line that begins with one is a comment to it."""
_LAST_MS: Final = 9_000_000_000_000
"""It counts nanoseconds in 64 bits: about the years 1684 to 2255."""
_PARTLY: Final = re.compile(r"partial write: .* dropped=(\d+)", re.DOTALL)
_CHUNK: Final = "10000"
_ROWS: Final = re.compile(rb'"values":\[\[([-+.eE0-9,\[\]]*)\]\]')
"""Rows of numbers. Quotes in texts are escaped, so no text looks like this."""
_QUOTE: Final = str.maketrans({"'": "\\'"})
_QUOTE_NAME: Final = str.maketrans({'"': '\\"'})


class InfluxDb:
    """A database, or a bucket that is mapped to one; see outside.base.Server.

    What it has taken is on its disk (`wal-fsync-delay` is 0 unless changed), so nothing is held.
    """

    hold_s = 0.0

    def __init__(self, url: str, access: Access, *, database: str, policy: str = "", org: str = "") -> None:
        self._url = url
        self._database = database
        self._place = {"db": database} | ({"rp": policy} if policy else {})
        self._http = Http(url, access)
        self._writer = V2Writer(url, access, org=org or "-", bucket=f"{database}/{policy}" if policy else database)
        self._has_v2 = False

    def check(self) -> str:
        self._has_v2 = self._http.status("POST", "/api/v2/write") != 404
        if [self._database] not in [row for one in self._asked("SHOW DATABASES") for row in one.get("values", ())]:
            try:
                self._asked(f"CREATE DATABASE {_name(self._database)}")
            except StoreError as error:
                raise StoreUnavailable(
                    f"{self._url} has no database {self._database}, and does not let us make it ({error}): create it, "
                    "or map a bucket to it, and permit reading and writing"
                ) from error
        return ""

    def _asked(self, statement: str) -> list[dict[str, Any]]:
        return _series(self._http.post("/query", {"q": statement}), self._url)

    def holds(self, values: Values, times: Times) -> npt.NDArray[np.bool_]:
        held: npt.NDArray[np.bool_] = np.isfinite(values) & (times >= -_LAST_MS) & (times <= _LAST_MS)
        return held

    def prefix(self, labels: Labels) -> bytes:
        name = escaped(_measurement(dict(labels).get(NAME, "")))
        return f"{name}{tags(labels, _ALPHABET)} {_FIELD}=".encode()

    def write(self, lines: bytes) -> None:
        try:
            if self._has_v2:
                self._writer.write(lines)
            else:
                self._writer.write_v1(lines, self._place)
        except Rejected as error:
            if (partly := _PARTLY.search(str(error))) is not None:
                raise Rejected(str(error), int(partly[1])) from None
            raise

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterator[Piece]:
        start_ms, end_ms = max(start_ms, -_LAST_MS), min(end_ms, _LAST_MS)
        if start_ms > end_ms:
            return
        source, conditions = asked(matchers)
        where = " AND ".join([f"time >= {start_ms}ms", f"time <= {end_ms}ms", *conditions])
        for line in self._lines(f"SELECT {_FIELD} FROM {source} WHERE {where} GROUP BY *"):  # noqa: S608 - quoted
            for one in _series(_ROWS.sub(_joined, line), self._url):
                table = np.array(one["values"], np.float64).reshape(-1, 2)  # milliseconds are exact in it
                yield told(_labels(one), table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1]))

    def series(self, matchers: Sequence[Matcher]) -> Iterator[Labels]:
        source, conditions = asked(matchers)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        for one in self._query(f"SELECT last({_FIELD}) FROM {source}{where} GROUP BY *"):  # noqa: S608 - quoted
            yield _labels(one)

    def label_names(self, matchers: Sequence[Matcher]) -> None:
        """InfluxQL knows the labels of samples that are deleted, and only some conditions here."""

    def label_values(self, name: str, matchers: Sequence[Matcher]) -> None:
        """As with the names."""

    def days(self) -> Iterator[int]:
        day_ms = -_LAST_MS
        while firsts := self._firsts(day_ms):
            day_ms = min(firsts) // DAY_MS * DAY_MS
            yield day_ms
            day_ms += DAY_MS

    def _firsts(self, start_ms: int) -> list[int]:
        """The time of the first sample of each metric from some time on."""
        asked = f"SELECT first({_FIELD}) FROM /.*/ WHERE time >= {start_ms}ms"  # noqa: S608 - numbers
        return [one["values"][0][0] for one in self._query(asked)]

    def close(self) -> None:
        self._http.close()
        self._writer.close()

    def _query(self, statement: str) -> Iterator[dict[str, Any]]:
        """The series of an answer; a long one comes in several parts."""
        for line in self._lines(statement):
            yield from _series(line, self._url)

    def _lines(self, statement: str) -> Iterator[bytes]:
        """The parts of an answer."""
        fields = {**self._place, "q": statement, "epoch": "ms", "chunked": "true", "chunk_size": _CHUNK}
        return self._http.lines("/query", fields)


def asked(matchers: Sequence[Matcher]) -> tuple[str, list[str]]:
    """What to select from, and conditions: of the matchers those that InfluxQL judges exactly as we do.

    A label that a series does not have is not always the empty text to it: such matchers are judged on our side.
    """
    source = "/.*/"
    conditions = []
    for matcher in matchers:
        if matcher.op not in (MatchOp.EQUAL, MatchOp.REGEX) or Condition(matcher).accepts(""):
            continue
        if not can_be_asked(matcher) or (matcher.name == NAME and matcher.op is MatchOp.REGEX and "#" in matcher.value):
            continue
        expression = f"/^(?:{matcher.value.replace('/', chr(92) + '/')})$/"
        if matcher.name == NAME:
            source = _name(_measurement(matcher.value)) if matcher.op is MatchOp.EQUAL else expression
        elif matcher.op is MatchOp.EQUAL:
            said = _ALPHABET.say(matcher.value).translate(_QUOTE)
            conditions.append(f"{_name(_ALPHABET.say_name(matcher.name))} = '{said}'")
        else:
            conditions.append(f"{_name(_ALPHABET.say_name(matcher.name))} =~ {expression}")
    return source, conditions


def _measurement(name: str) -> str:
    said = _ALPHABET.say(name)
    return _HASH + said[1:] if said.startswith("#") else said


def _name(text: str) -> str:
    return f'"{text.translate(_QUOTE_NAME)}"'


def _joined(rows: re.Match[bytes]) -> bytes:
    """Rows of numbers as one list. A list for each of them would be thousands of objects, which have Python look
    through all objects that it has every now and then, for a tenth of a second, while the event loop waits.
    """
    return b'"values":[%s]' % rows[1].replace(b"],[", b",")


def _labels(series: dict[str, Any]) -> Labels:
    name: str = series["name"]
    return _ALPHABET.hear({**series.get("tags", {}), NAME: "#" + name[1:] if name.startswith(_HASH) else name})


def _series(answer: bytes, url: str) -> list[dict[str, Any]]:
    """The series of an answer, or of one part of it. Raises StoreError."""
    try:
        plain = orjson.loads(answer)
        results = plain.get("results", [])
        errors = [one["error"] for one in (plain, *results) if "error" in one]
        series = [one for result in results for one in result.get("series", [])]
    except (ValueError, AttributeError, TypeError) as error:
        raise StoreError(f"{url} answers with something else than data") from error
    if errors:
        raise StoreError(f"{url} answers: {errors[0]}")
    return series
