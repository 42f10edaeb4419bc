"""A set of numbers says of many at once whether it has them."""

import numpy as np

from netmon_collector.store.numberset import NumberSet


def test_it_has_what_was_added_until_it_is_cleared() -> None:
    numbers = NumberSet()
    assert numbers.has_all(np.empty(0, np.uint32))
    assert not numbers.has_all(np.array([0, 10_000], np.uint32))
    numbers.add(np.array([0, 3, 10_000], np.uint32))
    assert numbers.has_all(np.array([10_000, 0, 0, 3], np.uint32))
    assert not numbers.has_all(np.array([3, 4], np.uint32))
    assert numbers.without(np.array([4, 3, 20_000, 0], np.uint32)).tolist() == [4, 20_000]
    numbers.clear()
    assert numbers.without(np.array([0, 3])).tolist() == [0, 3]
