"""A clock that jumps has nothing deleted until it was confirmed; a store that was switched off deletes in the end."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from netmon_collector.believed import CONFIRMATION, CONFIRMED_MS, FILE, BelievedTime, ahead_ms, tell_in
from netmon_collector.foreign.line_protocol import decode
from netmon_collector.store.embedded import EmbeddedStore
from tests.collector.store.samples import held, register, row
from tests.support.clocks import HandClock
from tests.support.collectors import collector

MINUTE_MS, DAY_MS = 60_000, 86_400_000
YEAR_MS = 365 * DAY_MS


class Lab:
    """A collector's clock and what it believes, also over restarts."""

    def __init__(self, folder: Path, newest_ms: int | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.clock = HandClock()
        self.newest_ms = newest_ms
        self.start()

    def start(self) -> None:
        self.believed = BelievedTime(self.folder, self.newest_ms, self.clock.now_ms, self.clock.boot_ms)
        self.believed.look()

    def restart(self, off_ms: int, *, boots: bool = True) -> None:
        """The collector, or the machine, is off for a while."""
        self.clock.pass_ms(off_ms)
        if boots:
            self.clock.boot = 0
        self.start()

    def run(self, for_ms: int, step_ms: int = DAY_MS // 4) -> None:
        for _ in range(0, for_ms, step_ms):
            self.clock.pass_ms(step_ms)
            self.believed.look()

    @property
    def behind_ms(self) -> int:
        return self.clock.wall - self.believed.now_ms()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_clock_that_does_not_jump_is_believed(lab: Lab) -> None:
    lab.run(30 * DAY_MS)
    lab.clock.wall += 5 * MINUTE_MS  # NTP puts it right
    assert lab.behind_ms == 0
    lab.run(DAY_MS)
    assert (lab.behind_ms, lab.believed.off_ms) == (0, 0)


@pytest.mark.parametrize("jump_ms", [40 * DAY_MS, YEAR_MS, 30 * YEAR_MS])
def test_a_jump_ahead_counts_after_a_week_of_running_and_is_told_once(
    lab: Lab, jump_ms: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    registry = CollectorRegistry()
    tell_in(registry, lab.believed)
    lab.clock.wall += jump_ms
    assert lab.behind_ms == jump_ms  # also before anybody looked
    lab.run(CONFIRMED_MS - DAY_MS // 4)
    assert lab.behind_ms == jump_ms
    assert registry.get_sample_value("netmon_clock_doubted_seconds") == jump_ms / 1000
    lab.run(DAY_MS)
    assert lab.behind_ms == 0
    assert registry.get_sample_value("netmon_clock_doubted_seconds") == 0
    assert [one for one in caplog.messages if one.startswith("clock")] == ["clock.doubted", "clock.believed"]


def test_a_jump_that_is_put_right_changes_nothing(lab: Lab) -> None:
    lab.clock.wall += YEAR_MS
    lab.run(3 * DAY_MS)
    lab.clock.wall -= YEAR_MS
    lab.run(DAY_MS)
    assert (lab.behind_ms, lab.believed.off_ms) == (0, 0)
    lab.clock.wall += YEAR_MS
    lab.run(6 * DAY_MS)  # a week anew
    assert lab.behind_ms == YEAR_MS


def test_a_clock_that_was_wrong_at_the_first_start_and_is_put_right_is_followed(lab: Lab) -> None:
    lab.clock.wall -= YEAR_MS
    assert lab.behind_ms == 0
    lab.run(CONFIRMED_MS + DAY_MS)
    lab.clock.wall += YEAR_MS
    assert lab.behind_ms == YEAR_MS


def test_restarts_confirm_nothing(lab: Lab) -> None:
    lab.clock.wall += YEAR_MS
    lab.newest_ms = lab.clock.wall  # samples come with the times of the wrong clock
    for _ in range(20):
        lab.restart(MINUTE_MS)
        lab.restart(MINUTE_MS, boots=False)
    assert lab.behind_ms == YEAR_MS + MINUTE_MS


def test_a_night_off_is_no_jump(lab: Lab) -> None:
    lab.restart(14 * 3_600_000)
    assert lab.behind_ms == 0


def test_after_a_year_off_a_week_of_running_is_enough_also_in_pieces(lab: Lab) -> None:
    lab.restart(YEAR_MS)
    assert lab.behind_ms == YEAR_MS
    for _ in range(8):
        lab.run(8 * 3_600_000, 3_600_000)
        lab.restart(16 * 3_600_000)
    assert lab.behind_ms == 0


def test_machines_that_are_off_at_weekends_delete_too(lab: Lab) -> None:
    for _ in range(10):
        for _ in range(5):
            lab.run(8 * 3_600_000, 3_600_000)
            lab.restart(16 * 3_600_000)
        lab.restart(2 * DAY_MS)
    assert lab.behind_ms <= 6 * DAY_MS


def test_a_person_confirms_by_a_file(lab: Lab, tmp_path: Path) -> None:
    lab.clock.wall += YEAR_MS
    lab.run(DAY_MS)
    assert ahead_ms(tmp_path) == YEAR_MS
    (tmp_path / CONFIRMATION).touch()
    lab.believed.look()
    assert (lab.behind_ms, ahead_ms(tmp_path)) == (0, 0)
    assert not (tmp_path / CONFIRMATION).exists()


def test_where_nothing_is_known_the_newest_sample_counts(tmp_path: Path) -> None:
    now_ms = HandClock().now_ms()
    assert Lab(tmp_path / "new").behind_ms == 0
    for name, newest_ms in {"old": now_ms - YEAR_MS, "young": now_ms - MINUTE_MS, "ahead": now_ms + YEAR_MS}.items():
        assert Lab(tmp_path / name, newest_ms).behind_ms == (YEAR_MS if name == "old" else 0)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "nonsense", '{"believed_ms": "x"}'])
def test_a_file_that_is_damaged_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    lab = Lab(tmp_path, HandClock().now_ms() - YEAR_MS)
    assert lab.behind_ms == YEAR_MS


async def test_a_store_loses_nothing_by_a_jump_and_something_by_time(lab: Lab, tmp_path: Path) -> None:
    begin_ms = lab.clock.wall
    store = EmbeddedStore.open(tmp_path / "store", window_s=0.0, head_slots=1, seal_every_s=0.0, merge_every_s=0.0)
    group = register(store, "up")
    for day in range(20):
        await store.append([row(group, begin_ms + day * DAY_MS, float(day))], None)
    lab.run(20 * DAY_MS)
    await store._upkeep.round(1e9)

    async def days() -> int:
        await store.forget_before(lab.believed.now_ms() - 30 * DAY_MS)
        return len(await held(store))

    lab.clock.wall += YEAR_MS
    lab.run(DAY_MS)
    assert await days() == 20
    lab.clock.wall -= YEAR_MS
    lab.run(15 * DAY_MS)
    assert 10 < await days() < 16
    await store.close()


async def test_samples_of_the_right_time_are_taken_while_the_clock_is_ahead(lab: Lab, tmp_path: Path) -> None:
    lab.clock.wall += YEAR_MS
    lab.run(DAY_MS)
    async with collector(tmp_path / "other", now_ms=lab.clock.now_ms, believed_ms=lab.believed.now_ms) as running:
        for age_ms, taken in ((YEAR_MS, 1), (YEAR_MS + 29 * DAY_MS, 1), (YEAR_MS + 31 * DAY_MS, 0)):
            line = f"load value=1 {(lab.clock.wall - age_ms) * 1_000_000}".encode()
            assert (await running.pipeline.take(decode(line, unit_ns=1, now_ms=lab.clock.wall))).samples == taken
