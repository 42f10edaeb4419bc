"""The store against a dictionary: random appends, late data, duplicates, restarts and retention."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from netmon_collector.store.base import ABSENT, Points, RollupField, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.judged import Judged, JudgedPoints, Verdict
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import NAME, STALE, Labels
from tests.collector.store.samples import EVER, Samples, batch, bits, held, named, points, register, series

NAMES = ("a", "b", "c", "d")
SMALL = StoreSettings(
    log_slice_ms=20,
    segment_bytes=1500,
    window_s=0,
    head_slots=3,
    seal_after_s=0.02,
    seal_every_s=0,
    chunk_ms=10,
    span_ms=30,
    merge_every_s=0.03,
    merge_files=2,
)
"""So small that a few rows pass through heads, recent files, merged files and their merging."""
Gather = tuple[tuple[str, ...], int, tuple[float, ...]]

values = st.one_of(st.just(ABSENT), st.just(STALE), st.floats())
times = st.integers(0, 100)
gathers = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.tuples(st.just(tuple(names)), times, st.tuples(*[values] * len(names)))
)
batches = st.lists(gathers, max_size=4)


async def judged(store: EmbeddedStore) -> dict[tuple[Labels, int], Verdict]:
    """All verdicts but UNKNOWN."""
    return {
        (one.frame.labels[column], int(one.frame.times[slot])): Verdict(one.verdicts[slot, column])
        for one in await store.select_judged([], *EVER)
        for slot, column in zip(*np.nonzero(one.verdicts), strict=True)
    }


class StoreMachine(RuleBasedStateMachine):
    """Does to the store and to the dictionary the same, and compares after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.samples: Samples = {}
        self.verdicts: dict[tuple[Labels, int], Verdict] = {}
        self.early: dict[tuple[Labels, int], set[Verdict]] = {}
        """What was said of samples that were not there; nobody knows whether they have it when they come."""
        self.acked: set[int] = set()
        self.forgotten = False
        """Whether samples were ever forgotten; rollups outlive them."""
        self.store = self.open()

    def open(self) -> EmbeddedStore:
        return EmbeddedStore.open(self.folder, SMALL)

    def rows(self, gathered: Sequence[Gather]) -> list[Row]:
        return [Row(register(self.store, *names), time, np.array(values)) for names, time, values in gathered]

    def remember(self, gathered: Sequence[Gather]) -> None:
        for names, time, values in gathered:
            for name, value in zip(names, values, strict=True):
                if bits(value) != bits(ABSENT):
                    self.samples[series(name), time] = bits(value)

    @rule(gathered=batches, sequence=st.integers(1, 12))
    def append(self, gathered: list[Gather], sequence: int) -> None:
        stored = self.runner.run(self.store.append(self.rows(gathered), batch(sequence)))
        assert stored == (sequence not in self.acked)
        if stored:
            self.acked.add(sequence)
            self.remember(gathered)

    @rule(several=st.lists(batches, min_size=2, max_size=5))
    def append_at_once(self, several: list[list[Gather]]) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*(self.store.append(self.rows(gathered), None) for gathered in several))

        self.runner.run(all_of_them())
        for gathered in several:
            self.remember(gathered)

    @rule(samples=st.lists(st.tuples(st.sampled_from(NAMES), times, values), min_size=1, max_size=12))
    def append_points(self, samples: list[tuple[str, int, float]]) -> None:
        self.runner.run(self.store.append([points(self.store, *samples)], None))
        self.remember([((name,), time, (value,)) for name, time, value in samples])

    @rule(gathered=batches, samples=st.lists(st.tuples(st.sampled_from(NAMES), times, values), min_size=1))
    def append_rows_between_points(self, gathered: list[Gather], samples: list[tuple[str, int, float]]) -> None:
        mixed: list[Row | Points] = [
            points(self.store, *samples),
            *self.rows(gathered),
            points(self.store, *reversed(samples)),
        ]
        self.runner.run(self.store.append(mixed, None))
        single = [((name,), time, (value,)) for name, time, value in samples]
        self.remember([*single, *gathered, *reversed(single)])

    @rule(gathered=batches, verdict=st.sampled_from([Verdict.NORMAL, Verdict.ANOMALOUS]))
    def judge(self, gathered: list[Gather], verdict: Verdict) -> None:
        told = np.uint8(verdict)
        for names, time, _ in gathered:
            group = register(self.store, *names)
            self.store.judge([Judged(group, np.array([time]), np.full((1, len(names)), told))])
            place = points(self.store, (names[0], time, 0.0))
            self.store.judge([JudgedPoints(place.group, place.columns, place.times, np.array([told]))])
            for sample in ((series(name), time) for name in names):
                if sample in self.samples:
                    self.verdicts[sample] = verdict
                    self.early.pop(sample, None)
                else:
                    self.early.setdefault(sample, set()).add(verdict)

    @rule()
    def restart(self) -> None:
        self.runner.run(self.store.close())
        self.store = self.open()

    @rule(before=times)
    def forget(self, before: int) -> None:
        self.runner.run(self.store.forget_before(before))
        left = self.runner.run(held(self.store))
        assert left.items() <= self.samples.items()
        assert all(time < before for _, time in self.samples.keys() - left.keys())
        self.forgotten |= left != self.samples
        self.samples = left
        self.verdicts = {sample: told for sample, told in self.verdicts.items() if sample in left}

    @rule(name=st.sampled_from(NAMES), start=times, end=times)
    def delete(self, name: str, start: int, end: int) -> None:
        self.runner.run(self.store.delete([named(name)], start, end))
        for labels, time in list(self.samples):
            if dict(labels)[NAME] == name and start <= time <= end:
                del self.samples[labels, time]
                self.verdicts.pop((labels, time), None)

    @rule()
    def snapshot(self) -> None:
        copy = self.folder / "copy"
        self.runner.run(self.store.snapshot(copy))
        store = EmbeddedStore.open(copy, SMALL)
        assert self.runner.run(held(store)) == self.samples
        assert store.highest_acked("agent", 1) == max(self.acked, default=0)
        self.runner.run(store.close())
        shutil.rmtree(copy)

    @rule(name=st.sampled_from(NAMES))
    def select_rollup(self, name: str) -> None:
        rollups = self.runner.run(self.store.select_rollup([named(name)], 0, 1000, 3_600_000))
        assert rollups is not None
        counts = [rollup.values[0, RollupField.COUNT, 0] for rollup in rollups]
        own = [value for (labels, _), value in self.samples.items() if dict(labels)[NAME] == name]
        kept = sum(value != bits(STALE) for value in own)
        assert counts == ([kept] if kept else []) or self.forgotten

    @rule(name=st.sampled_from(NAMES))
    def latest(self, name: str) -> None:
        newest = max((time for labels, time in self.samples if dict(labels)[NAME] == name), default=None)
        found = self.runner.run(self.store.latest([named(name)]))
        values = dict(zip(found.times.tolist(), found.values.view(np.uint64).tolist(), strict=True))
        assert values == ({} if newest is None else {newest: self.samples[series(name), newest]})
        assert list(found.labels) == [series(name)] * len(values)

    @rule(name=st.sampled_from(NAMES), start=times, end=times)
    def select(self, name: str, start: int, end: int) -> None:
        found = self.runner.run(held(self.store, named(name), time_ms=(start, end)))
        assert found == {
            (labels, time): value
            for (labels, time), value in self.samples.items()
            if dict(labels)[NAME] == name and start <= time <= end
        }

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        assert self.runner.run(held(self.store)) == self.samples
        assert set(self.runner.run(self.store.series([]))) == {labels for labels, _ in self.samples}
        assert self.store.highest_acked("agent", 1) == max(self.acked, default=0)
        assert self.store.stats().series == len({labels for labels, _ in self.samples})
        assert self.store.stats().damaged == 0
        told = self.runner.run(judged(self.store))
        for sample in told.keys() | self.verdicts.keys():
            found, said = told.get(sample), self.verdicts.get(sample)
            assert found == said or found in self.early.get(sample, ()) or (found is None and self.forgotten)

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_the_store_holds_what_a_dictionary_holds = StoreMachine.TestCase
