"""PromQL over a store, top to bottom: parse, plan, read the samples, evaluate in a thread, settle the answer."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np

from netmon_collector.query.answer import Answer, ErrorKind, Mask, QueryError, Stats
from netmon_collector.query.answering import answer_of, stored_samples, subquery_samples
from netmon_collector.query.cache import AnswerCache, Known, compact, is_steady, joined
from netmon_collector.query.evaluate import Evaluator, PartEvaluator, Source
from netmon_collector.query.functions import THOROUGH
from netmon_collector.query.guard import Guard
from netmon_collector.query.handles import Handles, expanded, widened
from netmon_collector.query.history import told_by_rollups
from netmon_collector.query.known import KnownSeries
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.query.plan import Need, Query, check_allowed, invariant, needs
from netmon_collector.query.pushdown import pushed
from netmon_collector.query.reading import Found, NotAtHand, Reader
from netmon_collector.query.record import record
from netmon_collector.query.series import SeriesSet
from netmon_collector.query.sharing import Asked, Part, Together, Tree
from netmon_collector.query.syntax.nodes import Selector, ValueType, bare
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.values import Steps
from netmon_collector.query.windows import Tracks, newest
from netmon_collector.store.base import Latest, Lines, Matcher, Store
from netmon_collector.store.changes import Watched
from netmon_collector.store.remote import Summarising
from netmon_proto.model import Labels

_SHORT: Final = 4096
"""Characters; a longer text may take so long to parse that a thread does it, and is not kept."""

_SMALL: Final = 100_000
"""Steps x characters: so many are evaluated on the event loop, if their samples are at hand."""

_FEW_SAMPLES: Final = 20_000

_SOURCE: Final = "source"


@record
class Question:
    """An expression, and its time; with a step its times, start_ms, start_ms + step_ms, … up to and with end_ms.

    limits and lookback take the place of those of the options. may_be_kept: whether steps of an earlier answer may be
    taken where no sample of theirs has changed since.
    """

    text: str
    start_ms: int
    end_ms: int
    step_ms: int = 0
    limits: Limits | None = None
    lookback_ms: int | None = None
    may_be_kept: bool = True


class Engine:
    """Evaluates queries, in threads of its own, so that the event loop that calls it is not held up.

    Raises QueryError and nothing else. A caller that is cancelled cancels its query.
    """

    def __init__(self, store: Store, options: QueryOptions) -> None:
        self._options = options
        self._server = store if isinstance(store, Summarising) else None
        self._reader = Reader(store, options)
        self._understood = lru_cache(options.trees)(self._understand)
        self._handles: Handles = {}
        self._series = KnownSeries()
        self._threads = ThreadPoolExecutor(options.concurrency, "netmon-query", _keep_calm)
        self._calm = Context()
        self._calm.run(_keep_calm)
        self._cache = AnswerCache(store.changes, options.cache_bytes) if isinstance(store, Watched) else None

    def know_handles(self, handles: Handles) -> None:
        """Has queries about one handle of a device be about all of them from now on."""
        self._handles = handles
        self._understood.cache_clear()
        if self._cache is not None:
            self._cache.clear()

    @property
    def bounds(self) -> Limits:
        """Of a query that brings none."""
        return self._options.limits

    @property
    def lookback_ms(self) -> int:
        """How long a sample counts in a query that does not say it."""
        return self._options.lookback_ms

    def widened(self, matchers: Sequence[Matcher]) -> tuple[Matcher, ...]:
        """Conditions on series that are about all handles of a device where they are about one."""
        return widened(matchers, self._handles)

    def in_order(self, labels: Sequence[Labels], chosen: Mask) -> Sequence[Labels]:
        """Some of the series in the order of their labels, which is kept for series of a store's index."""
        series = self._series.of(labels)
        return (series if chosen.all() else series.take(chosen)).sorted().labels()

    async def instant(
        self, text: str, time_ms: int, *, limits: Limits | None = None, lookback_ms: int | None = None
    ) -> Answer:
        """The value of an expression at one time; limits and lookback take the place of those of the options."""
        return await self.answer(Question(text, time_ms, time_ms, limits=limits, lookback_ms=lookback_ms))

    async def range(
        self,
        text: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        limits: Limits | None = None,
        lookback_ms: int | None = None,
        may_be_kept: bool = True,
    ) -> Answer:
        """The value of an expression at start_ms, start_ms + step_ms, … up to and with end_ms."""
        if step_ms <= 0:
            raise QueryError(ErrorKind.BAD_DATA, "zero or negative query resolution step widths are not accepted")
        question = Question(
            text, start_ms, end_ms, step_ms, limits=limits, lookback_ms=lookback_ms, may_be_kept=may_be_kept
        )
        return await self.answer(question)

    async def answer(self, question: Question) -> Answer:
        """The answer to a question, wherever it comes from."""
        limits = question.limits or self._options.limits
        query = self._query(question, await self._tree(question.text), limits)
        answer = self._quick(question, query, limits)
        if answer is not None:
            return answer
        cache = self._cache_for(question, query)
        if cache is None:
            return await self._summarised(query, limits)
        known = cache.known(query)
        later = known.rest(query)
        assert later is not None  # else it was quick
        return self._completed(cache, query, known, await self._in_a_thread(later, limits))

    def answer_at_hand(self, question: Question) -> Answer | None:
        """The answer to what is small and whose samples are in memory, at once; None for all else."""
        if len(question.text) > _SHORT:
            return None
        limits = question.limits or self._options.limits
        return self._quick(question, self._query(question, self._understood(question.text), limits), limits)

    async def instants(self, texts: Sequence[str], time_ms: int, *, limits: Limits | None = None) -> list[Asked]:
        """As `instant`, of several expressions; what they have in common is read and computed once.

        Annotations on what they have in common are told with the first that has it.
        """
        queries = [await self._asked(text, time_ms) for text in texts]
        loop = asyncio.get_running_loop()

        def evaluate(query: Query, guard: Guard, part: Part) -> Answer:
            with _told_of_mistakes():
                return self._evaluate(query, guard, loop, part)

        together = Together(queries, limits or self._options.limits, evaluate)
        try:
            while not together.done:
                await loop.run_in_executor(self._threads, together.take_turn)
        except asyncio.CancelledError:
            together.cancel()
            raise
        return together.asked

    def _quick(self, question: Question, query: Query, limits: Limits) -> Answer | None:
        """The answer, where it is known or takes a few milliseconds."""
        cache = self._cache_for(question, query)
        if cache is None:
            return self._at_hand(query, limits)
        known = cache.known(query)
        later = known.rest(query)
        if later is None:
            return known.answer
        answer = self._at_hand(later, limits)
        return None if answer is None else self._completed(cache, query, known, answer)

    def _completed(self, cache: AnswerCache, query: Query, known: Known, rest: Answer) -> Answer:
        """The whole answer, which is kept unless all of it is as fast evaluated as put together."""
        stats, takers = rest.stats, query.takers
        is_small = stats.series_read * query.steps < self._options.kept_cells and stats.samples_read < _FEW_SAMPLES
        if is_small and takers is not None and not any(function in THOROUGH for _, function in takers):
            return known.with_rest(rest)
        return cache.complete(query, known, rest)

    def _cache_for(self, question: Question, query: Query) -> AnswerCache | None:
        """Where the answer to a query may be kept; None where every step is to be evaluated."""
        asks_anew = not question.may_be_kept or question.lookback_ms is not None
        return None if asks_anew or not is_steady(query) else self._cache

    async def _summarised(self, query: Query, limits: Limits) -> Answer:
        """The answer to a range query of which the store's server may evaluate the first steps."""
        known = None if self._server is None else await pushed(self._server, query, Guard(limits))
        if known is None:
            return await self._in_a_thread(query, limits)
        rest = replace(query, start_ms=int(known.times[-1]) + query.step_ms)
        return compact(known) if rest.start_ms > rest.end_ms else joined(known, await self._in_a_thread(rest, limits))

    def close(self) -> None:
        """Ends the threads as soon as their queries are done; no query may be asked afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _query(self, question: Question, tree: Tree, limits: Limits) -> Query:
        start_ms, end_ms, step_ms = question.start_ms, question.end_ms, question.step_ms
        if end_ms < start_ms:
            raise QueryError(ErrorKind.BAD_DATA, "end timestamp must not be before start time")
        if step_ms and (end_ms - start_ms) // step_ms > limits.steps:
            raise QueryError(
                ErrorKind.BAD_DATA,
                f"exceeded maximum resolution of {limits.steps:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)",
            )
        if step_ms and tree.root.type not in (ValueType.SCALAR, ValueType.VECTOR):
            raise QueryError(
                ErrorKind.BAD_DATA,
                f'invalid expression type "{tree.root.type}" for range query, must be Scalar or instant Vector',
            )
        lookback_ms = question.lookback_ms or self._options.lookback_ms
        inner_ms = self._options.subquery_step_ms
        return Query(
            question.text, tree.root, start_ms, end_ms, step_ms, lookback_ms, inner_ms, tree.invariant, tree.takers
        )

    async def _asked(self, text: str, time_ms: int) -> tuple[Query, Tree] | QueryError:
        try:
            tree = await self._tree(text)
        except QueryError as error:
            return error
        lookback_ms, step_ms = self._options.lookback_ms, self._options.subquery_step_ms
        return Query(text, tree.root, time_ms, time_ms, 0, lookback_ms, step_ms, tree.invariant), tree

    async def _tree(self, text: str) -> Tree:
        if len(text) <= _SHORT:
            return self._understood(text)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._understand, text)

    def _understand(self, text: str) -> Tree:
        root = expanded(parse(text), self._handles)
        if not self._options.experimental:
            check_allowed(text, root)
        return Tree(root, invariant(root))

    async def _in_a_thread(self, query: Query, limits: Limits) -> Answer:
        guard = Guard(limits)
        loop = asyncio.get_running_loop()
        try:
            with _told_of_mistakes():
                return await loop.run_in_executor(self._threads, self._evaluate, query, guard, loop)
        except asyncio.CancelledError:
            guard.cancel()
            raise

    def _at_hand(self, query: Query, limits: Limits) -> Answer | None:
        """The answer to what is small, at once; None where it may take too long for the event loop."""
        steps = query.steps
        if steps * len(query.text) > _SMALL or steps > self._options.at_hand_cells:
            return None
        if query.root.type is ValueType.MATRIX and not isinstance(bare(query.root), Selector):  # a subquery
            return None
        try:
            return self._calm.copy().run(self._evaluate, query, Guard(limits), None)
        except NotAtHand:
            return None
        except Exception as error:  # as in a thread
            raise _told(error) from error

    def _evaluate(
        self, query: Query, guard: Guard, loop: asyncio.AbstractEventLoop | None, part: Part | None = None
    ) -> Answer:
        """On one thread from the samples to the answer: to change threads takes as long as a small query.

        Without a loop on the event loop itself; raises NotAtHand where that is not to wait for it.
        """
        sources = self._read(query, guard, loop, part)
        root = bare(query.root)
        if isinstance(root, Selector) and root.range is not None:
            return stored_samples(query, root, sources[id(root)], guard)
        delayed = self._options.delayed_name_removal
        if part is None:
            evaluator = Evaluator(query, sources, guard, delayed_name_removal=delayed)
        else:
            evaluator = PartEvaluator(part, query, sources, guard, delayed_name_removal=delayed)
        steps = Steps.of_query(query.start_ms, query.end_ms, query.step_ms)
        if query.root.type is ValueType.MATRIX:
            return subquery_samples(query, evaluator, steps)
        value = evaluator.evaluate(query.root, steps)
        return answer_of(query, value, steps, evaluator.notes, Stats(guard.samples, guard.series))

    def _read(
        self, query: Query, guard: Guard, loop: asyncio.AbstractEventLoop | None, part: Part | None
    ) -> dict[int, Source]:
        """The samples of all selectors; of times of which samples are gone, their rollups."""
        told = told_by_rollups(query)
        sources = {}
        for need in needs(query) if part is None else needs(query, part.spares):
            selector = need.selector
            before = guard.series, guard.samples
            if loop is None:
                if need.is_inner or id(selector) in told:
                    raise NotAtHand
                windows_ms = query.steps * query.range_ms(selector) if need.function in THOROUGH else 0
                found = self._reader.read_at_hand(need, query.steps, windows_ms, guard)
                if query.root.type is ValueType.MATRIX and guard.samples > _FEW_SAMPLES:  # each of which is told
                    raise NotAtHand
                sources[id(selector)] = self._source(need, found)
            else:
                found, history = self._reader.read(need, told.get(id(selector)), guard, loop)
                sources[id(selector)] = replace(self._source(need, found), history=history)
            if part is not None:
                part.read[id(selector)] = guard.series - before[0], guard.samples - before[1]
        return sources

    def _source(self, need: Need, found: Found) -> Source:
        match found:
            case Latest():
                series, times, values = self._series.of(found.labels), found.times, found.values
                young = times > need.after_ms
                if not young.all():
                    series, times, values = series.take(young), times[young], values[young]
                return Source(series, newest(times, values, need.after_ms, need.until_ms))
            case Lines():
                source: Source | None = found.made.get(_SOURCE)
                if source is None:
                    source = Source(self._series.of(found.labels), Tracks.of(found))
                    if source.samples.values is found.values:  # else it takes as much memory again
                        found.made[_SOURCE] = source
                return source
            case _:
                return Source(SeriesSet.of_parts([frame.labels for frame in found]), Tracks.of_frames(found))


def _keep_calm() -> None:
    """Has numpy say nothing of what is no number, in the thread or the context that calls it."""
    np.seterr(all="ignore")


@contextmanager
def _told_of_mistakes() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a mistake of ours in one query must not stop who asked
        raise _told(error) from error


def _told(error: Exception) -> QueryError:
    match error:
        case QueryError():
            return error
        case MemoryError():
            return QueryError(ErrorKind.EXECUTION, "not enough memory for this query: ask for less at a time")
    return QueryError(ErrorKind.INTERNAL, f"evaluation failed: {type(error).__name__}: {error}")
