"""Counters across wraps, reboots, resets and impossible values."""

from collections.abc import Set
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_agent.snmp.counters import (
    TICKS,
    CounterBook,
    Moment,
    Uptime,
    countable,
    line_speed_bps,
    most_between,
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
        (12_000, 10_000, 300, Uptime.REBOOTED),  # it started a second time, and was up for nearly as long
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


class Port:
    """One counter of a port that is read every ten seconds; what is stored of it."""

    def __init__(self, bits: int = 64, most_per_s: float | None = GIGABIT) -> None:
        self.book = CounterBook()
        self.bits = bits
        self.most_per_s = {} if most_per_s is None else {"1": most_per_s}
        self.now = Moment()

    def passes(self, has_rebooted: bool = False) -> None:
        """Ten seconds go by without a reading."""
        self.now = Moment(self.now.time_s + 10, self.now.restarts + has_rebooted)

    def read(self, raw: int, has_rebooted: bool = False, cleared: Set[str] = frozenset()) -> int | None:
        self.passes(has_rebooted)
        return self.book.judge("octets", {"1": raw}, self.bits, self.now, self.most_per_s, cleared).get("1")

    def reads(self, *raws: int) -> list[int | None]:
        return [self.read(raw) for raw in raws]


def test_a_counter_that_advances_is_stored_as_it_is() -> None:
    assert Port().reads(5, 10, 10, 4_000) == [5, 10, 10, 4_000]


def test_a_wrap_of_32_bits_goes_on_above_them() -> None:
    port = Port(bits=32)
    assert port.reads(TICKS - 1_000, 500, 2_000) == [TICKS - 1_000, TICKS + 500, TICKS + 2_000]
    assert port.book.offsets == {"octets": {"1": TICKS}}


def test_a_fall_that_the_line_could_not_wrap_is_a_reset() -> None:
    assert Port(bits=32).reads(1_000_000, 500, 700) == [1_000_000, 500, 700]


def test_a_64_bit_counter_never_wraps() -> None:
    assert Port().reads(2**64 - 10, 5) == [2**64 - 10, 5]
    assert Port(bits=32, most_per_s=None).reads(2**33, 5) == [2**33, 5], "it was told to have 32 bits, and has more"


def test_a_wrap_with_unknown_speed_must_come_near_the_end() -> None:
    assert Port(bits=32, most_per_s=None).reads(TICKS - 10, 5) == [TICKS - 10, TICKS + 5]
    assert Port(bits=32, most_per_s=None).reads(TICKS // 2, 5) == [TICKS // 2, 5]


def test_what_the_line_cannot_carry_is_left_out_and_the_next_reading_counts_on() -> None:
    assert Port().reads(1_000, 10**15, 10**15 + 7_000) == [1_000, None, 8_000]


def test_after_a_reset_to_somewhere_the_next_reading_counts_on() -> None:
    assert Port().reads(10**15, 10**14, 10**14 + 5) == [10**15, None, 10**15 + 5]


def test_a_port_that_beats_its_speed_again_and_again_has_the_speed_wrong() -> None:
    port, step = Port(), 10**12
    assert port.reads(0, step, 2 * step, 3 * step) == [0, None, None, step]
    assert port.reads(4 * step, 4 * step + 5, 5 * step) == [2 * step, 2 * step + 5, 3 * step], "for good"
    port.most_per_s = {"1": GIGABIT / 10}
    assert port.read(6 * step) is None, "another speed is believed again"


def test_a_reboot_turns_what_looks_like_a_wrap_into_a_reset() -> None:
    tellings: tuple[dict[str, Any], ...] = {"has_rebooted": True}, {"cleared": {"1"}}
    for told in tellings:
        port = Port(bits=32)
        assert (port.read(TICKS - 1_000), port.read(500, **told)) == (TICKS - 1_000, 500)


def test_a_counter_that_went_on_across_a_restart_of_the_agent_goes_on() -> None:
    port = Port()
    assert (port.read(10**12), port.read(10**12 + 7, has_rebooted=True)) == (10**12, 10**12 + 7)


def test_rows_that_come_and_go_are_not_mixed_up() -> None:
    book = CounterBook()
    book.judge("octets", {"1": 100, "2": TICKS - 1}, 32, Moment(0), {})
    assert book.judge("octets", {"2": 4, "3": 9}, 32, Moment(10), {}) == {"2": TICKS + 4, "3": 9}
    assert book.judge("octets", {"1": 50, "2": 5, "3": 10}, 32, Moment(20), {}) == {"1": 50, "2": TICKS + 5, "3": 10}


def test_a_counter_that_a_poll_could_not_read_may_have_gained_what_two_can() -> None:
    port, nearly = Port(), int(GIGABIT * 9)
    port.read(0)
    port.passes()
    assert port.read(2 * nearly) == 2 * nearly


def test_a_reboot_is_known_of_a_counter_that_the_poll_after_it_could_not_read() -> None:
    port = Port(bits=32)
    port.read(TICKS - 1_000)
    port.passes(has_rebooted=True)
    assert port.read(500) == 500


def test_what_is_stored_goes_on_above_what_it_was_when_the_offsets_are_kept() -> None:
    port = Port(bits=32)
    port.reads(TICKS - 1_000, 500)
    assert port.book.has_news
    again = Port(bits=32)
    again.book.offsets = port.book.offsets
    assert again.reads(600, 700) == [TICKS + 600, TICKS + 700]
    again.book.forget_offsets()
    assert again.read(800) == 800


@given(
    st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 10**10)), max_size=20),
    st.sampled_from([32, 64]),
)
def test_no_rate_is_ever_above_the_line(raws: list[int], bits: int) -> None:
    """As Prometheus sees it: a fall begins anew from nought. A speed that is disbelieved does not count."""
    port, stored, strikes = Port(bits), [], 0
    for raw in raws:
        value = port.read(raw)
        strikes = strikes + 1 if value is None else 0
        if port.book._doubted:
            return
        if value is not None:
            stored.append((value, strikes))
    most = most_between(Moment(0), Moment(10), GIGABIT)
    for (before, _), (after, _) in pairwise(stored):
        assert (after - before if after >= before else after) <= most


def test_what_is_no_counter_is_told() -> None:
    assert [countable(value) for value in (0, 2**64 - 1, 2**64, -1, 1.5, "7")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
