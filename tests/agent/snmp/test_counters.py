"""Counters across wraps, reboots, resets and impossible values."""

import pytest

from netmon_agent.snmp.counters import (
    TICKS,
    Step,
    Track,
    Uptime,
    Verdict,
    follow,
    line_speed_bps,
    may_wrap_twice,
    uptime_between,
)

GIGABIT = 1e9 / 8


@pytest.mark.parametrize(
    ("before", "after", "elapsed_s", "expected"),
    [
        (1_000, 7_000, 60, Uptime.RUNNING),
        (TICKS - 3_000, 3_000, 60, Uptime.WRAPPED),
        (TICKS - 3_000, 9_000, 60, Uptime.REBOOTED),  # had it wrapped, it would be at 3000
        (5_000_000, 2_000, 60, Uptime.REBOOTED),
        (1_000_000, 999_500, 60, Uptime.RUNNING),  # a clock set back by five seconds is no reboot
        (TICKS - 100, 359_900, 3600, Uptime.WRAPPED),
    ],
)
def test_a_wrap_of_uptime_is_told_from_a_reboot(before: int, after: int, elapsed_s: float, expected: Uptime) -> None:
    assert uptime_between(before, after, elapsed_s) is expected


def test_engine_boots_settle_what_uptime_leaves_open() -> None:
    assert uptime_between(1_000, 60_000, 60, boots_before=4, boots_after=5) is Uptime.REBOOTED
    assert uptime_between(TICKS - 3_000, 3_000, 60, boots_before=4, boots_after=4) is Uptime.WRAPPED


@pytest.mark.parametrize(
    ("high", "speed", "override", "expected"),
    [
        (10_000, 4_294_967_295, None, 10e9),
        (0, 100_000_000, None, 100e6),
        (None, 4_294_967_295, None, None),
        (0, 0, None, None),
        (10_000, 4_294_967_295, 50e6, 50e6),
    ],
)
def test_line_speed_is_the_operators_word_then_ifhighspeed_then_ifspeed(
    high: float | None, speed: float, override: float | None, expected: float | None
) -> None:
    assert line_speed_bps(high, speed, override) == expected


def read(*values: int, bits: int = 64, most_per_s: float | None = GIGABIT, every_s: float = 10) -> list[Step]:
    """Readings of one counter at a steady pace."""
    steps: list[Step] = []
    track: Track | None = None
    for place, value in enumerate(values):
        steps.append(follow(track, value, place * every_s, bits=bits, most_per_s=most_per_s))
        track = steps[-1].track
    return steps


def test_a_counter_that_advances_is_stored_as_it_is() -> None:
    assert [step.value for step in read(5, 10, 10, 4_000)] == [5, 10, 10, 4_000]


def test_a_wrap_of_32_bits_goes_on_above_them() -> None:
    steps = read(TICKS - 1_000, 500, 2_000, bits=32)
    assert [step.verdict for step in steps] == [Verdict.FIRST, Verdict.WRAPPED, Verdict.ADVANCED]
    assert [step.value for step in steps] == [TICKS - 1_000, TICKS + 500, TICKS + 2_000]


def test_a_fall_that_the_line_could_not_wrap_is_a_reset() -> None:
    steps = read(1_000_000, 500, bits=32)
    assert (steps[1].verdict, steps[1].value) == (Verdict.RESET, 500)


def test_a_64_bit_counter_never_wraps() -> None:
    assert read(2**64 - 10, 5)[1].verdict is Verdict.RESET


def test_a_wrap_with_unknown_speed_must_come_near_the_end() -> None:
    assert read(TICKS - 10, 5, bits=32, most_per_s=None)[1].verdict is Verdict.WRAPPED
    assert read(TICKS // 2, 5, bits=32, most_per_s=None)[1].verdict is Verdict.RESET


def test_what_the_line_cannot_carry_is_left_out_and_the_next_reading_counts_on() -> None:
    steps = read(1_000, 10**15, 10**15 + 7_000)
    assert (steps[1].verdict, steps[1].value) == (Verdict.IMPLAUSIBLE, None)
    assert steps[2].value == 8_000


def test_a_reboot_or_a_discontinuity_is_a_reset_even_where_the_counter_grew() -> None:
    before = Track(1_000, 1_000, 0.0, discontinuity=0)
    assert follow(before, 2_000, 10, rebooted=True, discontinuity=0).verdict is Verdict.RESET
    assert follow(before, 2_000, 10, discontinuity=77).verdict is Verdict.RESET
    assert follow(before, 2_000, 10, discontinuity=0).verdict is Verdict.ADVANCED


def test_no_rate_is_ever_above_the_line_by_more_than_what_reading_late_explains() -> None:
    steps = read(0, int(GIGABIT * 10), int(GIGABIT * 30))
    assert [step.verdict for step in steps[1:]] == [Verdict.ADVANCED, Verdict.IMPLAUSIBLE]


def test_a_fast_port_read_rarely_may_wrap_twice() -> None:
    assert may_wrap_twice(60, 10e9 / 8)
    assert not may_wrap_twice(30, 100e6 / 8)
    assert not may_wrap_twice(60, None)
