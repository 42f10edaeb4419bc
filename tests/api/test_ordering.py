"""Many things in order, some thousand at a time."""

import random

from netmon_api.ordering import in_order, in_order_once


def test_many_are_in_the_order_that_sorted_gives_them() -> None:
    dice = random.Random(1)
    many = [(dice.randrange(9), number) for number in range(25_000)]
    dice.shuffle(many)
    assert in_order(many) == sorted(many)
    assert in_order(many, lambda one: one[0]) == sorted(many, key=lambda one: one[0]), "those alike stay as they were"
    assert in_order([3, 1, 2]) == [1, 2, 3]
    assert in_order([]) == []


def test_what_is_in_several_lists_comes_once() -> None:
    assert in_order_once([[1, 3, 5], [], [1, 2, 5, 9], [5]]) == [1, 2, 3, 5, 9]
    assert in_order_once([]) == []
