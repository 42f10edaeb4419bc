"""What is known of numbers is what was said of them."""

from hypothesis import given
from hypothesis import strategies as st

from netmon_agent.known import KnownNumbers

NUMBERS = st.sets(st.one_of(st.integers(0, 20_000), st.integers(0, 2**63)))


@given(NUMBERS, NUMBERS)
def test_a_number_is_known_once_it_was_added(added: set[int], asked: set[int]) -> None:
    known = KnownNumbers()
    known.add(added)
    assert {number for number in added | asked if number in known} == added
