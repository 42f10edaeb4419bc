"""Chunks give back every bit, whole and column by column, and are small for what metrics are."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.chunk import Chunk, Matrix, encode
from netmon_collector.store.classify import Code, classify
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


@given(matrices)
def test_every_bit_comes_back(bits: npt.NDArray[np.uint64]) -> None:
    bits[(bits == ABSENT_BITS).all(axis=1), 0] = 5  # no column is empty
    chunk = Chunk(encode(matrix(bits)))
    assert (chunk.matrix().bits == bits).all()
    assert (chunk.times == np.arange(bits.shape[1]) * 10_000).all()
    for column in range(len(bits)):
        assert (chunk.read(np.array([column]))[0] == bits[column]).all()


def test_columns_are_found_by_series_and_field() -> None:
    bits = np.arange(48, dtype=np.float64).reshape(12, 4).view(np.uint64)
    chunk = Chunk(encode(matrix(bits, fields=3)))
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
    assert len(encode(matrix(bits))) < 1.2 * bits.size
