"""What a time-series server has to offer to stand behind OutsideStore."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Matcher, StoreError, Times, Values
from netmon_collector.store.remote import Steps, Summarised, Summary
from netmon_proto.model import Labels


class Rejected(StoreError):
    """The server will never take some of these lines, and says why.

    `lines`: how many; all others are stored. None: it took none of them, because of at least one.
    """

    def __init__(self, reason: str, lines: int | None = None) -> None:
        super().__init__(reason)
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Piece:
    """Some samples of one series, of any source: int64 times in Unix milliseconds, float64 values, same length.

    `orders`: of two samples at one time that of the higher order counts; a server's own samples have order -1.
    """

    labels: Labels
    times: Times
    values: Values
    orders: npt.NDArray[np.int64]


class Server(Protocol):
    """One time-series server. Methods block and are called from threads, at most one `write` at a time.

    All raise StoreError where the server is away or does not permit it.
    """

    hold_s: float
    """How long after a write the server may still lose it, or not show it yet."""

    def check(self) -> str:
        """Names the server's present run: another name means that it was started anew.

        Raises StoreUnavailable where this server must not be used, with what to change.
        """
        ...

    def holds(self, values: Values, times: Times) -> npt.NDArray[np.bool_]:
        """Which values the server can keep, each at its time; same shape."""
        ...

    def prefix(self, labels: Labels) -> bytes:
        """A sample's line, up to its value."""
        ...

    def write(self, lines: bytes) -> None:
        """Gives the server lines of the line protocol, times in milliseconds. Raises Rejected."""
        ...

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterator[Piece]:
        """Samples with start_ms <= time <= end_ms of the series that all matchers accept; others may be among them."""
        ...

    def series(self, matchers: Sequence[Matcher]) -> Iterator[Labels]:
        """The series that all matchers accept; others may be among them."""
        ...

    def label_names(self, matchers: Sequence[Matcher]) -> list[str] | None:
        """The names of all labels of the series that all matchers accept; None where only `series` can tell."""
        ...

    def label_values(self, name: str, matchers: Sequence[Matcher]) -> list[str] | None:
        """The values of a label in the series that all matchers accept; None where only `series` can tell."""
        ...

    def days(self) -> Iterator[int]:
        """The starts of the days (UTC) of which there are samples, ascending; maybe of some more."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Evaluating(Protocol):
    """A server that can evaluate summaries, see store.remote.Summarising."""

    def summarise(self, what: Summary, steps: Steps, before_ms: int) -> Summarised | None:
        """The values at those steps before a time that it is sure of; None where it may judge otherwise than we do."""
        ...


def told(labels: Labels, times: Times, values: Values) -> Piece:
    """A piece from a server's answer: whatever is in our queue came later, or is the same."""
    return Piece(labels, times, values, np.full(len(times), -1, np.int64))
