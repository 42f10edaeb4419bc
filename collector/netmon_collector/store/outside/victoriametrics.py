"""VictoriaMetrics, single or cluster: written by the line protocol, read by its export."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Frame, Matcher, MatchOp, StoreError, StoreUnavailable, Times, Values
from netmon_collector.store.outside.base import Piece, told
from netmon_collector.store.outside.http import Access, Http
from netmon_collector.store.outside.text import Alphabet, can_be_asked, escaped, tags
from netmon_collector.store.outside.writer import V2Writer
from netmon_collector.store.remote import Steps, Summarised, Summary
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import NAME, Labels

HOLD_S: Final = 30.0
"""It shows a write after 1 s, of a new series after 10, and has it on disk after 5; this is generous."""

_FIRST_MS: Final = 1
"""Time 0 means "now" to it, and nothing is before."""
_LAST_MS: Final = 9_000_000_000_000
_WINDOW_MS: Final = 30 * DAY_MS
"""Up to 40 days it looks into its index by days: then to find nothing costs nothing."""
_GUESSED_MS: Final = 60_000
"""It makes up values of the last half minute (-search.latencyOffset); this is generous."""
_AHEAD_MS: Final = 2 * DAY_MS
_ALPHABET: Final = Alphabet("\n")
_DEDUP: Final = re.compile(rb'^flag\{name="dedup\.minScrapeInterval", ?value="([^"]*)"', re.MULTILINE)
_STARTED: Final = re.compile(rb"^vm_app_start_timestamp (\S+)", re.MULTILINE)
_WANTED: Final = ("1ms", "0.001s")
_VALUES: Final = b'},"values":['
_SERIES: Final = re.compile(rb'{\s*"metric"\s*:\s*{')
_ROWS: Final = re.compile(rb'}\s*,\s*"values"\s*:\s*\[\s*\[')
_NEXT_ROW: Final = re.compile(rb"\]\s*,\s*\[")
"""Marks between the parts of an answer. Quotes in texts are escaped, so no text looks like the first two."""


class VictoriaMetrics:
    """A server or a cluster; see outside.base.Server.

    `insert_url` and `select_url` are those below which the line protocol and Prometheus' API are, `metrics_url` that
    of the process that answers queries.
    """

    def __init__(
        self, insert_url: str, select_url: str, metrics_url: str, access: Access, *, hold_s: float = HOLD_S
    ) -> None:
        self.hold_s = hold_s
        self._url = metrics_url
        self._metrics = Http(metrics_url, access)
        self._http = Http(select_url, access)
        self._writer = V2Writer(insert_url, access)

    def check(self) -> str:
        page = self._metrics.get("/metrics")
        flag = _DEDUP.search(page)
        interval = flag[1].decode(errors="replace") if flag else "unknown"
        if interval not in _WANTED:
            raise StoreUnavailable(
                f"{self._url} runs with -dedup.minScrapeInterval={interval}: start it with "
                "-dedup.minScrapeInterval=1ms, else what is sent twice is kept twice, or samples are thinned out"
            )
        started = _STARTED.search(page)
        return started[1].decode(errors="replace") if started else ""

    def holds(self, values: Values, times: Times) -> npt.NDArray[np.bool_]:
        held: npt.NDArray[np.bool_] = ~np.isnan(values) & (times >= _FIRST_MS) & (times <= _LAST_MS)
        return held

    def prefix(self, labels: Labels) -> bytes:
        """The measurement stays empty: so the field's name alone is the metric's."""
        name = escaped(_ALPHABET.say(dict(labels).get(NAME, "")))
        return f"{tags(labels, _ALPHABET)} {name}=".encode()

    def write(self, lines: bytes) -> None:
        self._writer.write(lines)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterator[Piece]:
        start_ms, end_ms = max(start_ms, _FIRST_MS), min(end_ms, _LAST_MS)
        if start_ms > end_ms:
            return
        fields = _fields(matchers, start_ms - 1, end_ms + 1)  # it reads times as floats, so they may be 1 ms off
        for line in self._http.lines("/api/v1/export", fields):
            metric, times, values = _parse(line)
            inside = (times >= start_ms) & (times <= end_ms)
            yield told(_ALPHABET.hear(metric), times[inside], values[inside])

    def series(self, matchers: Sequence[Matcher]) -> Iterator[Labels]:
        for metric in self._data("/api/v1/series", _fields(matchers, _FIRST_MS, _LAST_MS)):
            yield _ALPHABET.hear(metric)

    def label_names(self, matchers: Sequence[Matcher]) -> list[str] | None:
        if not all(map(can_be_asked, matchers)):
            return None
        told = self._data("/api/v1/labels", _fields(matchers, _FIRST_MS, _LAST_MS))
        return [_ALPHABET.hear_text(name) for name in told]

    def label_values(self, name: str, matchers: Sequence[Matcher]) -> list[str] | None:
        if not all(map(can_be_asked, [*matchers, Matcher(name, MatchOp.NOT_EQUAL, "")])):
            return None
        told = self._data(f"/api/v1/label/{name}/values", _fields(matchers, _FIRST_MS, _LAST_MS))
        return [_ALPHABET.hear_text(value) for value in told]

    def summarise(self, what: Summary, steps: Steps, before_ms: int) -> Summarised | None:
        if not all(map(can_be_asked, what.matchers)):
            return None
        now_ms = self._now_ms()
        last_ms = min(steps.end_ms, before_ms - 1, now_ms - _GUESSED_MS)
        until_ms = last_ms - (last_ms - steps.start_ms) % steps.step_ms
        if until_ms < steps.start_ms:
            return None
        fields = {
            "query": _expression(what),
            "start": _seconds(steps.start_ms),
            "end": _seconds(until_ms),
            "step": _seconds(steps.step_ms),
            "nocache": "1",  # else it moves the steps
        }
        parts = self._http.parts("/api/v1/query_range", fields, _SERIES)
        if b'"result"' not in next(parts, b""):
            raise StoreError(f"{self._url} answers a query with something else than series")
        return Summarised([_frame(part) for part in parts], until_ms)

    def _now_ms(self) -> int:
        """The time by the server's clock."""
        return int(float(self._data("/api/v1/query", {"query": "vector(time())"})["result"][0]["value"][1]) * 1000)

    def days(self) -> Iterator[int]:
        """Found by looking into each month since 1970, and into each day of a month that has something."""
        for month_ms in range(0, self._now_ms() + _AHEAD_MS, _WINDOW_MS):
            if self._has_samples(month_ms, _WINDOW_MS):
                days = range(month_ms, month_ms + _WINDOW_MS, DAY_MS)
                yield from (day_ms for day_ms in days if self._has_samples(day_ms, DAY_MS))

    def _has_samples(self, start_ms: int, length_ms: int) -> bool:
        lines = self._http.lines("/api/v1/export", _fields((), start_ms - 1, start_ms + length_ms))
        with contextlib.closing(lines):
            return next(lines, None) is not None

    def close(self) -> None:
        self._metrics.close()
        self._http.close()
        self._writer.close()

    def _data(self, path: str, fields: dict[str, str]) -> Any:
        try:
            return orjson.loads(self._http.post(path, fields))["data"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise StoreError(f"{self._url} answers {path} with something else than data") from error


def _fields(matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> dict[str, str]:
    return {"match[]": selector(matchers), "start": _seconds(max(start_ms, _FIRST_MS)), "end": _seconds(end_ms)}


def _seconds(time_ms: int) -> str:
    return f"{time_ms // 1000}.{time_ms % 1000:03}"


def selector(matchers: Sequence[Matcher]) -> str:
    """Matchers as PromQL; those that it might judge otherwise than we do are left out."""
    asked = [
        f"{matcher.name}{matcher.op}{orjson.dumps(_ALPHABET.say(matcher.value)).decode()}"  # Go reads JSON's escapes
        for matcher in matchers
        if can_be_asked(matcher)
    ]
    return "{" + ",".join([*asked, f'{NAME}!=""']) + "}"


def _expression(what: Summary) -> str:
    """A summary in MetricsQL."""
    window = f"[{what.range_ms}ms]" + (f" offset {what.offset_ms}ms" if what.offset_ms else "")
    values = f"{what.function}({selector(what.matchers)}{window})"
    if not what.grouping:
        return f"{what.aggregation}({values})"
    return f"{what.aggregation}({values}) {'without' if what.without else 'by'} ({','.join(what.grouping)})"


def _frame(part: bytes) -> Frame:
    """One series of an answer to a range query, which is read part by part, and the rows of a part as one list: at once
    it would be a list for each value, and all threads would wait for that.
    """
    try:
        labels, rows = _ROWS.split(part, 1)
        numbers, _, _ = _NEXT_ROW.sub(b",", rows).partition(b"]")
        points = np.array(orjson.loads(b"[%s]" % numbers), dtype=object).reshape(-1, 2)
        times = np.round(points[:, 0].astype(np.float64) * 1000).astype(np.int64)
        return Frame([_ALPHABET.hear(orjson.loads(b"{%s}" % labels))], times, points[:, 1:].astype(np.float64))
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError("VictoriaMetrics answers a query with something else than series") from error


def _parse(line: bytes) -> tuple[dict[str, str], Times, Values]:
    """One series of an export."""
    try:
        try:
            answer = orjson.loads(line)
        except orjson.JSONDecodeError:  # infinities are written as no JSON knows them
            labels, mark, rest = line.partition(_VALUES)
            answer = json.loads(labels + mark + rest.replace(b"+Inf", b"Infinity").replace(b"-Inf", b"-Infinity"))
        return answer["metric"], np.array(answer["timestamps"], np.int64), np.array(answer["values"], np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError("VictoriaMetrics exports something else than samples") from error
