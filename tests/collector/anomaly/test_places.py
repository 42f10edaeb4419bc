"""Of so many series that are judged, those that are there no more make place for others."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_analytics.anomaly import Detector, Pardon, State
from netmon_analytics.combination import fit
from netmon_collector.anomaly import absence
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.learned import Learned
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.anomaly.roster import FREE, kind_of
from netmon_collector.store.base import Group, Points, Row
from netmon_proto.model import Labels

HOUR_S = 3600
START_S = 1_700_006_400


def series(name: str, instance: str) -> Labels:
    return (("__name__", name), ("instance", instance))


class Register:
    """Gives groups as a store does."""

    def register(self, labels: list[Labels], kinds: list[object]) -> Group:
        return Group(len(kinds), labels)


class Judging:
    """A collector's judging, an hour at a time."""

    def __init__(self, folder: Path, max_series: int) -> None:
        self.path, self.max_series = folder / "anomaly.npz", max_series
        self.now_s = float(START_S)
        self.assessor = self.opened()

    def opened(self) -> Assessor:
        return Assessor(AnomalyOptions(max_series=self.max_series), self.path, lambda: self.now_s)

    def restart(self) -> None:
        self.assessor.save()
        self.assessor = self.opened()

    def hour(self, *came: Labels, value: float = 100.0, passed_s: float = HOUR_S) -> None:
        self.now_s += passed_s
        labels = list(came)
        self.assessor.offer([Row(Group(None, labels), round(self.now_s * 1000), np.full(len(labels), value))])
        self.assessor.judge()

    @property
    def judged(self) -> set[Labels]:
        return set(self.assessor.snapshot()[1])


A, B, C, D = (series("load", name) for name in "abcd")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> int:
    """Hours after which a series is gone."""
    monkeypatch.setattr(absence, "GONE_H", 5)
    return 5


def test_a_fortnight_without_a_value_is_not_gone() -> None:
    assert absence.GONE_H > 14 * 24


def test_a_series_that_is_gone_makes_place_and_what_was_left_out_gets_it(
    tmp_path: Path, short: int, caplog: pytest.LogCaptureFixture
) -> None:
    judging = Judging(tmp_path, 2)
    judging.hour(A, B)
    group = Group(None, [A, B, C])
    for _ in range(short):
        judging.now_s += HOUR_S
        judging.assessor.offer([Row(group, round(judging.now_s * 1000), np.array([1.0, np.nan, 3.0]))])
        judging.assessor.judge()
    assert (judging.judged, judging.assessor.standing().left_out) == ({A}, 0)
    assert caplog.text.count("anomaly.too_many_series") == 1
    judging.now_s += HOUR_S
    judging.assessor.offer([Row(group, round(judging.now_s * 1000), np.array([1.0, np.nan, 3.0]))])
    judging.assessor.judge()
    assert judging.judged == {A, C}
    judging.hour(D)
    assert caplog.text.count("anomaly.too_many_series") == 2


def test_as_long_as_there_is_room_all_keep_their_places(tmp_path: Path, short: int) -> None:
    judging = Judging(tmp_path, 10)
    judging.hour(B)
    for _ in range(3 * short):
        judging.hour(A)
    assert judging.judged == {A, B}


def test_a_collector_that_was_off_or_whose_clock_was_ahead_takes_no_place_away(tmp_path: Path, short: int) -> None:
    judging = Judging(tmp_path, 2)
    judging.hour(A, B)
    judging.restart()
    judging.hour(A, passed_s=30 * 24 * HOUR_S)
    judging.hour(B)
    judging.hour(A, passed_s=365 * 24 * HOUR_S)
    judging.hour(B, passed_s=-365 * 24 * HOUR_S)
    for _ in range(3 * short):
        judging.hour(A, passed_s=HOUR_S / short)
        judging.restart()
    assert judging.judged == {A, B}


def test_of_what_people_said_something_the_place_is_kept_for_as_long_as_that(tmp_path: Path, short: int) -> None:
    judging = Judging(tmp_path, 2)
    for _ in range(100):
        judging.hour(A, B)
    for _ in range(24):
        judging.hour(A, B)
    judging.hour(A, B, value=10_000.0)
    assert [one.labels for one in judging.assessor.accept(lambda one: one == A, "ann")] == [A]
    for _ in range(2 * short):
        judging.hour(C, value=1.0)
    assert judging.judged == {A, C}
    judging.now_s += 61 * 24 * HOUR_S
    judging.hour(C)
    judging.hour(C)
    judging.hour(D)
    assert judging.judged == {C, D}
    assert not judging.assessor.feedback


def test_what_a_series_is_by_its_name_is_known_also_of_one_that_comes_later(tmp_path: Path) -> None:
    judging = Judging(tmp_path, 100)
    judging.hour(A)
    later = series("requests_total", "b")
    judging.hour(A, later)
    state, _ = judging.assessor.snapshot([later])
    assert state.basics.kind[0] == kind_of(later)


class Random(Judging):
    """Series of devices come and go, some in groups and some one by one; beside it stands what has to be."""

    def __init__(self, folder: Path, max_series: int, seed: int, gone_h: int) -> None:
        super().__init__(folder, max_series)
        self.rng = np.random.default_rng(seed)
        self.gone_h = gone_h
        names = ("load", "requests_total", "up", "temperature")
        labels = [[series(name, f"web{at}") for name in names] for at in range(9)]
        self.groups = [Group(None, own) for own in labels[:6]]
        self.pool = Group(None, [one for own in labels[6:] for one in own])
        self.alive: set[Labels] = set()
        every = [one for group in (*self.groups, self.pool) for one in group.labels]
        self.own_rows = {one: row for row, one in enumerate(every)}
        self.alone = Detector(State.empty(len(every)))
        """Each series in a row of its own for good."""
        self.known: set[Labels] = set()
        self.absent_h: dict[Labels, int] = {}
        self.is_first = True
        self.ended = 0
        self.heard: Counter[str] = Counter()
        """Values that were judged of each device since its rate was told."""

    def comes_and_goes(self) -> None:
        """An hour."""
        self.now_s += HOUR_S
        for group in (*self.groups, self.pool):
            for one in group.labels:
                if self.rng.random() < 0.06:
                    self.alive ^= {one}
        time_ms = round(self.now_s * 1000)
        came: list[tuple[Labels, float]] = []
        sources: list[Row | Points] = []
        for group in self.groups:
            values = self.values(group)
            sources.append(Row(group, time_ms, values))
            came += zip(group.labels, values.tolist(), strict=True)
        values = self.values(self.pool)
        there = np.flatnonzero(np.isfinite(values))
        sources.append(Points(self.pool, there, np.full(len(there), time_ms), values[there]))
        came += zip(self.pool.labels, values.tolist(), strict=True)
        self.assessor.offer(sources)
        self.assessor.judge()
        self.expect([(one, value) for one, value in came if np.isfinite(value)])

    def values(self, group: Group) -> NDArray[np.float64]:
        made = 100 + self.rng.normal(size=len(group.labels)) * (1 + 30 * (self.rng.random(len(group.labels)) < 0.05))
        return np.where([one in self.alive for one in group.labels], made, np.nan)

    def expect(self, came: Sequence[tuple[Labels, float]]) -> None:
        for one, _ in came:
            if one not in self.known and len(self.known) < self.max_series:
                self.known.add(one)
                row = np.array([self.own_rows[one]])
                self.alone.state.put(row, State.empty(1))
                self.alone.state.basics.kind[row] = kind_of(one)
            if one in self.known:
                self.absent_h[one] = 0
        if came:
            values = np.full(len(self.own_rows), np.nan)
            known = [(self.own_rows[one], value) for one, value in came if one in self.known]
            values[[row for row, _ in known]] = [value for _, value in known]
            found = self.alone.observe(self.now_s, values)
            for one, at in self.own_rows.items():
                if np.isfinite(found.score[at]):
                    self.heard[dict(one)["instance"]] += 1
        if not self.is_first:
            self.absent_h = {one: hours + 1 for one, hours in self.absent_h.items()}
        self.is_first = False
        if len(self.known) > 0.9 * self.max_series:
            said = {one.labels for one in self.assessor.feedback}
            for one in [one for one, hours in self.absent_h.items() if hours >= self.gone_h and one not in said]:
                self.known.remove(one)
                del self.absent_h[one]
                self.ended += 1

    def says_some_was_fine(self) -> None:
        for said in self.assessor.accept(lambda _: self.rng.random() < 0.3, "ann"):
            state, _ = self.assessor.snapshot([said.labels])
            self.alone.state.basics.fine[:, self.own_rows[said.labels]] = state.basics.fine[:, 0]

    def goes_back_to(self, state: State, labels: Sequence[Labels]) -> None:
        self.assessor.adopt(state, labels)
        for place, one in enumerate(labels):
            if one in self.known and np.isfinite(state.basics.first_s[place]):
                row, taken = np.array([self.own_rows[one]]), state.take(np.array([place]))
                taken.basics.fine[:] = self.alone.state.basics.fine[:, row]
                self.alone.state.put(row, taken)

    def check_rates(self) -> None:
        """They are of the devices that had values since the last time, and of no other."""
        counted = self.assessor.rates._counted
        if "instance" in counted:
            judged, _ = counted["instance"]
            values = self.assessor._roster.families["instance"].values
            told = {values[at]: int(judged[at]) for at in np.flatnonzero(judged).tolist()}
            assert told == self.heard
        self.assessor.rates.rows(Register(), 0)  # type: ignore[arg-type]
        self.heard = Counter()

    def check(self) -> None:
        assessor = self.assessor
        roster, labels = assessor._roster, list(self.known)
        assert self.judged == set(labels)
        assert assessor.standing().series == len(labels) == roster.series
        state, order = assessor.snapshot(labels)
        assert order == labels
        alone = self.alone.state.take(np.array([self.own_rows[one] for one in labels], np.intp)).arrays()
        for name, array in state.arrays().items():
            assert name == "basics/ahead_s" or np.array_equal(array, alone[name], equal_nan=True), name
        free = np.array([one == FREE for one in roster.labels])
        fresh = State.empty(1).arrays()
        for name, array in assessor._detector.state.take(np.flatnonzero(free)).arrays().items():
            assert name in ("version", "basics/ahead_s") or np.array_equal(
                array, np.repeat(fresh[name], free.sum(), axis=-1), equal_nan=True
            )
        family = roster.families["instance"]
        devices = {dict(one)["instance"] for one in labels}
        assert set(family.values) - {""} == devices
        for row, one in enumerate(roster.labels):
            assert family.values[family.numbers[row]] == dict(one).get("instance", "")
        assert len(roster.labels) <= self.max_series
        for place, learned in enumerate(assessor.combinations.learned):
            own_rows = assessor.combinations._steps.rows[:, place]
            assert own_rows[: len(learned.series)].tolist() == [roster.row_of(one) for one in learned.series]
        for said in assessor.feedback:
            assert isinstance(said.pardon, Pardon)
            assert roster.row_of(said.labels) == said.pardon.row


@pytest.mark.parametrize("seed", range(4))
def test_series_that_come_and_go_are_judged_as_if_each_were_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(absence, "GONE_H", 12)
    judging = Random(tmp_path, 20, seed, 12)
    for hour in range(300):
        judging.comes_and_goes()
        if hour == 30:
            own = list(judging.known)[:4]
            fitted = fit(judging.rng.normal(size=(300, len(own))))
            kinds = (False,) * len(own)
            judging.assessor.take(Learned("web0", tuple(own), kinds, 60.0, judging.now_s, fitted))
        if hour % 10 == 0:
            judging.check_rates()
        judging.check()
        if hour % 100 == 50:
            version = judging.assessor.snapshot()
        if hour % 100 == 80:
            judging.goes_back_to(*version)
        if hour % 50 == 25:
            judging.says_some_was_fine()
        if hour % 37 == 0:
            judging.check_rates()  # as what was not told yet is lost
            judging.restart()
    assert judging.ended > 20
