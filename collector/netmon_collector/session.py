"""One agent's stream: what it has defined, and how its gathers become rows of the store."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_collector.clock import Skew
from netmon_collector.definitions import Definitions
from netmon_collector.polling import Polling, Standing
from netmon_collector.state.agents import AgentRecord
from netmon_collector.store.base import Group, Places, Row, Store
from netmon_proto.model import (
    NAME,
    Batch,
    Gather,
    Kind,
    Labels,
    Layout,
    Limits,
    Reason,
    Series,
    SeriesDefinitions,
    is_stale,
)
from netmon_proto.names import STAMPED, exported, is_name

UP = "snmp_up"
"""Whether a polled device answered."""

MOST_SERIES = 5_000_000
_MOST_ROOM = 4 * MOST_SERIES
MOST_LAYOUTS = 20_000
MOST_LABELS = 64
VALUE_BYTES = 4096
_AT_ONCE: Final = 500
"""So many series are made known before others have their turn on the event loop."""


class Refusal(Exception):
    """A batch will never be stored."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class StreamOverfull(Exception):
    """A stream has defined more than is kept for one."""


@dataclass(slots=True)
class Report:
    """What an agent last said of its own spool; None where it has not."""

    spool_batches: int | None = None
    spool_bytes: int | None = None
    spool_oldest_age_s: float | None = None
    quarantined: int | None = None

    def take(self, name: str, value: float) -> None:
        """Notes a value; what is not finite says nothing."""
        known = math.isfinite(value)
        match name:
            case "netmon_agent_spool_batches":
                self.spool_batches = int(value) if known else None
            case "netmon_agent_spool_bytes":
                self.spool_bytes = int(value) if known else None
            case "netmon_agent_spool_oldest_age_seconds":
                self.spool_oldest_age_s = value if known else None
            case "netmon_agent_quarantined_batches":
                self.quarantined = int(value) if known else None


_REPORTED = frozenset(
    (
        "netmon_agent_spool_batches",
        "netmon_agent_spool_bytes",
        "netmon_agent_spool_oldest_age_seconds",
        "netmon_agent_quarantined_batches",
    )
)


class Session:
    """What a stream knows. Definitions never fail: what is wrong with them is told to the batches that use them."""

    def __init__(
        self,
        agent: AgentRecord,
        store: Store,
        limits: Limits,
        skew: Skew,
        report: Report,
        polling: Polling | None = None,
    ) -> None:
        self.agent = agent
        self.skew = skew
        self._store = store
        self._limits = limits
        self._report = report
        self._polling = polling
        self._series = Definitions()
        self._layouts: dict[int, Group | Refusal] = {}
        self._reported: dict[int, list[tuple[int, str]]] = {}
        self._polled: dict[int, Layout] = {}

    def define(self, definitions: SeriesDefinitions) -> None:
        """Takes definitions of series. Raises StreamOverfull."""
        self._series.take(definitions.series)
        if len(self._series) > MOST_SERIES or self._series.room > _MOST_ROOM:
            raise StreamOverfull(f"more than {MOST_SERIES} series in one stream")

    async def lay_out(self, layout: Layout) -> None:
        """Takes a layout, some series at a time. Raises StreamOverfull."""
        if layout.device:  # becomes a group when it is used, if the device is this agent's then
            self._polled[layout.id] = layout
            self._layouts.pop(layout.id, None)
        else:
            await self._build(layout)
        if len(self._layouts.keys() | self._polled.keys()) > MOST_LAYOUTS:
            raise StreamOverfull(f"more than {MOST_LAYOUTS} layouts in one stream")

    async def prepare(self, batch: Batch) -> None:
        """Makes groups of the layouts of devices that a batch is the first to use, so that `rows` finds them."""
        while unused := {one.id: one for gather in batch.gathers if (one := self._unused(gather.layout)) is not None}:
            for layout in unused.values():
                await self._build(layout)

    def _unused(self, number: int) -> Layout | None:
        """The layout of that number, if it is of a device of the agent's and no batch has used it yet."""
        layout = self._polled.get(number)
        if layout is None or number in self._layouts or self._standing(layout) is Standing.STRANGER:
            return None
        return layout

    def rows(self, batch: Batch, ahead_ms: int) -> list[Row]:
        """The rows of a batch of an agent whose clock is so much ahead, in the collector's time. Raises Refusal.

        What is about devices that are not the agent's is left out; a batch of nothing but strangers is refused.
        """
        samples = sum(len(gather.values) for gather in batch.gathers)
        if samples > self._limits.batch_samples:
            raise Refusal(
                Reason.TOO_LARGE, f"{samples} samples in a batch; at most {self._limits.batch_samples} are taken"
            )
        if not batch.sequence or not batch.gathers:
            raise Refusal(Reason.MALFORMED, "a batch needs a sequence from 1 on and at least one gather")
        strange = [
            layout
            for gather in batch.gathers
            if (layout := self._polled.get(gather.layout)) and self._standing(layout) is Standing.STRANGER
        ]
        if len(strange) == len(batch.gathers):
            raise Refusal(
                Reason.MALFORMED, f"gather 0: device {strange[0].device[:64]!r} is not assigned to this agent"
            )
        return [
            self._row(place, gather, gather.time_ms - ahead_ms)
            for place, gather in enumerate(batch.gathers)
            if self._is_taken(gather, gather.time_ms - ahead_ms)
        ]

    def _standing(self, layout: Layout) -> Standing:
        return self._polling.standing(self.agent.agent_id, layout.device) if self._polling else Standing.STRANGER

    def _is_taken(self, gather: Gather, time_ms: int) -> bool:
        """Whether a gather is the agent's to send, or was when it was read."""
        layout = self._polled.get(gather.layout)
        if layout is None:
            return True
        standing = self._standing(layout)
        if standing is Standing.STRANGER:
            return False
        if standing is Standing.RELEASED and self._polling is not None:
            is_last_word = all(map(is_stale, gather.values))
            if not self._polling.counts_still(self.agent.agent_id, layout.device, time_ms, is_last_word):
                return False
        return True

    async def _build(self, layout: Layout) -> None:
        try:
            group, reported = await self._group(layout)
        except Refusal as refusal:
            group, reported = refusal, []
        if not layout.device or self._polled.get(layout.id) is layout:  # else it was defined anew meanwhile
            self._layouts[layout.id], self._reported[layout.id] = group, reported

    def _row(self, place: int, gather: Gather, time_ms: int) -> Row:
        group = self._layouts.get(gather.layout)
        if group is None:
            raise Refusal(
                Reason.UNKNOWN_SERIES, f"gather {place} uses layout {gather.layout}, which this stream has not defined"
            )
        if isinstance(group, Refusal):
            raise Refusal(group.reason, f"gather {place}: {group.message}")
        if len(gather.values) != len(group.labels):
            raise Refusal(
                Reason.MALFORMED, f"gather {place} has {len(gather.values)} values for {len(group.labels)} series"
            )
        for column, name in self._reported.get(gather.layout, ()):
            if name == UP and self._polling:
                self._polling.heard(self._polled[gather.layout].device, time_ms, gather.values[column] == 1)
            else:
                self._report.take(name, gather.values[column])
        return Row(group, time_ms, np.array(gather.values, dtype=np.float64))

    async def _group(self, layout: Layout) -> tuple[Group | Refusal, list[tuple[int, str]]]:
        """The group of a layout, and the columns that tell something of the agent or the device. Raises Refusal."""
        if not 0 < len(layout.series) <= self._limits.batch_samples:
            raise Refusal(Reason.MALFORMED, f"layout {layout.id} has {len(layout.series)} series")
        job = "snmp" if layout.device else layout.job[:128] or "node"
        told = {UP} if layout.device else _REPORTED if job == "agent" else frozenset()
        places: list[Places] = []
        kinds: list[Kind] = []
        reported: list[tuple[int, str]] = []
        async for numbers in _slices(layout.series):
            defined = self._defined(numbers)
            reported += [(len(kinds) + place, one.name) for place, one in enumerate(defined) if one.name in told]
            labels = stamp(defined, instance=layout.device or self.agent.instance, job=job)
            places.append(self._store.enroll(labels))
            kinds += [one.kind for one in defined]
        try:
            return self._store.group(np.concatenate(places), kinds), reported
        except ValueError:
            raise Refusal(Reason.MALFORMED, f"layout {layout.id} has the same series twice") from None

    def _defined(self, numbers: Sequence[int]) -> list[Series]:
        """What series are, by the numbers that the agent gave them. Raises Refusal."""
        defined = []
        for number in numbers:
            if (one := self._series.get(number)) is None:
                raise Refusal(Reason.UNKNOWN_SERIES, f"series {number} is not defined in this stream")
            defined.append(one)
        return defined


async def _slices(all_: Sequence[int]) -> AsyncIterator[Sequence[int]]:
    """What is many, some at a time; others have their turn on the event loop in between."""
    for start in range(0, len(all_), _AT_ONCE):
        if start:
            await asyncio.sleep(0)
        yield all_[start : start + _AT_ONCE]


def stamp(defined: Sequence[Series], **own: str) -> list[Labels]:
    """The identities of an agent's series at the collector.

    `own` are labels of the collector's; an agent's label of such a name is kept as `exported_…`, as Prometheus does.
    A label without a value is no label. Raises Refusal. Series that share their labels are looked at together.
    """
    for name in {one.name for one in defined}:
        if not is_name(name):
            raise Refusal(Reason.MALFORMED, f"{name[:64]!r} is not a metric's name")
    stamped: dict[int, tuple[Labels, int]] = {}
    found = []
    for one in defined:
        if id(one.labels) not in stamped:
            labels = exported(_checked(one.labels), own, STAMPED)
            stamped[id(one.labels)] = tuple(sorted(labels.items())), sum(name < NAME for name in labels)
        rest, place = stamped[id(one.labels)]
        found.append((*rest[:place], (NAME, one.name), *rest[place:]))
    return found


def _checked(labels: Mapping[str, str]) -> dict[str, str]:
    if len(labels) > MOST_LABELS:
        raise Refusal(Reason.MALFORMED, f"{len(labels)} labels on a series; at most {MOST_LABELS} are taken")
    for name, value in labels.items():
        if name == NAME or not is_name(name):
            raise Refusal(Reason.MALFORMED, f"{name[:64]!r} is not a label's name")
        if len(value) > VALUE_BYTES or len(value.encode()) > VALUE_BYTES:
            raise Refusal(Reason.MALFORMED, f"the value of label {name} has more than {VALUE_BYTES} bytes")
    return {name: value for name, value in labels.items() if value}
