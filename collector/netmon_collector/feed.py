"""The live feed: samples as they are stored, for whoever listens, bounded and never in the way of ingest.

Clients that ask for the same share the work: a batch is searched and copied once per set of matchers.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netmon_collector.points import Wanted, frames_of
from netmon_collector.query.handles import Handles, widened
from netmon_collector.store.base import Frame, Group, Matcher, MatchOp, Points, Row, Times, Values, is_absent
from netmon_collector.store.match import Matching

_TURN_S = 120.0


class Results:
    """What one batch holds for one set of matchers; the same object goes to all who subscribed to it."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self.samples = sum(int(np.count_nonzero(~is_absent(frame.values))) for frame in frames)


@dataclass(frozen=True, slots=True)
class Update:
    """New samples; `seq` counts a subscription's updates from 1, those that were missed too."""

    seq: int
    results: Results


@dataclass(frozen=True, slots=True)
class Missed:
    """How much was dropped since the last update taken, because it was not taken in time."""

    samples: int
    frames: int


class Feed:
    """Hands stored batches to listeners. All on one event loop; without subscriptions a batch costs nothing."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._selections: dict[tuple[Matcher, ...], _Selection] = {}
        self._changes = 0
        # Groups come and go with their agents: what no batch used for a whole turn is forgotten.
        self._recent: dict[int, _Interest] = {}
        self._earlier: dict[int, _Interest] = {}
        self._clock_s = clock_s
        self._turned_s = clock_s()
        self._handles: Handles = {}

    def know_handles(self, handles: Handles) -> None:
        """Has subscriptions to one handle of a device be to all of them from now on."""
        self._handles = handles
        for subscription in [one for selection in self._selections.values() for one in selection.subscriptions]:
            if subscription.selection.matchers != widened(subscription.matchers, handles):
                self._leave(subscription)
                subscription.selection = self._join(subscription)

    def listen(self, most_frames: int = 256, most_samples: int = 1_000_000) -> "Listener":
        """A new listener, whose untaken updates are bounded in number and in samples."""
        return Listener(self, most_frames, most_samples)

    def publish(self, rows: Sequence[Row | Points]) -> None:
        """Gives the rows of one stored batch to those who subscribed to their series; keeps no reference to `rows`."""
        if not self._selections:
            return
        self._turn()
        found: dict[_Selection, list[Frame]] = {}
        for points in rows:
            if isinstance(points, Points):
                self._find_points(points, found)
        for group, same in _by_group(row for row in rows if isinstance(row, Row)):
            choices = self._choices(group)
            if not choices:
                continue
            times, values = _matrix(same)
            for choice in choices:
                frame = choice.frame(times, values)
                if frame is not None:
                    found.setdefault(choice.selection, []).append(frame)
        for selection, frames in found.items():
            results = Results(frames)
            for subscription in selection.subscriptions:
                subscription.offer(results)

    def _find_points(self, points: Points, found: "dict[_Selection, list[Frame]]") -> None:
        for selection in self._selections.values():
            chosen = selection.wanted.of(points)
            if chosen.any():
                found.setdefault(selection, []).extend(frames_of(points, chosen))

    def _join(self, subscription: "_Subscription") -> "_Selection":
        matchers = widened(subscription.matchers, self._handles)
        selection = self._selections.get(matchers)
        if selection is None:
            selection = _Selection(matchers, self._changes + 1)
            self._selections[matchers] = selection
            self._changes += 1
        selection.subscriptions[subscription] = None
        return selection

    def _leave(self, subscription: "_Subscription") -> None:
        selection = subscription.selection
        del selection.subscriptions[subscription]
        if not selection.subscriptions:
            del self._selections[selection.matchers]
            self._changes += 1
        if not self._selections:
            self._recent, self._earlier = {}, {}

    def _turn(self) -> None:
        now_s = self._clock_s()
        if now_s - self._turned_s > _TURN_S:
            self._earlier, self._recent, self._turned_s = self._recent, {}, now_s

    def _choices(self, group: Group) -> "list[_Choice]":
        interest = self._recent.get(id(group))
        if interest is None:
            interest = self._earlier.pop(id(group), None) or _Interest(group)
            self._recent[id(group)] = interest
        if interest.changes != self._changes:
            interest.catch_up(self._selections.values(), self._changes)
        return interest.choices


class Listener:
    """One client's subscriptions, by keys of its own, and the updates that it has not taken yet.

    When there are too many, the oldest are dropped and counted.
    """

    def __init__(self, feed: Feed, most_frames: int, most_samples: int) -> None:
        self._feed = feed
        self._most_frames = most_frames
        self._most_samples = most_samples
        self._subscriptions: dict[str, _Subscription] = {}
        self._queue: deque[tuple[_Subscription, Update]] = deque()
        self._queued_samples = 0
        self._missed: dict[_Subscription, Missed] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._subscriptions)

    def __contains__(self, key: str) -> bool:
        return key in self._subscriptions

    def subscribe(self, key: str, matchers: Sequence[Matcher]) -> None:
        """Takes part from the next batch on. Raises ValueError for a key in use or a bad regular expression."""
        if key in self._subscriptions:
            raise ValueError(f"there is a subscription {key!r} already")
        self._subscriptions[key] = _Subscription(self, key, self._feed, tuple(matchers))

    def unsubscribe(self, key: str) -> None:
        """Ends a subscription and forgets its untaken updates. Raises KeyError."""
        subscription = self._subscriptions.pop(key)
        self._feed._leave(subscription)
        self._missed.pop(subscription, None)
        self._queue = deque(entry for entry in self._queue if entry[0] is not subscription)
        self._queued_samples = sum(update.results.samples for _, update in self._queue)

    async def wait(self) -> None:
        """Returns when there is something to take."""
        while not (self._queue or self._missed):
            self._wake.clear()
            await self._wake.wait()

    def take(self) -> tuple[str, Update | Missed] | None:
        """What comes next, and for which subscription: what was missed first, then updates in their order."""
        if self._missed:
            subscription = next(iter(self._missed))
            return subscription.key, self._missed.pop(subscription)
        if not self._queue:
            return None
        subscription, update = self._queue.popleft()
        self._queued_samples -= update.results.samples
        return subscription.key, update

    def close(self) -> None:
        """Ends all subscriptions."""
        for key in list(self._subscriptions):
            self.unsubscribe(key)

    def _offer(self, subscription: "_Subscription", update: Update) -> None:
        self._queue.append((subscription, update))
        self._queued_samples += update.results.samples
        while len(self._queue) > self._most_frames or (
            self._queued_samples > self._most_samples and len(self._queue) > 1
        ):
            self._drop_oldest()
        self._wake.set()

    def _drop_oldest(self) -> None:
        subscription, update = self._queue.popleft()
        self._queued_samples -= update.results.samples
        before = self._missed.get(subscription, Missed(0, 0))
        self._missed[subscription] = Missed(before.samples + update.results.samples, before.frames + 1)


class _Subscription:
    def __init__(self, listener: Listener, key: str, feed: Feed, matchers: tuple[Matcher, ...]) -> None:
        self.key = key
        self.matchers = matchers
        """As they were given; those of the selection are about all handles of a device."""
        self.selection = feed._join(self)
        self._listener = listener
        self._seq = 0

    def offer(self, results: Results) -> None:
        self._seq += 1
        self._listener._offer(self, Update(self._seq, results))


class _Selection:
    """One set of matchers, and those who subscribed to it."""

    def __init__(self, matchers: tuple[Matcher, ...], since: int) -> None:
        self.matchers = matchers
        self.since = since
        self.subscriptions: dict[_Subscription, None] = {}
        self._matching = Matching(matchers)
        self.wanted = Wanted(self._matching)
        named = ((matcher.name, matcher.value) for matcher in matchers if matcher.op is MatchOp.EQUAL)
        self._pairs = [pair for pair in named if pair[1]]

    def columns(self, group: Group, having: "_Columns") -> list[int]:
        """The columns that all matchers accept; only those with a label asked for are looked at."""
        candidates = min((having.get(pair, ()) for pair in self._pairs), key=len, default=range(len(group.labels)))
        return [column for column in candidates if self._matching.accepts(group.labels[column])]


class _Choice:
    """The columns of a group that a selection accepts; at least one."""

    def __init__(self, selection: _Selection, group: Group, columns: list[int]) -> None:
        self.selection = selection
        self._columns = np.array(columns)
        self._labels = [group.labels[column] for column in columns]

    def frame(self, times: Times, values: Values) -> Frame | None:
        """Those columns of `values` that have a sample; None without any."""
        chosen = values[:, self._columns]
        present = ~is_absent(chosen).all(axis=0)
        if present.all():
            return Frame(self._labels, times, chosen)
        if not present.any():
            return None
        return Frame([self._labels[column] for column in np.flatnonzero(present)], times, chosen[:, present])


class _Interest:
    """Who takes which columns of a group, as of a number of changes to the feed's selections."""

    def __init__(self, group: Group) -> None:
        self.group = group  # also keeps its id() from being given to another
        self.choices: list[_Choice] = []
        self.changes = 0

    def catch_up(self, selections: Iterable[_Selection], changes: int) -> None:
        self.choices = [choice for choice in self.choices if choice.selection.subscriptions]
        new = [selection for selection in selections if selection.since > self.changes]
        having = _columns_by_label(self.group) if new else {}
        found = ((selection, selection.columns(self.group, having)) for selection in new)
        self.choices += [_Choice(selection, self.group, columns) for selection, columns in found if columns]
        self.changes = changes


_Columns = Mapping[tuple[str, str], Sequence[int]]
"""The columns that have a label, by name and value."""


def _columns_by_label(group: Group) -> _Columns:
    having: dict[tuple[str, str], list[int]] = {}
    for column, labels in enumerate(group.labels):
        for pair in labels:
            having.setdefault(pair, []).append(column)
    return having


def _by_group(rows: Iterable[Row]) -> Iterable[tuple[Group, list[Row]]]:
    found: dict[int, tuple[Group, list[Row]]] = {}
    for row in rows:
        found.setdefault(id(row.group), (row.group, []))[1].append(row)
    return found.values()


def _matrix(rows: list[Row]) -> tuple[Times, Values]:
    """Rows of one group by time, times once each: of two rows at one time the later stands."""
    by_time = dict(sorted(((row.time_ms, row.values) for row in rows), key=lambda entry: entry[0]))
    return np.array(list(by_time), np.int64), np.stack(list(by_time.values()))
