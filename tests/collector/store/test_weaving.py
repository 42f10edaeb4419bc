"""What chunks of the same series become together, and what is known of it without looking at every sample again."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.chunk import Chunk
from netmon_collector.store.classify import UNSURE
from netmon_collector.store.layout import Matrix
from netmon_collector.store.merge import Table
from netmon_collector.store.packing import encode
from netmon_collector.store.weaving import Strip, strips, woven
from netmon_proto.model import STALE_BITS

SERIES = np.arange(4) * 3
decimals = st.builds(lambda number, places: number / 10**places, st.integers(-(10**15), 10**15), st.integers(0, 9))
specials = st.sampled_from([STALE_BITS, ABSENT_BITS, 1 << 63, 0x7FF0000000000000, 0x433FFFFFFFFFFFFF])
samples = st.one_of(
    st.one_of(decimals, st.floats(), st.integers(0, 3).map(float)).map(lambda value: int(np.float64(value).view("u8"))),
    specials,
)
columns = st.one_of(
    arrays(np.uint64, 6, elements=samples),
    arrays(np.float64, 6, elements=decimals).map(lambda one: one.view(np.uint64)),
)
parts = st.lists(st.lists(columns, min_size=len(SERIES), max_size=len(SERIES)).map(np.stack), min_size=1, max_size=3)


def strip_of(parts: list[npt.NDArray[np.uint64]], *, lasts: bool = False) -> Strip:
    """The parts, one after the other, as they come back from a chunk each."""
    chunks = []
    for number, bits in enumerate(parts):
        bits[(bits == ABSENT_BITS).all(axis=1), 0] = 5  # no column is empty
        matrix = Matrix(7, 100 * number + np.arange(bits.shape[1]), SERIES, bits)
        chunks.append(Chunk.of(encode(matrix, lasts=lasts)[0]))
    (strip,) = woven([*strips(chunks[:1]), *strips(chunks[1:], SERIES)])
    return strip


def coded(table: Table, decimals: npt.NDArray[np.uint8] | None) -> bytes:
    return encode(Matrix(7, table.times, SERIES, table.bits), decimals=decimals)[0]


@pytest.mark.parametrize("lasts", [True, False])
@given(parts=parts)
def test_with_known_decimals_the_same_is_written(parts: list[npt.NDArray[np.uint64]], *, lasts: bool) -> None:
    table = strip_of(parts, lasts=lasts).table
    assert (table.bits == np.concatenate(parts, axis=1)).all()
    assert (Chunk.of(coded(table, table.decimals)).matrix().bits == table.bits).all()
    assert coded(table, table.decimals) == coded(table, None)


def told(*parts: list[list[float]]) -> list[int] | None:
    decimals = strip_of([np.array(one).view(np.uint64) for one in parts]).table.decimals
    return None if decimals is None else decimals.tolist()


def test_decimals_are_known_where_all_chunks_agree() -> None:
    first = [[1.0, 2.0, 4.0, 7.0, 8.0], [1.25, 3.5, 0.75, 2.0, 1.0], [4.0] * 5, [np.pi, np.e, 0.1, 1e-30, 5.0]]
    second = [[8.0, 9.0, 9.0, 7.0, 1.0], [0.25, 0.5, 0.5, 0.5, 0.5], [4.5] * 5, [np.pi, np.e, 0.1, 1e-30, 5.0]]
    other = [*second[:1], [0.5, 1.5, 0.5, 1.5, 0.5], *second[2:]]
    assert told(first, second) == [0, 2, UNSURE, UNSURE]
    assert told(first, other) == [0, UNSURE, UNSURE, UNSURE]


def test_where_a_sample_is_absent_no_decimals_are_known() -> None:
    whole = [[1.0, 2.0, 4.0, 7.0, 8.0]] * len(SERIES)
    ragged = np.array(whole).view(np.uint64)
    ragged[1, 2] = ABSENT_BITS
    assert strip_of([np.array(whole).view(np.uint64), ragged]).table.decimals is None
