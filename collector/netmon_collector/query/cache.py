"""Answers to range queries are kept: a dashboard that refreshes asks for the same again, with its end a little later.

Each step's result depends on samples that are no younger than the step; so the steps before the oldest sample that has
come, or gone, since an answer was made are still right, and only the others are evaluated.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from netmon_collector.query.answer import Answer, Mask
from netmon_collector.query.foresight import ANOMALY_RATE
from netmon_collector.query.plan import Query
from netmon_collector.query.record import record
from netmon_collector.query.syntax.nodes import Call, Edges, Node, Selector, Subquery, children
from netmon_collector.store.changes import Changes

_LABELS_BYTES: Final = 300


class _Key(NamedTuple):
    text: str
    step_ms: int
    phase_ms: int
    lookback_ms: int


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: Answer
    change: int
    size_bytes: int


class AnswerCache:
    """Keeps answers, `most_bytes` of them, the ones used last. Called on one thread."""

    def __init__(self, changes: Changes, most_bytes: int) -> None:
        self._changes = changes
        self._most_bytes = most_bytes
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self.size_bytes = 0

    def known(self, query: Query) -> "Known":
        """What is known of the answer to a query, before samples are read for the rest of it."""
        change = self._changes.number
        return Known(self._find(query), change)

    def complete(self, query: Query, known: "Known", rest: Answer) -> Answer:
        """The whole answer, which is kept."""
        answer = known.with_rest(rest)
        self._keep(query, answer, known.change)
        return answer

    def _find(self, query: Query) -> Answer | None:
        """What is known of the first steps of a query; of one step at least."""
        entry = self._entries.get(_key(query))
        if entry is None:
            return None
        self._entries.move_to_end(_key(query))
        times = entry.answer.times
        first = (query.start_ms - int(times[0])) // query.step_ms
        last = int(np.searchsorted(times, min(self._changes.oldest_since(entry.change), query.end_ms + 1)))
        if first < 0 or first >= last:
            return None
        return compact(_steps(entry.answer, first, last))

    def clear(self) -> None:
        """Forgets all answers: what they were asked for means something else now."""
        self._entries.clear()
        self.size_bytes = 0

    def _keep(self, query: Query, answer: Answer, change: int) -> None:
        size_bytes = answer.values.nbytes + answer.present.nbytes + _LABELS_BYTES * len(answer.labels)
        if size_bytes > self._most_bytes // 4:
            return
        before = self._entries.pop(_key(query), None)
        self._entries[_key(query)] = _Entry(answer, change, size_bytes)
        self.size_bytes += size_bytes - (before.size_bytes if before else 0)
        while self.size_bytes > self._most_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.size_bytes -= oldest.size_bytes


@record
class Known:
    """The first steps of an answer, one at least, or None; and the number of the last change before that was found."""

    answer: Answer | None
    change: int

    def rest(self, query: Query) -> Query | None:
        """What is still to be evaluated; None where that is nothing."""
        if self.answer is None:
            return query
        start_ms = int(self.answer.times[-1]) + query.step_ms
        return replace(query, start_ms=start_ms) if start_ms <= query.end_ms else None

    def with_rest(self, rest: Answer) -> Answer:
        return rest if self.answer is None else joined(self.answer, rest)


def is_steady(query: Query) -> bool:
    """Whether the value of a range query at a step is the same whatever its other steps are, and known by then."""
    return query.step_ms > 0 and all(_is_steady(query, node) for node in _walk(query.root))


def joined(before: Answer, after: Answer) -> Answer:
    """The answer whose first steps are in one, and whose others are in another."""
    times = np.concatenate([before.times, after.times])
    warnings = list(dict.fromkeys([*before.warnings, *after.warnings]))
    infos = list(dict.fromkeys([*before.infos, *after.infos]))
    labels = list(before.labels)
    if labels == list(after.labels):
        values = np.concatenate([before.values, after.values], axis=1)
        present = np.concatenate([before.present, after.present], axis=1)
    else:
        labels = sorted({*labels, *after.labels})
        rows = {one: row for row, one in enumerate(labels)}
        values, present = np.zeros((len(labels), len(times))), np.zeros((len(labels), len(times)), np.bool_)
        for part, steps in (before, slice(0, len(before.times))), (after, slice(len(before.times), None)):
            places = [rows[one] for one in part.labels]
            values[places, steps], present[places, steps] = part.values, part.present
    return compact(Answer(after.shape, labels, times, values, present, None, None, warnings, infos, after.stats))


def _is_steady(query: Query, node: Node) -> bool:
    match node:
        case Selector(edges=Edges.SMOOTHED):
            return False  # it depends on what comes later
        case Selector() | Subquery():
            return node.shift.at is None and query.offset_ms(node.shift) >= 0
        case Call():
            return node.function not in ("start", "end", "range", ANOMALY_RATE)  # verdicts come after their samples
    return True


def _walk(root: Node) -> list[Node]:
    found = [root]
    for node in found:
        found.extend(children(node))
        if isinstance(node, Selector | Subquery):
            lengths = (node.range, node.shift.offset, node.step if isinstance(node, Subquery) else None)
            found.extend(length for length in lengths if length is not None)
    return found


def _key(query: Query) -> _Key:
    return _Key(query.text, query.step_ms, query.start_ms % query.step_ms, query.lookback_ms)


def _steps(answer: Answer, first: int, last: int) -> Answer:
    return replace(
        answer,
        times=answer.times[first:last],
        values=answer.values[:, first:last],
        present=answer.present[:, first:last],
    )


def compact(answer: Answer) -> Answer:
    """Without the series that have no value at any step."""
    kept: Mask = np.asarray(answer.present.any(axis=1))
    if kept.all():
        return answer
    labels = [one for one, keep in zip(answer.labels, kept.tolist(), strict=True) if keep]
    return replace(answer, labels=labels, values=answer.values[kept], present=answer.present[kept])
