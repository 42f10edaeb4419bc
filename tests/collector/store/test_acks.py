"""Sets of sequences as runs, against plain sets."""

from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.store.acks import Acks
from tests.collector.store.samples import batch


@given(st.lists(st.integers(1, 60)), st.integers(0, 70))
def test_runs_hold_what_a_set_holds(sequences: list[int], below: int) -> None:
    acks = Acks()
    for sequence in sequences:
        acks.add("agent", 1, sequence, sequence)
    loaded = Acks()
    loaded.load(acks.dump())
    loaded.settle("agent", 1, below)
    for sequence in range(1, 62):
        assert acks.has(batch(sequence)) == (sequence in sequences)
        assert loaded.has(batch(sequence)) == (sequence in sequences and sequence >= below)
    assert loaded.highest("agent", 1) == max(sequences, default=0)


def test_runs_that_meet_become_one() -> None:
    acks = Acks()
    for first, last in [(1, 3), (7, 9), (20, 20), (4, 6)]:
        acks.add("agent", 1, first, last)
    assert acks.dump() == [("agent", 1, 20, [(1, 9), (20, 20)])]


def test_what_nobody_sent_is_not_there() -> None:
    acks = Acks()
    acks.settle("agent", 1, 5)
    assert not acks.has(batch(4))
    assert acks.highest("agent", 1) == 0
    assert acks.dump() == []
