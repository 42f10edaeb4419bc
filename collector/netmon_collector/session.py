"""One agent's stream: what it has defined, and how its gathers become rows of the store."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netmon_collector.clock import Skew
from netmon_collector.state.agents import AgentRecord
from netmon_collector.store.base import Group, Row, Store
from netmon_proto.model import NAME, Batch, Gather, Kind, Labels, Layout, Limits, Reason, Series, SeriesDefinitions

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
STAMPED = ("instance", "job", "site")
"""Labels that are the collector's to give."""

MOST_SERIES = 1_000_000
MOST_LAYOUTS = 20_000
MOST_LABELS = 64
NAME_BYTES = 256
VALUE_BYTES = 4096


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

    def __init__(self, agent: AgentRecord, store: Store, limits: Limits, skew: Skew, report: Report) -> None:
        self.agent = agent
        self.skew = skew
        self._store = store
        self._limits = limits
        self._report = report
        self._series: dict[int, Series] = {}
        self._layouts: dict[int, Group | Refusal] = {}
        self._reported: dict[int, list[tuple[int, str]]] = {}

    def define(self, definitions: SeriesDefinitions) -> None:
        """Takes definitions of series. Raises StreamOverfull."""
        for series in definitions.series:
            self._series[series.id] = series
        if len(self._series) > MOST_SERIES:
            raise StreamOverfull(f"more than {MOST_SERIES} series in one stream")

    def lay_out(self, layout: Layout) -> None:
        """Takes a layout. Raises StreamOverfull."""
        try:
            self._layouts[layout.id] = self._group(layout)
        except Refusal as refusal:
            self._layouts[layout.id] = refusal
        if len(self._layouts) > MOST_LAYOUTS:
            raise StreamOverfull(f"more than {MOST_LAYOUTS} layouts in one stream")

    def rows(self, batch: Batch) -> list[Row]:
        """The rows of a batch, in the agent's time. Raises Refusal."""
        samples = sum(len(gather.values) for gather in batch.gathers)
        if samples > self._limits.batch_samples:
            raise Refusal(
                Reason.TOO_LARGE, f"{samples} samples in a batch; at most {self._limits.batch_samples} are taken"
            )
        if not batch.sequence or not batch.gathers:
            raise Refusal(Reason.MALFORMED, "a batch needs a sequence from 1 on and at least one gather")
        return [self._row(place, gather) for place, gather in enumerate(batch.gathers)]

    def _row(self, place: int, gather: Gather) -> Row:
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
            self._report.take(name, gather.values[column])
        return Row(group, gather.time_ms, np.array(gather.values, dtype=np.float64))

    def _group(self, layout: Layout) -> Group:
        if layout.device:
            raise Refusal(Reason.MALFORMED, f"device {layout.device[:64]!r} is not assigned to this agent")
        if not 0 < len(layout.series) <= self._limits.batch_samples:
            raise Refusal(Reason.MALFORMED, f"layout {layout.id} has {len(layout.series)} series")
        series = [self._series.get(number) for number in layout.series]
        defined = [one for one in series if one is not None]
        if len(defined) < len(series):
            number = layout.series[series.index(None)]
            raise Refusal(Reason.UNKNOWN_SERIES, f"series {number} is not defined in this stream")
        job = layout.job[:128] or "node"
        labels = [stamp(one, instance=self.agent.instance, job=job) for one in defined]
        if len(set(labels)) < len(labels):
            raise Refusal(Reason.MALFORMED, f"layout {layout.id} has the same series twice")
        if job == "agent":
            self._reported[layout.id] = [
                (column, one.name) for column, one in enumerate(defined) if one.name in _REPORTED
            ]
        return self._store.register(labels, [Kind(one.kind) for one in defined])


def stamp(series: Series, **own: str) -> Labels:
    """The identity of an agent's series at the collector.

    `own` are labels of the collector's; an agent's label of such a name is kept as `exported_…`, as Prometheus does.
    A label without a value is no label. Raises Refusal.
    """
    if len(series.name) > NAME_BYTES or not METRIC_NAME.fullmatch(series.name):
        raise Refusal(Reason.MALFORMED, f"{series.name[:64]!r} is not a metric's name")
    labels = dict(own)
    labels[NAME] = series.name
    for name, value in _checked(series.labels).items():
        labels[f"exported_{name}" if name in STAMPED else name] = value
    return tuple(sorted(labels.items()))


def _checked(labels: Mapping[str, str]) -> dict[str, str]:
    if len(labels) > MOST_LABELS:
        raise Refusal(Reason.MALFORMED, f"{len(labels)} labels on a series; at most {MOST_LABELS} are taken")
    for name, value in labels.items():
        if name == NAME or len(name) > NAME_BYTES or not LABEL_NAME.fullmatch(name):
            raise Refusal(Reason.MALFORMED, f"{name[:64]!r} is not a label's name")
        if len(value) > VALUE_BYTES or len(value.encode()) > VALUE_BYTES:
            raise Refusal(Reason.MALFORMED, f"the value of label {name} has more than {VALUE_BYTES} bytes")
    return {name: value for name, value in labels.items() if value}
