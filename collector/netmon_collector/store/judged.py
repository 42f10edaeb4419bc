"""What a store promises that keeps beside each sample whether it is an anomaly."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Frame, Group, Matcher, Places, Store, Times

Verdicts = npt.NDArray[np.uint8]
"""A Verdict for each of some samples."""


class Verdict(IntEnum):
    """Whether a sample is an anomaly. UNKNOWN: nobody has said so yet, or what was said got lost."""

    UNKNOWN = 0
    NORMAL = 1
    ANOMALOUS = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts on gathers of a registered group: times (T,), Unix milliseconds, and verdicts (T, columns)."""

    group: Group
    times: Times
    verdicts: Verdicts


@dataclass(frozen=True, slots=True)
class JudgedPoints:
    """Verdicts on samples one by one: columns, times and verdicts are each (N,), as in Points."""

    group: Group
    columns: Places
    times: Times
    verdicts: Verdicts


@dataclass(frozen=True, slots=True)
class JudgedFrame:
    """A frame, and verdicts (T, S) on its samples, UNKNOWN where a series has none."""

    frame: Frame
    verdicts: Verdicts


@runtime_checkable
class JudgingStore(Store, Protocol):
    """A store that keeps beside each sample whether it is an anomaly: two bits, where anything was said of it.

    Who judges samples does so soon after `append` returned:

        await store.append([Row(group, time_ms, values)], origin)
        store.judge([Judged(group, np.array([time_ms]), verdicts[None, :])])

    A verdict belongs to a series and a time. It stays when another value takes the place of the sample's, until that is
    judged, and goes with the sample when that is deleted or too old. It is on the disk once the sample is in a chunk
    file, or the store was closed; after a crash what was only in memory is UNKNOWN, and may be said again.
    Where nothing is judged, nothing is paid. `store copy` and exports leave verdicts behind.
    """

    def judge(self, judged: Sequence[Judged | JudgedPoints]) -> None:
        """Notes verdicts on samples that were appended, in memory; may be repeated, and the last one counts.

        UNKNOWN changes nothing, and is to be said where there is no sample: other verdicts on none are forgotten,
        unless a sample comes within half a minute. This is for samples of the last minutes, of which a verdict costs
        a copy of two bits, and a gather some 25 us: let others have their turn after some hundred. One on a sample
        that is in a chunk file already has that written once more, and of these at most 64 MiB wait in memory: what
        is beyond stays UNKNOWN, and is counted in the log. Raises ValueError for what does not fit its group.
        """
        ...

    async def select_judged(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[JudgedFrame]:
        """What `select` finds, with verdicts."""
        ...
