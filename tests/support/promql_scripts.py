"""Prometheus' test scripts for PromQL: reading them, and running them against an engine.

The format: `load <step>` and series with points, `clear`, `eval instant at …` and `eval range from …` and what is
expected of them.
Native histograms are not stored: a command that would read or expect one is skipped and counted.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from netmon_collector.query.answer import Answer, QueryError, Shape
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.query.syntax.literals import duration_ms, number_of
from netmon_collector.query.syntax.nodes import Node, Selector, String, children
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import one_line
from netmon_collector.rules.trial.notation import NativeHistogram, points_of, series_of
from netmon_collector.store.match import Matching
from netmon_proto.model import Labels
from tests.support.memory_store import MemoryStore
from tests.support.pinned import depends_on_time, pinned

_EVAL: Final = re.compile(
    r"eval(_fail|_warn|_info|_ordered)?\s+(?:instant\s+at\s+(\S+)|range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+))\s+(.*)"
)
_OF_THE_QUERY: Final = re.compile(r"\b(start|end|step|range)\(\)")
"""What differs between an instant query and a range query that has the same time among its steps."""


@dataclass(slots=True)
class Case:
    """One `eval` with all that is expected of it. Times are in ms."""

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int
    fails: bool = False
    message: str | None = None
    pattern: str | None = None
    ordered: bool = False
    text: str | None = None
    notes: list[str] = field(default_factory=list)
    samples: tuple[int, int, int] | None = None
    results: list[str] = field(default_factory=list)

    @property
    def instant(self) -> bool:
        return self.step_ms == 0


@dataclass(slots=True)
class Tally:
    """How many cases of a script were run, and how many skipped."""

    run: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def time_ms(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("-")
    return sign * (duration_ms(text) if text[-1].isalpha() else round(float(text) * 1000))


class Script:
    """Runs the commands of one script, one after the other."""

    def __init__(self, path: Path, *, shared: bool) -> None:
        self._lines = path.read_text().splitlines()
        self._shared = shared
        self._clear()
        self.tally = Tally()

    def _clear(self) -> None:
        self._store = MemoryStore(shared=self._shared)
        self._native: list[Labels] = []

    async def run(self) -> Tally:
        at = 0
        while at < len(self._lines):
            line = self._lines[at].strip()
            block, after = self._block(at + 1)
            if line.startswith("clear"):
                self._clear()
            elif line.startswith("load"):
                self._load(line, block)
            elif line.startswith("eval"):
                await self._eval(_case(at + 1, line, block))
            elif line and not line.startswith("#"):
                raise ValueError(f"line {at + 1}: invalid command {line!r}")
            at = after if line.startswith(("load", "eval")) else at + 1
        return self.tally

    def _block(self, start: int) -> tuple[list[str], int]:
        """The lines that belong to a command: up to an empty one or a comment, or the one that must be the last."""
        lines: list[str] = []
        for at in range(start, len(self._lines)):
            line = self._lines[at].strip()
            if not line or line.startswith("#"):
                return lines, at
            lines.append(line)
            if line.startswith("expected_fail_") or _is_number(line):
                return lines, at + 1
        return lines, len(self._lines)

    def _load(self, line: str, block: Sequence[str]) -> None:
        step_ms = time_ms(line.split()[1])
        for text in block:
            if text.split()[0].endswith("@st"):  # when counters began: not stored, as native histograms are not
                self._native.append(series_of(text.replace("@st", "", 1))[0])
                continue
            key, points = series_of(text)
            if line.startswith("load_with_nhcb"):
                self._native.append(_without_le(key))
            try:
                values = points_of(points)
            except NativeHistogram:
                self._native.append(key)
                self._store.samples.pop(key, None)
                continue
            if key not in self._native:
                known = {number * step_ms: value for number, value in enumerate(values) if value is not None}
                self._store.add(dict(key), known)

    async def _eval(self, case: Case) -> None:
        if self._needs_native(case):
            self.tally.skipped += 1
            return
        self.tally.run += 1
        engine = Engine(self._store, QueryOptions(experimental=True))  # type: ignore[arg-type]
        try:
            problem = await _check(engine, case)
            if problem is None and case.instant and not case.fails and case.samples is None and case.text is None:
                problem = await _check_as_range(engine, case) or await _check_pinned(engine, case)
        finally:
            engine.close()
        if problem is not None:
            self.tally.failures.append(f"line {case.line}: {case.query}: {problem}")

    def _needs_native(self, case: Case) -> bool:
        if any("{{" in line for line in case.results):
            return True
        try:
            selectors = list(_selectors(parse(case.query)))
        except QueryError:
            return False
        return any(
            Matching(selector.matchers).accepts(labels) for selector in selectors for labels in self._native
        ) or any("native histogram" in note or "mix of histograms" in note for note in case.notes)


def _without_le(labels: Labels) -> Labels:
    return tuple(
        (name, re.sub("_(bucket|sum|count)$", "", value) if name == "__name__" else value)
        for name, value in labels
        if name != "le"
    )


def _selectors(node: Node) -> Iterator[Selector]:
    if isinstance(node, Selector):
        yield node
    for child in children(node):
        yield from _selectors(child)


def _case(number: int, line: str, block: Sequence[str]) -> Case:
    found = _EVAL.fullmatch(line)
    assert found is not None, f"line {number} is not understood: {line}"
    old, at, start, end, step, query = found.groups()
    if at is not None:
        case = Case(number, query, time_ms(at), time_ms(at), 0)
    else:
        case = Case(number, query, time_ms(start), time_ms(end), time_ms(step))
    case.fails, case.ordered = old == "_fail", old == "_ordered"
    case.notes = {"_warn": ["warn"], "_info": ["info"]}.get(old or "", [])
    for text in block:
        _expectation(case, text)
    return case


def _expectation(case: Case, text: str) -> None:
    words = text.split(None, 2)
    if words[0] == "expected_fail_message":
        case.message = text.split(None, 1)[1]
    elif words[0] == "expected_fail_regexp":
        case.pattern = text.split(None, 1)[1]
    elif words[0] != "expect":
        case.results.append(text)
    elif words[1] == "fail":
        case.fails = True
        kind, _, rest = (words[2] if len(words) > 2 else "").partition(":")
        case.message = rest.strip() if kind == "msg" else None
        case.pattern = rest.strip() if kind == "regex" else None
    elif words[1] == "ordered":
        case.ordered = True
    elif words[1] == "string":
        string = parse(words[2])
        assert isinstance(string, String)
        case.text = string.value
    elif words[1] == "range":
        start, end, step = re.findall(r"(?:from|to|step)\s+(\S+)", text)
        case.samples = (time_ms(start), time_ms(end), time_ms(step))
    else:
        case.notes.append(text.split(None, 1)[1])


async def _ask(engine: Engine, case: Case) -> Answer:
    if case.instant:
        return await engine.instant(case.query, case.start_ms)
    return await engine.range(case.query, case.start_ms, case.end_ms, case.step_ms)


async def _check(engine: Engine, case: Case) -> str | None:
    """What is not as expected; None where all is."""
    try:
        answer = await _ask(engine, case)
    except QueryError as error:
        return _check_failure(case, error.message)
    if case.fails:
        return f"should have failed, but gave {answer}"
    if case.text is not None:
        return None if answer.text == case.text else f"should be {case.text!r}, is {answer.text!r}"
    return _check_notes(case, answer) or _check_results(case, answer)


def _check_failure(case: Case, message: str) -> str | None:
    if not case.fails:
        return f"failed: {message}"
    if case.message is not None and message != case.message:
        return f"failed with {message!r} instead of {case.message!r}"
    if case.pattern is not None and not re.search(case.pattern, message):
        return f"failed with {message!r}, which does not match {case.pattern!r}"
    return None


def _check_notes(case: Case, answer: Answer) -> str | None:
    for note in case.notes:
        kind, _, wanted = note.partition(" ")
        given = answer.warnings if kind.endswith("warn") else answer.infos
        if kind.startswith("no_"):
            if given:
                return f"should not tell {list(given)}"
        elif not given:
            return f"should {note}, and tells nothing"
        elif not any(_is_told(wanted, one) for one in given):
            return f"should tell {wanted!r}, tells {list(given)}"
    for kind, given in (("warn", answer.warnings), ("info", answer.infos)):
        wanted_ones = [note.partition(" ")[2] for note in case.notes if note.partition(" ")[0] == kind]
        for one in given if wanted_ones else ():
            if not any(_is_told(wanted, one) for wanted in wanted_ones):
                return f"tells {one!r} as well"
    return None


def _is_told(wanted: str, told: str) -> bool:
    """Whether an annotation is the one that `msg:` or `regex:` asks for; any is where nothing is asked for."""
    kind, _, text = wanted.strip().partition(":")
    return not kind or (told == text.strip() if kind == "msg" else re.search(text.strip(), told) is not None)


def _check_results(case: Case, answer: Answer) -> str | None:
    wanted = [_expected(case, line) for line in case.results]
    given = _given(answer, case)
    if case.instant and case.results and (answer.shape is Shape.SCALAR) != _is_number(case.results[0]):
        return f"should not be of shape {answer.shape}"
    if case.ordered and [labels for labels, _ in wanted] != [labels for labels, _ in given]:
        return f"order should be {[labels for labels, _ in wanted]}, is {[labels for labels, _ in given]}"
    wanted_by, given_by = dict(wanted), dict(given)
    if set(wanted_by) != set(given_by):
        return f"series should be {sorted(wanted_by)}, are {sorted(given_by)}"
    for labels, points in wanted_by.items():
        own = given_by[labels]
        if set(points) != set(own) or not all(_equal(points[at], own[at]) for at in points):
            return f"{dict(labels)} should be {points}, is {own}"
    return None


def _expected(case: Case, line: str) -> tuple[Labels, dict[int, float]]:
    labels, points = ((), line) if _is_number(line) else series_of(line)
    values = points_of(points) if labels or not _is_number(line) else [_number(line)]
    if case.samples is not None:
        start_ms, _, step_ms = case.samples
    else:
        start_ms, step_ms = case.start_ms, case.step_ms
    at = {start_ms + number * step_ms: value for number, value in enumerate(values) if value is not None}
    return labels, at


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float:
    plain = text.lstrip("+-")
    value = number_of(plain) if plain[:1].isdecimal() or plain.startswith(".") else float(plain)
    return -value if text.startswith("-") else value


def _given(answer: Answer, case: Case) -> list[tuple[Labels, dict[int, float]]]:
    if answer.samples is not None:
        rows = [answer.samples.of(row) for row in range(len(answer.labels))]
        return [
            (labels, dict(zip(times.tolist(), values.tolist(), strict=True)))
            for labels, (times, values) in zip(answer.labels, rows, strict=True)
        ]
    if case.instant:
        assert answer.shape in (Shape.SCALAR, Shape.VECTOR)
    result = []
    for row, labels in enumerate(answer.labels):
        there = np.flatnonzero(answer.present[row])
        result.append((labels, {int(answer.times[at]): float(answer.values[row, at]) for at in there}))
    return result


def _equal(wanted: float, given: float) -> bool:
    if math.isnan(wanted) or math.isnan(given):
        return math.isnan(wanted) and math.isnan(given)
    if wanted == given:
        return True
    if math.isinf(wanted) or math.isinf(given):
        return False
    least = 2.2250738585072014e-308
    if 0 in (wanted, given) or abs(wanted) + abs(given) < least:
        return abs(wanted - given) < 1e-6 * least
    return abs(wanted - given) / min(abs(wanted) + abs(given), 1.7e308) < 1e-6


async def _check_as_range(engine: Engine, case: Case) -> str | None:
    """An instant query is the middle step of a range query."""
    if _OF_THE_QUERY.search(case.query):
        return None
    wide = replace(case, start_ms=case.start_ms - 60_000, end_ms=case.start_ms + 60_000, step_ms=60_000)
    try:
        answer = await _ask(engine, wide)
    except QueryError as error:
        return f"failed as a range: {error.message}"
    middle = replace(answer, times=answer.times[1:2], values=answer.values[:, 1:2], present=answer.present[:, 1:2])
    rows = np.flatnonzero(middle.present[:, 0])
    only = replace(
        middle,
        labels=[answer.labels[row] for row in rows.tolist()],
        values=middle.values[rows],
        present=middle.present[rows],
    )
    problem = _check_results(replace(case, ordered=False, step_ms=1), only)
    return None if problem is None else f"as a range, {problem}"


async def _check_pinned(engine: Engine, case: Case) -> str | None:
    """With all its selectors pinned to the time of the query, it comes to the same at any other time."""
    root = parse(case.query)
    if depends_on_time(root):
        return None
    query = one_line(pinned(root, case.start_ms))
    for other in (-10 * case.start_ms or -1000, 10 * case.start_ms or 1000):
        moved = replace(case, query=query, start_ms=other, end_ms=other, notes=[])
        problem = await _check(engine, moved)
        if problem is not None:
            return f"as {query} at {other}, {problem}"
    return None
