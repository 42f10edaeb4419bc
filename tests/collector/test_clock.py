"""A wrong clock is told from a slow network, and corrected evenly."""

from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.clock import TOLERATED_MS, Skew

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000


def test_before_the_first_batch_nothing_is_known() -> None:
    assert Skew().skew_ms is None


@given(st.integers(-TOLERATED_MS, TOLERATED_MS))
def test_a_clock_that_is_a_little_off_is_left_alone(skew_ms: int) -> None:
    skew = Skew()
    assert skew.observe(NOW + skew_ms, 0, NOW) == 0
    assert skew.skew_ms == skew_ms


@given(st.integers(-(10**9), 10**9).filter(lambda skew_ms: abs(skew_ms) > TOLERATED_MS), st.integers(0, 86_400_000))
def test_a_clock_that_is_far_off_is_corrected_however_long_a_batch_waited(skew_ms: int, age_ms: int) -> None:
    assert Skew().observe(NOW + skew_ms, age_ms, NOW + age_ms) == skew_ms


def test_a_slow_way_does_not_look_like_a_slow_clock() -> None:
    skew = Skew()
    skew.observe(NOW, 0, NOW + 20)
    for delay_ms in (11_000, 15_000, 30_000):
        assert skew.observe(NOW, 0, NOW + delay_ms) == 0
    assert skew.skew_ms == -20


def test_the_correction_stays_the_same_while_delays_jitter() -> None:
    skew = Skew()
    corrections = {skew.observe(NOW + HOUR_MS, 0, NOW + delay_ms) for delay_ms in (300, 5, 80, 700, 1)}
    assert corrections == {HOUR_MS - 300}


def test_a_clock_that_steps_is_followed_at_once() -> None:
    skew = Skew()
    assert skew.observe(NOW + HOUR_MS, 0, NOW) == HOUR_MS
    assert skew.observe(NOW, 0, NOW) == 0
    assert skew.observe(NOW - HOUR_MS, 0, NOW) == -HOUR_MS


def test_a_backlog_from_before_a_step_and_live_data_are_each_put_right() -> None:
    skew = Skew()
    for place in range(5):
        assert skew.observe(NOW + place, 0, NOW + place) == 0
        assert skew.observe(NOW - 60_000 + HOUR_MS, 60_000 + place, NOW + place) == HOUR_MS
