"""What came, once it is in a head: how much, of which series, and which samples are the newest."""

from netmon_collector.store.changes import Changes
from netmon_collector.store.groups import Groups
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.latest import LatestTable
from netmon_collector.store.numberset import NumberSet
from netmon_collector.store.record import Gathers, Part, span_ms


class Arrivals:
    """Notes samples. `seen` has the numbers of groups of which each series is known to have one."""

    def __init__(self, groups: Groups, index: LabelIndex, latest: LatestTable, seen: NumberSet) -> None:
        self._groups = groups
        self._index = index
        self._latest = latest
        self._seen = seen
        self.changes = Changes()
        self.samples = 0

    def note(self, part: Part) -> None:
        """Takes note of samples."""
        if len(part.times):
            self.changes.note(span_ms([part])[0])
        runs = self._groups.runs(part) if isinstance(part, Gathers) else None
        if runs is not None and isinstance(part, Gathers) and self._seen.has_all(part.groups):
            self.samples += len(part.values)  # as nearly always
            self._latest.put_runs(runs)
            return
        samples = self._groups.samples(part)
        self.samples += len(samples.series)
        self._latest.put(samples)
        self._index.mark(samples.series)
        if isinstance(part, Gathers) and len(samples.series) == len(part.values):
            self._seen.add(part.groups)
