"""A stream's definitions come back as they were given, whatever the numbers."""

from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.definitions import PAGE, Definitions
from netmon_proto.model import Kind, Series

SERIES = st.builds(
    Series,
    st.one_of(st.integers(0, 1000), st.integers(0, 2**64 - 1)),
    st.sampled_from(["up", "ifInOctets"]),
    st.dictionaries(st.sampled_from(["ifIndex", "ifName"]), st.text(max_size=3)),
    st.sampled_from(Kind),
)


@given(st.lists(SERIES))
def test_of_two_definitions_of_a_number_the_later_counts(given_: list[Series]) -> None:
    definitions, expected = Definitions(), {one.id: one for one in given_}
    definitions.take(given_)
    assert len(definitions) == len(expected)
    assert {number: definitions.get(number) for number in expected} == expected
    assert definitions.get(2**64) is None


def test_an_agent_that_leaves_numbers_out_takes_room_all_the_same() -> None:
    dense, spread = Definitions(), Definitions()
    dense.take(Series(number, "up", {}, Kind.GAUGE) for number in range(1000))
    spread.take(Series(number * 10**9, "up", {}, Kind.GAUGE) for number in range(1000))
    assert (dense.room, spread.room) == (1024, 1000 * PAGE)
