"""Pieces of a block become one table."""

from itertools import permutations

import numpy as np

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.merge import Piece, merge

BOTH = np.arange(2)


def piece(first: int, last: int, value: float, columns: list[int] | None = None) -> Piece:
    own = BOTH if columns is None else np.array(columns)
    return Piece(np.arange(first, last), own, np.full((len(own), last - first), value).view(np.uint64))


def test_pieces_of_different_times_are_one_table_in_whatever_order_they_were_written() -> None:
    pieces = piece(0, 3, 1.0), piece(3, 5, 2.0), piece(7, 8, 3.0)
    for order in permutations(pieces):
        table = merge(order, 2)
        assert table is not None
        assert table.times.tolist() == [0, 1, 2, 3, 4, 7]
        assert table.bits.view(np.float64).tolist() == [[1.0, 1.0, 1.0, 2.0, 2.0, 3.0]] * 2


def test_where_pieces_have_the_same_time_the_later_wins() -> None:
    table = merge([piece(5, 9, 1.0), piece(0, 2, 2.0), piece(1, 6, 3.0, [1])], 2)
    assert table is not None
    assert table.times.tolist() == list(range(9))
    values = np.where(table.bits == ABSENT_BITS, -1.0, table.bits.view(np.float64))
    assert values.tolist() == [[2.0, 2.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0], [2.0] + [3.0] * 5 + [1.0] * 3]
