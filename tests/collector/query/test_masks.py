"""Masks that are the same everywhere are shared, and found."""

import numpy as np
import pytest

from netmon_collector.query.masks import everywhere, is_anywhere, is_everywhere, nowhere


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 5), (0, 4), (300, 61)])
def test_a_mask_of_each_shape_is_true_everywhere(shape: tuple[int, ...]) -> None:
    mask = everywhere(*shape)
    assert mask.shape == shape
    assert mask.all()
    assert is_everywhere(mask)


@pytest.mark.parametrize("length", [0, 3, 20_000])
def test_a_mask_of_each_length_is_true_nowhere(length: int) -> None:
    assert nowhere(length).shape == (length,)
    assert not nowhere(length).any()


def test_nobody_can_change_a_mask_that_others_have() -> None:
    with pytest.raises(ValueError, match="read-only"):
        everywhere(2, 2)[0, 0] = False
    with pytest.raises(ValueError, match="read-only"):
        nowhere(2)[0] = True


def test_one_cell_makes_the_difference() -> None:
    table = np.ones((4, 6), np.bool_)
    table[2, 3] = False
    assert not is_everywhere(table)
    assert not is_everywhere(table.T[3:4])
    assert is_everywhere(table[:, ::2])
    assert is_anywhere(~table)
    assert not is_anywhere(~table[:, ::2])


def test_an_empty_mask_is_true_everywhere_and_nowhere() -> None:
    nothing = np.zeros((0, 3), np.bool_)
    assert is_everywhere(nothing)
    assert not is_anywhere(nothing)
