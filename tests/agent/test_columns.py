"""Series get ids once, layouts change only when series do, and whoever vanishes gets a last word."""

import tracemalloc

import pytest

from netmon_agent.columns import Columnizer, DuplicateSeries, Encoded, _Readings
from netmon_agent.inputs.base import Columns, Key, Reading
from netmon_proto.model import Kind, is_stale


def key(name: str, **labels: str) -> Key:
    return Key(name, tuple(sorted(labels.items())), Kind.GAUGE)


A, B, C = key("a"), key("b", x="1"), key("c")


def encode(columnizer: Columnizer, *measurements: Columns | Reading, now_ms: int = 1000) -> Encoded:
    return columnizer.encode("input", "node", now_ms, measurements)


@pytest.fixture
def columnizer() -> Columnizer:
    return Columnizer(first_series=10, first_layout=5)


def test_the_first_gather_defines_its_series_and_layout(columnizer: Columnizer) -> None:
    encoded = encode(columnizer, Columns((A, B), [1.0, 2.0]), Reading("c", {}, 3.0))
    assert [(one.id, one.name, dict(one.labels)) for one in encoded.series] == [
        (10, "a", {}),
        (11, "b", {"x": "1"}),
        (12, "c", {}),
    ]
    assert [(one.id, one.input, one.job, list(one.series)) for one in encoded.layouts] == [
        (5, "input", "node", [10, 11, 12])
    ]
    assert [(one.layout, one.time_ms, list(one.values)) for one in encoded.gathers] == [(5, 1000, [1.0, 2.0, 3.0])]


def test_the_same_series_again_define_nothing(columnizer: Columnizer) -> None:
    keys = (A, B)
    encode(columnizer, Columns(keys, [1.0, 2.0]))
    for again in (keys, (A, B), (key("a"), key("b", x="1"))):
        encoded = encode(columnizer, Columns(again, [3.0, 4.0]))
        assert not encoded.series
        assert not encoded.layouts
        assert [(one.layout, list(one.values)) for one in encoded.gathers] == [(5, [3.0, 4.0])]


def test_the_same_series_in_other_portions_keep_their_layout(columnizer: Columnizer) -> None:
    encode(columnizer, Columns((A, B), [1.0, 2.0]))
    encoded = encode(columnizer, Columns((A,), [1.0]), Columns((B,), [2.0]))
    assert [(one.layout, list(one.values)) for one in encoded.gathers] == [(5, [1.0, 2.0])]
    assert not encoded.layouts


def test_a_series_that_vanishes_gets_the_stale_marker_once(columnizer: Columnizer) -> None:
    encode(columnizer, Columns((A, B), [1.0, 2.0]))
    encoded = encode(columnizer, Columns((A, C), [3.0, 4.0]), now_ms=2000)
    live, gone = encoded.gathers
    assert (live.time_ms, list(live.values)) == (2000, [3.0, 4.0])
    assert gone.time_ms == 2000
    assert [is_stale(value) for value in gone.values] == [True]
    assert [list(one.series) for one in encoded.layouts] == [[10, 12], [11]]
    assert encoded.retired_series == [11]
    assert set(encoded.retired_layouts) == {5, gone.layout}
    assert len(encode(columnizer, Columns((A, C), [3.0, 4.0])).gathers) == 1


def test_a_series_that_comes_back_is_defined_anew(columnizer: Columnizer) -> None:
    encode(columnizer, Columns((A, B), [1.0, 2.0]))
    encode(columnizer, Columns((A,), [1.0]))
    encoded = encode(columnizer, Columns((A, B), [1.0, 2.0]))
    assert [(one.id, one.name) for one in encoded.series] == [(12, "b")]


def test_an_input_that_breaks_ends_all_its_series_once_and_goes_on_as_before(columnizer: Columnizer) -> None:
    keys = (A, B)
    encode(columnizer, Columns(keys, [1.0, 2.0]))
    (gather,) = columnizer.mark_stale("input", 3000).gathers
    assert (gather.layout, gather.time_ms) == (5, 3000)
    assert all(map(is_stale, gather.values))
    assert len(gather.values) == 2
    assert not columnizer.mark_stale("input", 4000).gathers
    encoded = encode(columnizer, Columns(keys, [5.0, 6.0]))
    assert [(one.layout, list(one.values)) for one in encoded.gathers] == [(5, [5.0, 6.0])]
    assert not encoded.layouts


def test_what_vanished_while_an_input_was_broken_is_not_ended_twice(columnizer: Columnizer) -> None:
    encode(columnizer, Columns((A, B), [1.0, 2.0]))
    columnizer.mark_stale("input", 3000)
    encoded = encode(columnizer, Columns((A,), [1.0]))
    assert len(encoded.gathers) == 1
    assert encoded.retired_series == [11]


def test_an_input_that_reads_nothing_any_more_ends_everything(columnizer: Columnizer) -> None:
    encode(columnizer, Columns((A,), [1.0]))
    (gather,) = encode(columnizer).gathers
    assert all(map(is_stale, gather.values))
    assert not encode(columnizer).gathers


def test_an_input_that_breaks_before_it_ever_read_says_nothing(columnizer: Columnizer) -> None:
    assert not columnizer.mark_stale("input", 1).gathers


def test_inputs_do_not_share_series(columnizer: Columnizer) -> None:
    columnizer.encode("one", "node", 1, [Columns((A,), [1.0])])
    encoded = columnizer.encode("two", "probe", 1, [Columns((A,), [1.0])])
    assert [one.id for one in encoded.series] == [11]
    assert encoded.layouts[0].job == "probe"


def test_the_same_series_twice_is_an_error_that_names_it(columnizer: Columnizer) -> None:
    with pytest.raises(DuplicateSeries, match=r'b\{x="1"\} was read twice'):
        encode(columnizer, Columns((A, B), [1.0, 2.0]), Reading("b", {"x": "1"}, 3.0))


def test_too_few_values_are_an_error(columnizer: Columnizer) -> None:
    with pytest.raises(ValueError, match="1 values for 2 series"):
        encode(columnizer, Columns((A, B), [1.0]))


def test_after_forgetting_everything_is_defined_with_new_ids(columnizer: Columnizer) -> None:
    encode(columnizer, Columns((A,), [1.0]))
    columnizer.forget()
    encoded = encode(columnizer, Columns((A,), [1.0]))
    assert [one.id for one in encoded.series] == [11]
    assert [one.id for one in encoded.layouts] == [6]


def test_many_series_of_the_same_labels_hold_them_once() -> None:
    """A switch has some thousand series, and a poller a thousand switches."""
    columnizer, labels = Columnizer(1, 1), {"ifIndex": "1", "ifName": "Gi0/1"}
    for _ in range(2):
        columnizer.encode(
            "snmp:sw1", "snmp", 0, [Reading("ifInOctets", labels, 1.0), Reading("ifOutOctets", labels, 2.0)]
        )
        (part,) = columnizer._current["snmp:sw1"].parts
        assert isinstance(part, _Readings)
        assert part.labels[0] is part.labels[1]


def test_a_series_of_a_poller_takes_a_few_bytes_beside_its_labels() -> None:
    columnizer = Columnizer(1 << 20, 1)
    ports = [{"ifIndex": str(port), "ifName": f"Gi0/{port}"} for port in range(50)]
    readings = [Reading(f"if{at}", labels, 1.0) for labels in ports for at in range(20)]
    columnizer.encode("snmp:sw0", "snmp", 0, readings, "sw0")  # Python keeps what it let go of for the next
    tracemalloc.start()
    columnizer.encode("snmp:sw1", "snmp", 0, readings, "sw1")
    (held, _) = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < len(readings) * 50 + len(ports) * 500
