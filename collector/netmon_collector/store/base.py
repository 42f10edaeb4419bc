"""What every store promises. All stores run the same contract tests (tests/collector/store/test_contract*.py)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from netmon_proto.model import Kind, Labels

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
"""Which columns of a group."""

ABSENT_BITS: Final = 0x7FF0000000000AB5
"""The NaN that fills a Frame where a series has no sample. It never was a sample: `append` takes it for none."""

ABSENT: Final[float] = struct.unpack("<d", struct.pack("<Q", ABSENT_BITS))[0]


def is_absent(values: Values) -> npt.NDArray[np.bool_]:
    """Where `values` hold no sample; same shape."""
    absent: npt.NDArray[np.bool_] = values.view(np.uint64) == ABSENT_BITS
    return absent


def quiet(values: Values) -> Values:
    """The same, with NaNs that numpy's fmin and fmax pass over: what meets a signalling one is NaN there."""
    nan = np.isnan(values)
    return np.where(nan, np.nan, values) if nan.any() else values


class StoreError(Exception):
    """The store cannot do this now (disk full, server away); the same call may succeed later."""


class StoreUnavailable(Exception):
    """The store cannot be opened: not writable, in use, of a newer version. Says which file, and what to do."""


class MatchOp(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label. A label that a series does not have counts as the empty text.

    Regular expressions are RE2's and match the whole value, as in Prometheus.
    """

    name: str
    op: MatchOp
    value: str


@dataclass(frozen=True, slots=True)
class Group:
    """A gather group: series that are read together, as registered with a store.

    `labels` has one entry per column. `ref` is the store's own and means nothing elsewhere.
    """

    ref: object
    labels: Sequence[Labels]


@dataclass(frozen=True, slots=True)
class Row:
    """One gather on its way into the store: values (float64, one per column of the group) at one time."""

    group: Group
    time_ms: int
    values: Values


@dataclass(frozen=True, slots=True)
class Points:
    """Samples of series of a group, one by one, in any order.

    columns: int64 (N,), places in `group.labels`; times: int64 (N,), Unix milliseconds; values: float64 (N,). Of two
    samples of a series at one time the one that stands later wins. The group may be one that was registered, or the
    store's `pool`.
    """

    group: Group
    columns: Places
    times: Times
    values: Values


@dataclass(frozen=True, slots=True)
class Origin:
    """Names a batch for ever, so that it is kept once however often it is sent."""

    agent_id: str
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Samples of some series that share their times.

    times: int64, shape (T,), Unix milliseconds, strictly increasing, T >= 1.
    values: float64, shape (T, S), ABSENT where a series has no sample at that time. From a TieredStore it is a view of
    a C-contiguous (S, T) array, so that `values.T` has the samples of each series side by side. Not to be changed.
    labels: S entries; no two the same.
    """

    labels: Sequence[Labels]
    times: Times
    values: Values


@dataclass(frozen=True, eq=False)
class Lines:
    """Samples of S series, one series after the other; series that share their times share an axis.

    labels: S entries; no two the same. values: float64 (N,), ABSENT where a series has no sample at a time of its axis.
    begins: int64 (S + 1,), series s has values[begins[s]:begins[s + 1]], of which there is one for each time of its
    axis. axis: int64 (S,). times: int64 (M,), Unix milliseconds; axis a has times[axis_begins[a]:axis_begins[a + 1]],
    strictly increasing. None of the arrays is to be changed.
    """

    labels: Sequence[Labels]
    values: Values
    begins: Places
    axis: Places
    times: Times
    axis_begins: Places
    made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    """What readers made of them and keep with them, as the same ones are told again and again."""

    @cached_property
    def has_nan(self) -> bool:
        """Whether a value may be none: ABSENT, or a stale marker."""
        return bool(np.logical_or.reduce(np.isnan(self.values)))


class RollupField(IntEnum):
    """What is kept of the samples of a bucket of time. Times are Unix milliseconds; INC is by how much a counter rose
    from the first of them to the last, resets taken into account.
    """

    COUNT = 0
    SUM = 1
    MIN = 2
    MAX = 3
    FIRST = 4
    LAST = 5
    FIRST_MS = 6
    LAST_MS = 7
    INC = 8


@dataclass(frozen=True, slots=True)
class Rollup:
    """Buckets of some series.

    width_ms: how long a bucket is. times: int64, shape (T,), the start of each, multiples of the width, strictly
    increasing. values: float64, shape (S, len(RollupField), T), ABSENT where a series has no sample in a bucket.
    labels: S entries; no two the same.
    """

    labels: Sequence[Labels]
    width_ms: int
    times: Times
    values: Values


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest sample of each of some series, a stale marker too.

    labels: S entries, no two the same. times: int64, shape (S,), Unix milliseconds. values: float64, shape (S,).
    """

    labels: Sequence[Labels]
    times: Times
    values: Values


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store holds. All but `series`, `bytes` and times count since the store was opened.

    `damaged`: places on disk that were not what the store wrote; each is named in the log. `overwritten`: samples that
    took the place of one of the same series and time with another value, as far as that was noticed. `cache_bytes`:
    memory for what was read of files and looked up of labels lately; bounded. `begins_ms`: before that there is neither
    a sample nor a rollup; None where that is not known, or nothing is stored. `rejected` and `left_out`: samples that a
    server refused, or cannot hold; these are known beyond restarts.
    """

    series: int
    samples_appended: int
    batches_duplicate: int
    bytes: int
    oldest_ms: int | None
    newest_ms: int | None
    damaged: int = 0
    overwritten: int = 0
    cache_bytes: int = 0
    begins_ms: int | None = None
    rejected: int = 0
    left_out: int = 0


class Store(Protocol):
    """Keeps samples and finds them again.

    All methods are called from one event loop and block it for no more than a few milliseconds. Only StoreError is
    raised in operation; callers retry, stores don't.

    Gathers, which have the same series each time, are registered as a group and come as rows. Series that come in ever
    other company, as by remote write, line protocol or OTLP, are enrolled in the pool, and come as points of it:

        places = store.enroll(labels)  # labels -> place is worth a cache: it holds while the store is open
        await store.append([Points(store.pool, places, times, values)], origin)
    """

    @property
    def pool(self) -> Group:
        """The group of all series that were enrolled, always the same one: `labels` grow, a place keeps its meaning.

        Rows of it are not taken.
        """
        ...

    def enroll(self, labels: Sequence[Labels]) -> Places:
        """The places of series in `pool`; one that is new gets a place, which costs some 150 bytes for good.

        The same labels may come twice. Raises ValueError for labels that are not valid Unicode.
        """
        ...

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> Group:
        """Prepares a gather group for `append`; cheap to repeat with the same labels.

        Raises ValueError for labels that occur twice or are not valid Unicode.
        """
        ...

    def group(self, places: Places, kinds: Sequence[Kind]) -> Group:
        """The gather group of series that were enrolled, as `register` would give it: many are enrolled some at a time.

        Raises ValueError for places that occur twice.
        """
        ...

    async def append(self, rows: Sequence[Row | Points], origin: Origin | None) -> bool:
        """Stores the samples of one batch, all or none; they are on disk when this returns.

        They may be of any age and come in any order; of two samples of a series at one time that of the later call
        wins, and within a call the one that stands later. Raises ValueError for what does not fit its group.
        False: a batch of this origin is there already and nothing was stored. Without an origin every call counts.
        """
        ...

    def highest_acked(self, agent_id: str, epoch: int) -> int:
        """The highest sequence stored for an agent's epoch; 0 where there is none."""
        ...

    def settle(self, agent_id: str, epoch: int, below: int) -> None:
        """Forgets which sequences under `below` were stored: the agent will never send one of them again."""
        ...

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        """Samples with start_ms <= time <= end_ms of the series that all matchers accept.

        A series is in one frame at most, and only if it has a sample in that time. Order is not defined.
        Raises ValueError, naming the matcher, for a bad regular expression; so do the three below.
        """
        ...

    async def series(self, matchers: Sequence[Matcher]) -> list[Labels]:
        """The series that all matchers accept and of which there is a sample, in no particular order."""
        ...

    async def label_names(self, matchers: Sequence[Matcher]) -> list[str]:
        """The labels that any of these series has, the metric's name (NAME) among them; sorted."""
        ...

    async def label_values(self, name: str, matchers: Sequence[Matcher]) -> list[str]:
        """The values that a label has in these series, sorted; a series that does not have the label adds none."""
        ...

    async def forget_before(self, time_ms: int) -> None:
        """Retention: drops whole files whose samples are all older; called now and then.

        What is older and shares a file with younger samples stays until these are old too.
        """
        ...

    def stats(self) -> StoreStats: ...

    async def close(self) -> None:
        """Writes what is pending and lets go of the files; nothing may be called afterwards."""
        ...


@runtime_checkable
class TieredStore(Store, Protocol):
    """A store that also keeps rollups, for longer than samples, knows the newest samples, and can delete."""

    async def latest(self, matchers: Sequence[Matcher]) -> Latest:
        """The newest sample of each series that all matchers accept, as `select` over all time would find it.

        Costs little: nothing is read but one table, except for series not asked for since start. Raises as `select`.
        """
        ...

    async def select_rollup(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, step_ms: int
    ) -> list[Rollup] | None:
        """The buckets that overlap start_ms <= time <= end_ms, of the coarsest rollup that is no wider than the step.

        None where every rollup is wider: then `select` is to be asked. A bucket tells of all its samples, also of
        those that came a moment ago; a stale marker is no sample. Raises as `select` does.
        """
        ...

    async def delete(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> None:
        """Removes what `select` would find with these arguments; when this returns, nobody finds it any more.

        What is appended meanwhile may stay or go. The bytes on disk are overwritten or freed. Raises ValueError for
        no matchers, so that nobody empties a store by accident, and as `select` does.
        """
        ...


@runtime_checkable
class ReadableStore(Protocol):
    """A store that any thread may read, without an event loop, once it is whole."""

    @property
    def is_whole(self) -> bool:
        """Whether all that an earlier process stored can be read; `select` and `latest` wait for it."""
        ...

    def select_now(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        """As `Store.select`."""
        ...

    def lines_at_hand(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, most: int) -> Lines | None:
        """As `lines_now`; None for more than so many series, and where it may take long."""
        ...

    def latest_at_hand(self, matchers: Sequence[Matcher], most: int) -> Latest | None:
        """As `latest_now`; None for more than so many series, and where it may take long."""
        ...

    def lines_now(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Lines:
        """What `select_now` finds, and maybe more: other samples of these series, and other series.

        So much the faster where many series of many groups are read.
        """
        ...

    def latest_now(self, matchers: Sequence[Matcher]) -> Latest:
        """As `TieredStore.latest`."""
        ...
