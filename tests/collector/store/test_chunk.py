"""Chunks give back every bit, whole and column by column, and are small for what metrics are."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.chunk import Chunk
from netmon_collector.store.chunkmap import Unreadable
from netmon_collector.store.classify import Code, classify
from netmon_collector.store.layout import Matrix, Progression, pack_progression
from netmon_collector.store.packing import encode
from netmon_proto.model import STALE_BITS

SPECIAL = [ABSENT_BITS, STALE_BITS, 0xFFF8DEADBEEF0001, 1 << 63, 0x7FF0000000000000, 1, 0x7FEFFFFFFFFFFFFF]
decimals = st.builds(lambda number, places: number / 10**places, st.integers(-(10**6), 10**6), st.integers(0, 8))
samples = st.one_of(
    st.one_of(decimals, st.floats()).map(lambda value: int(np.float64(value).view(np.uint64))), st.sampled_from(SPECIAL)
)
matrices = st.tuples(st.integers(1, 20), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.uint64, shape, elements=samples)
)


def matrix(bits: npt.NDArray[np.uint64], fields: int = 1) -> Matrix:
    columns, slots = bits.shape
    return Matrix(7, np.arange(slots) * 10_000, np.arange(columns // fields) * 3, bits, fields)


@pytest.mark.parametrize("lasts", [True, False])
@given(bits=matrices)
def test_every_bit_comes_back(bits: npt.NDArray[np.uint64], *, lasts: bool) -> None:
    bits[(bits == ABSENT_BITS).all(axis=1), 0] = 5  # no column is empty
    chunk = Chunk.of(encode(matrix(bits), lasts=lasts)[0])
    assert (chunk.matrix().bits == bits).all()
    assert (chunk.times == np.arange(bits.shape[1]) * 10_000).all()
    for column in range(len(bits)):
        assert (chunk.read(np.array([column]))[0] == bits[column]).all()
        assert (chunk.read_one(column, 0, bits.shape[1]) == bits[column]).all()


@pytest.mark.parametrize("lasts", [True, False])
@pytest.mark.parametrize("slots", [1, 119, 1440, 1441, 3000])
@pytest.mark.parametrize("fields", [1, 9])
def test_columns_of_any_length_and_with_any_gaps_come_back(slots: int, fields: int, *, lasts: bool) -> None:
    dice = np.random.default_rng(slots)
    columns = [
        np.cumsum(dice.poisson(1000, slots)) + 1e9,
        -np.cumsum(dice.poisson(3, slots)) / 100,
        np.round(np.cumsum(dice.normal(0, 1, slots)), 2),
        dice.integers(0, 1000, slots) * 1.0,
        np.repeat([4.0, 2.5], [slots // 2, slots - slots // 2]),
        np.full(slots, 7.25),
        dice.normal(0, 1, slots),
        dice.integers(-(2**62), 2**62, slots) * 1.0,
        np.cumsum(dice.poisson(1000, slots)) + 5.0,
    ]
    bits = np.array(columns * 4).view(np.uint64)
    bits[18:27, dice.random(slots) < 0.3] = ABSENT_BITS
    for row in bits[27:36]:
        row[dice.random(slots) < 0.7] = ABSENT_BITS
    bits[:, slots // 3] = np.arange(36.0).view(np.uint64)  # no column is empty
    payload, head = encode(matrix(bits, fields), lasts=lasts)
    chunk = Chunk.of(payload)
    assert chunk.map.head_bytes == head
    assert (chunk.matrix().bits == bits).all()
    for first, last in ((0, slots), (slots // 2, slots), (slots // 3, slots // 3 + 1)):
        assert (chunk.read(np.arange(36)[::5], first, last) == bits[::5, first:last]).all()
        for column in range(36):
            assert (chunk.read_one(column, first, last) == bits[column, first:last]).all()


def test_times_and_series_are_found_however_they_are_spaced() -> None:
    for numbers in ([5], [5, 15, 25], [5, 6, 30], [-7, 0, 7], list(range(3, 3000, 17)), [0, 2**40, 2**41 + 1]):
        kept = np.array(numbers, np.int64)
        found = Progression(pack_progression(kept), len(kept))
        assert found.all().tolist() == numbers
        for number in {one + off for one in numbers[:50] for off in (-1, 0, 1)}:
            assert found.below(number) == np.searchsorted(kept, number)
            assert found.find(number) == (numbers.index(number) if number in numbers else -1)
        assert found.part(0, min(2, len(numbers))).tolist() == numbers[:2]


@pytest.mark.parametrize("lasts", [True, False])
@given(bit=st.integers(0, 10**9))
def test_a_wrong_bit_is_noticed_wherever_it_is(bit: int, *, lasts: bool) -> None:
    bits = np.array([np.arange(300.0) ** 2, np.sqrt(np.arange(300.0)), np.full(300, 3.0)]).view(np.uint64)
    bits[0, 7] = ABSENT_BITS
    payload, _ = encode(matrix(bits), lasts=lasts)
    flipped = bytearray(payload)
    flipped[bit // 8 % len(payload)] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        Chunk.of(bytes(flipped)).matrix()


def test_columns_are_found_by_series_and_field() -> None:
    bits = np.arange(48, dtype=np.float64).reshape(12, 4).view(np.uint64)
    chunk = Chunk.of(encode(matrix(bits, fields=3))[0])
    places, columns = chunk.columns_of(np.array([3, 5, 9]))
    assert (chunk.block, chunk.series.tolist()) == (7, [0, 3, 6, 9])
    assert (places.tolist(), columns.tolist()) == ([0, 2], [3, 4, 5, 9, 10, 11])
    assert (chunk.read(columns) == bits[columns]).all()


@pytest.mark.parametrize(
    ("column", "code"),
    [
        (np.full(120, 3.5), Code.CONSTANT),
        (np.arange(120) * 1000.0 + np.arange(120) % 7, Code.MOVING),
        (np.repeat([1.0, 2.0, 5.0], 40), Code.STEPPING),
        (np.resize([1.0, 9.0, 2.0, 8.0], 120), Code.NOISY),
        (np.round(20 + np.sin(np.arange(120) / 20), 2), Code.MOVING),
        (np.sqrt(np.arange(120.0)), Code.FLOAT),
        (np.append(np.arange(119.0), -0.0), Code.FLOAT),
        (np.append(np.arange(119.0), np.nan), Code.FLOAT),
        (np.arange(120.0) * 2.0**60, Code.FLOAT),
    ],
)
def test_columns_are_sorted_by_what_they_hold(column: npt.NDArray[np.float64], code: Code) -> None:
    assert classify(column[None, :].view(np.uint64)).codes.tolist() == [code]


def test_what_a_host_reports_takes_less_than_a_byte_and_a_half_a_sample() -> None:
    dice = np.random.default_rng(1)
    counters = np.cumsum(dice.poisson(dice.integers(1, 5000, 40), (120, 40)), axis=0).astype(np.float64)
    gauges = np.round(50 + np.cumsum(dice.normal(0, 0.5, (120, 40)), axis=0), 2)
    constants = np.tile(dice.integers(0, 10**6, 20).astype(np.float64), (120, 1))
    bits = np.ascontiguousarray(np.hstack((counters, gauges, constants)).T).view(np.uint64)
    assert len(encode(matrix(bits))[0]) < 1.2 * bits.size
    assert len(encode(matrix(bits), lasts=False)[0]) < 2 * bits.size
