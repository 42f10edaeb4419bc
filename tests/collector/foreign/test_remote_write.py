"""Remote write bodies become columns, whatever samples are in them, and nothing else does."""

import math
import struct
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.foreign import remote_write, remote_write_2
from netmon_collector.foreign.base import BadBody, BadSeries, Family, Written
from netmon_collector.foreign.snappy import unpack
from netmon_proto.model import STALE, Labels
from tests.support.write_requests import (
    Samples,
    Symbols,
    field,
    packed,
    request,
    request_2,
    sample,
    series,
    series_2,
    varint,
)

Bits = Mapping[Labels, list[tuple[int, bytes]]]
Version = tuple[Callable[[Mapping[Labels, Samples]], bytes], Callable[[bytes], Written]]
VERSIONS: list[Version] = [(request, remote_write.decode), (request_2, remote_write_2.decode)]
both = pytest.mark.parametrize("version", VERSIONS, ids=["1.0", "2.0"])

UP: Labels = (("__name__", "up"), ("instance", "web1:9100"), ("job", "node"))
times = st.integers(-(1 << 63), (1 << 63) - 1)
values = st.one_of(
    st.floats(allow_nan=False),
    st.integers(0, (1 << 64) - 1).map(lambda bits: float(struct.unpack("<d", struct.pack("<Q", bits))[0])),
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=300)
names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,20}", fullmatch=True)
label_sets = st.builds(
    lambda name, labels: tuple(sorted({**labels, "__name__": name}.items())),
    names,
    st.dictionaries(names, texts, max_size=6),
)
bodies = st.dictionaries(label_sets, st.lists(st.tuples(times, values), max_size=4), max_size=8)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def read(written: Written) -> dict[Labels, list[tuple[int, bytes]]]:
    """What was decoded, series by series."""
    found: dict[Labels, list[tuple[int, bytes]]] = {written.spelling.read(raw): [] for raw in written.series}
    for row, time, value in zip(written.rows.tolist(), written.times.tolist(), written.values, strict=True):
        found[written.spelling.read(written.series[row])].append((time, value.tobytes()))
    return found


@both
@given(body=bodies)
def test_every_sample_is_read_bit_by_bit(version: Version, body: dict[Labels, list[tuple[int, float]]]) -> None:
    encode, decode = version
    expected = {labels: [(time, bits(value)) for time, value in samples] for labels, samples in body.items()}
    assert read(decode(encode(body))) == expected


@both
def test_a_stale_marker_stays_one(version: Version) -> None:
    encode, decode = version
    (value,) = decode(encode({UP: [(1, STALE)]})).values
    assert value.tobytes() == bits(STALE)
    assert math.isnan(value)


@both
@given(junk=st.binary(max_size=300), data=st.data())
def test_damaged_bodies_are_refused_or_read_but_break_nothing(
    version: Version, junk: bytes, data: st.DataObject
) -> None:
    encode, decode = version
    whole = bytearray(encode({UP: [(1763671234567, 1.5)], (("__name__", "x"),): [(1, 0.0), (2, 3.0)]}))
    at = data.draw(st.integers(0, len(whole)))
    whole[at : at + data.draw(st.integers(0, 20))] = junk
    try:
        written = decode(bytes(whole))
    except BadBody:
        return
    assert len(written.rows) == len(written.times) == len(written.values)
    assert not len(written.rows) or int(written.rows.max()) < len(written.series)
    for raw in written.series:
        try:
            written.spelling.read(raw)
        except BadSeries as error:
            assert str(error)  # noqa: PT017 - damage need not be seen


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (field(1, series(UP, [(1, 2.0)]))[:-3], "not a message of the kind"),
        (field(1, series(UP, []) + field(2, field(1, 1.0) + b"\x10")), "not a value and a time"),
        (field(1, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "cut off"),
        (b"{}", "not a message of the kind"),
    ],
)
def test_a_body_that_is_something_else_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(BadBody, match=complaint):
        remote_write.decode(body)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([("job", "x")], "has no metric name"),
        ([("__name__", "a\x00b")], r"'a\\x00b' is not a metric's name"),
        ([("__name__", "é" * 129)], "is not a metric's name"),
        ([("__name__", "a"), ("", "x")], "'' is not a label's name"),
        ([("__name__", "a"), ("b\nc", "x")], r"'b\\nc' is not a label's name"),
        ([("__name__", "a"), ("b", "x"), ("b", "y")], "has the label 'b' twice"),
        ([("__name__", "a"), ("b", "x" * 5000)], "has more than 4096 bytes"),
        ([("__name__", "a"), *((f"l{n}", "x") for n in range(64))], "has 65 labels; at most 64"),
    ],
)
def test_labels_are_checked_when_a_series_is_new(labels: list[tuple[str, str]], complaint: str) -> None:
    written = remote_write.decode(field(1, series(labels, [(1, 1.0)])))
    with pytest.raises(BadSeries, match=complaint):
        written.spelling.read(written.series[0])


def test_labels_come_sorted_and_without_empty_ones() -> None:
    written = remote_write.decode(field(1, series([("z", "1"), ("__name__", "a"), ("e", "")], [(1, 1.0)])))
    assert written.spelling.read(written.series[0]) == (("__name__", "a"), ("z", "1"))


def test_metadata_of_1_0_is_read() -> None:
    told = field(1, 1) + field(2, b"http_requests_total") + field(4, b"Requests.") + field(5, b"")
    written = remote_write.decode(field(3, told))
    assert written.families == {"http_requests_total": Family("counter", "Requests.", "")}
    assert len(written.series) == 0


def test_metadata_of_2_0_is_read_and_a_counters_start_is_not() -> None:
    symbols = Symbols()
    about = field(1, 3) + field(3, symbols("How long.")) + field(4, symbols("seconds"))
    labels: Labels = (("__name__", "took_seconds_bucket"), ("le", "1"))
    body = field(5, series_2(symbols, labels, [(5, 1.0)], field(5, about) + field(6, 77)))
    started = field(5, series_2(symbols, UP, []) + field(2, sample(9, 2.0) + field(3, 4)))
    written = remote_write_2.decode(symbols.encoded() + body + started)
    assert written.families == {"took_seconds": Family("histogram", "How long.", "seconds")}
    assert read(written) == {labels: [(5, bits(1.0))], UP: [(9, bits(2.0))]}


def test_metadata_of_2_0_finds_the_name_behind_other_labels_and_needs_one() -> None:
    symbols = Symbols()
    about = field(5, field(1, 1))
    labels: Labels = (("Upper", "x"), ("__name__", "took_total"))
    good = field(5, series_2(symbols, labels, [(5, 1.0)], about))
    cut = field(5, field(1, varint(symbols("__name__"))) + field(2, sample(5, 1.0)) + about)
    written = remote_write_2.decode(symbols.encoded() + good + cut)
    assert written.families == {"took_total": Family("counter", "", "")}
    assert written.spelling.read(written.series[0]) == labels
    with pytest.raises(BadSeries, match="a label without a value"):
        written.spelling.read(written.series[1])


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (field(4, b"") + field(5, field(1, varint(7))), "refers to symbol 7 of 1"),
        (field(4, b"x") + field(5, field(1, b"")), "first symbol must be the empty"),
        (field(4, b"\xff") + field(5, field(1, b"\0")), "not UTF-8"),
        (field(4, b"") + field(5, field(1, b"\x80")), "is cut off"),
        (field(4, b"") + field(5, field(1, b"\xff\xff\xff\xff\xff\x00")), "no number of 32 bits"),
    ],
)
def test_a_body_of_2_0_that_makes_no_sense_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(BadBody, match=complaint):
        remote_write_2.decode(body)


@pytest.mark.parametrize(("number", "decode"), [(4, remote_write.decode), (3, remote_write_2.decode)])
def test_native_histograms_are_left_out_and_told(number: int, decode: Callable[[bytes], Written]) -> None:
    symbols = Symbols()
    one = series(UP, []) if number == 4 else series_2(symbols, UP, [])
    top = field(1, one + field(number, field(3, 1.5))) if number == 4 else field(5, one + field(number, field(3, 1.5)))
    written = decode((b"" if number == 4 else symbols.encoded()) + top)
    (complaint,) = written.complaints
    assert ("native histograms are not stored" in complaint.message, complaint.samples) == (True, 1)


def test_what_a_body_claims_to_become_is_checked_before_it_is_unpacked() -> None:
    assert unpack(packed(b"abc" * 100), 300) == b"abc" * 100
    with pytest.raises(BadBody, match="is 301 bytes long when unpacked; at most 300"):
        unpack(packed(b"x" * 301), 300)
    with pytest.raises(BadBody, match="at most 1000 are taken"):
        unpack(b"\xff\xff\xff\xff\x0f" + b"x" * 50, 1000)
    with pytest.raises(BadBody, match="not compressed by snappy"):
        unpack(b"\x10hello", 1000)


def test_a_request_of_very_many_tiny_parts_is_refused_early() -> None:
    with pytest.raises(BadBody, match="more than 500000 parts"):
        remote_write.decode(b"\x0a\x00" * 600_000)
    with pytest.raises(BadBody, match="more than 50000 labels and samples in one series"):
        remote_write.decode(field(1, b"\x12\x00" * 60_000))
    with pytest.raises(BadBody, match="more than 2000000 labels and samples in one request"):
        remote_write.decode(field(1, b"\x12\x00" * 2_001) * 1_000)


def test_the_same_series_is_spelled_alike_in_every_request_of_2_0() -> None:
    other: Labels = (("__name__", "other"),)
    first = remote_write_2.decode(request_2({UP: [(1, 1.0)]}))
    second = remote_write_2.decode(request_2({other: [(1, 1.0)], UP: [(1, 1.0)]}))
    assert first.series[0] == second.series[1]
    assert np.array_equal(second.rows, [0, 1])
