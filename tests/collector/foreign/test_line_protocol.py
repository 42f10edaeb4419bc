"""Lines become columns; a bad line is told by its number and spoils no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from netmon_collector.foreign.base import BadSeries, Written
from netmon_collector.foreign.line_protocol import NS_OF, decode
from netmon_proto.model import Labels

NOW_MS = 1_769_860_800_000
Found = dict[Labels, list[tuple[int, float]]]


def series(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


def read(text: str | bytes, precision: str = "ns", database: str = "") -> tuple[Found, list[str]]:
    body = text.encode() if isinstance(text, str) else text
    written = decode(body, unit_ns=NS_OF[precision], now_ms=NOW_MS, database=database)
    return samples(written), [complaint.message for complaint in written.complaints]


def samples(written: Written) -> Found:
    found: Found = {}
    for row, time, value in zip(written.rows.tolist(), written.times.tolist(), written.values.tolist(), strict=True):
        found.setdefault(written.spelling.read(written.series[row]), []).append((time, value))
    return found


def test_a_line_is_a_sample_per_field() -> None:
    assert read("cpu,host=web1,cpu=cpu0 usage_user=1.5,usage_idle=97i 1769860800123456789") == (
        {
            series("cpu_usage_user", host="web1", cpu="cpu0"): [(1769860800123, 1.5)],
            series("cpu_usage_idle", host="web1", cpu="cpu0"): [(1769860800123, 97.0)],
        },
        [],
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5e3", -1500.0),
        ("+2", 2.0),
        (".5", 0.5),
        ("7.", 7.0),
        ("007", 7.0),
        ("9223372036854775807i", 9223372036854775807.0),
        ("18446744073709551615u", 18446744073709551615.0),
        ("t", 1.0),
        ("TRUE", 1.0),
        ("false", 0.0),
        ("F", 0.0),
    ],
)
def test_every_spelling_of_a_number_is_taken(text: str, value: float) -> None:
    assert read(f"m v={text} 5000000") == ({series("m_v"): [(5, value)]}, [])


@pytest.mark.parametrize(
    "text", ["abc", "1e400", "-9e999", "nan", "inf", "1,5", "0x10", "1_000", "", "tru", "1ii", "--1", '"open', "1.5i.2"]
)
def test_what_is_no_number_is_told_with_its_line(text: str) -> None:
    found, complaints = read(f"m v=1 5000000\nm v={text} 6000000\nm v=3 7000000")
    assert found == {series("m_v"): [(5, 1.0), (7, 3.0)]}
    assert len(complaints) == 1
    assert complaints[0].startswith("line 2 has ")


def test_texts_are_not_kept_and_may_hold_anything() -> None:
    found, complaints = read('m a="x, y=2 \\" \n z",b=2 5000000\nm b=3 6000000')
    assert (found, complaints) == ({series("m_b"): [(5, 2.0), (6, 3.0)]}, [])


def test_a_quote_that_is_never_closed_spoils_its_own_line_only() -> None:
    found, complaints = read('m v=1 5000000\nm a="x,v=2 6000000\nm v=3 7000000')
    assert found == {series("m_v"): [(5, 1.0), (7, 3.0)]}
    assert complaints == ["line 2 has a field that is not name=value"]


def test_backslashes_end_a_text_as_they_are_escaped() -> None:
    text = 'a path="C:\\\\",n=1\nb path="C:\\\\ \\"x\\" \\\\",n=2\nc n=3'
    assert read(text) == (
        {series(f"{name}_n"): [(NOW_MS, value)] for name, value in (("a", 1), ("b", 2), ("c", 3))},
        [],
    )


def test_a_quote_behind_an_escaped_blank_is_of_the_tag() -> None:
    found, trouble = read('disk,model=Dell\\ 24" v=1\ndisk,model=Dell\\ 27" v=2\n# an 8" disk\ndisk v="a\nb",w=3')
    assert not trouble
    assert found == {
        series("disk_v", model='Dell 24"'): [(NOW_MS, 1.0)],
        series("disk_v", model='Dell 27"'): [(NOW_MS, 2.0)],
        series("disk_w"): [(NOW_MS, 3.0)],
    }


@pytest.mark.parametrize(
    "text", ["a,b=c  v=1   2000000", "a,b=c\\ d \tv=1 \t 2000000 ", 'a,b=c  v=1,w="x  y"  2000000']
)
def test_there_may_be_many_blanks_between_parts(text: str) -> None:
    found, trouble = read(text)
    assert not trouble
    assert list(found.values()) == [[(2, 1.0)]]


@pytest.mark.parametrize("text", ["a=b,c=d v=1", " a=b,c=d v=1", "  a=b,c=d v=1", ' a=b,c=d v=1,w="x"'])
def test_a_measurement_may_have_an_equals_sign_and_blanks_before_it(text: str) -> None:
    assert read(text) == ({series("a_b_v", c="d"): [(NOW_MS, 1.0)]}, [])


def test_a_quote_in_a_tag_is_an_ordinary_character() -> None:
    assert read('disk,size=3.5" used=1 5000000\ndisk used=2 6000000') == (
        {series("disk_used", size='3.5"'): [(5, 1.0)], series("disk_used"): [(6, 2.0)]},
        [],
    )


@pytest.mark.parametrize(
    ("precision", "stamp"),
    [("ns", "1769860800123999999"), ("us", "1769860800123999"), ("ms", "1769860800123"), ("n", "1769860800123000000")],
)
def test_times_are_in_the_unit_that_is_named(precision: str, stamp: str) -> None:
    assert read(f"m v=1 {stamp}", precision)[0] == {series("m_v"): [(1769860800123, 1.0)]}


@pytest.mark.parametrize(("precision", "stamp", "time_ms"), [("s", "1769860800", NOW_MS), ("h", "2", 7_200_000)])
def test_coarse_times_are_exact(precision: str, stamp: str, time_ms: int) -> None:
    assert read(f"m v=1 {stamp}", precision)[0] == {series("m_v"): [(time_ms, 1.0)]}


def test_a_line_without_a_time_is_of_now() -> None:
    assert read("m v=1\nm v=2 5000000")[0] == {series("m_v"): [(NOW_MS, 1.0), (5, 2.0)]}


@pytest.mark.parametrize("stamp", ["1.5", "1e9", "soon", "99999999999999999999999999", "9223372036854775808000000000"])
def test_a_time_that_is_none_is_told(stamp: str) -> None:
    found, complaints = read(f"m v=1 {stamp}\nm v=2 5000000")
    assert found == {series("m_v"): [(5, 2.0)]}
    assert complaints[0].startswith("line 1 has a time that is ")


def test_hours_that_overflow_are_told() -> None:
    assert read(f"m v=1 {1 << 62}", "h") == ({}, ["line 1 has a time that is out of range"])


@pytest.mark.parametrize(
    "line", ["m", "m v", "m v=", "m =1", "m,t v=1", "m,=x v=1", "m v=1,", "m v=1 2 3", "m  ", "m v=1  2  3", ","]
)
def test_a_line_of_another_form_is_told(line: str) -> None:
    found, complaints = read(f"good v=1\n{line}\n")
    assert list(found) == [series("good_v")]
    assert [one.split(" ")[:2] for one in complaints] == [["line", "2"]]


def test_comments_and_empty_lines_are_nothing() -> None:
    assert read("# a comment\n\n  \r\nm v=1 5000000\r\n") == ({series("m_v"): [(5, 1.0)]}, [])


def test_an_empty_measurement_gives_the_fields_name() -> None:
    assert read(" up=1 5000000\n,job=node up=0 6000000") == (
        {series("up"): [(5, 1.0)], series("up", job="node"): [(6, 0.0)]},
        [],
    )


def test_names_become_those_that_prometheus_has() -> None:
    found, _ = read("disk.io\\ stats,mount-point=/var,9x=y read\\=bytes=1 5000000")
    assert found == {series("disk_io_stats_read_bytes", mount_point="/var", _9x="y"): [(5, 1.0)]}


def test_the_database_becomes_a_label_where_there_is_none() -> None:
    assert list(read("m v=1", database="telegraf")[0]) == [series("m_v", db="telegraf")]
    assert list(read("m,db=own v=1", database="telegraf")[0]) == [series("m_v", db="own")]


def test_a_tag_cannot_rename_the_metric() -> None:
    written = decode(b"m,__name__=up v=1", unit_ns=1, now_ms=NOW_MS)
    with pytest.raises(BadSeries, match="'__name__' twice"):
        written.spelling.read(written.series[0])


def test_many_bad_lines_are_told_in_short() -> None:
    _, complaints = read("bad\n" * 1000)
    assert len(complaints) == 21
    assert complaints[-1] == "and 980 more lines are bad"


words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"), min_size=1, max_size=20)


@given(
    place=words, value=st.floats(allow_nan=False, allow_infinity=False), count=st.integers(-(1 << 63), (1 << 63) - 1)
)
def test_what_influxdbs_own_client_writes_is_read_back(place: str, value: float, count: int) -> None:
    point = Point("weather").tag("place", place.strip() or "x").field("temp", value).field("count", count).time(5)
    found, complaints = read(point.to_line_protocol())
    assert complaints == []
    labels = dict(next(iter(found)))
    assert labels.get("place") == (place.strip() or "x")
    assert sorted(found.values()) == sorted([[(0, float(value))], [(0, float(count))]])


@given(st.lists(st.sampled_from([b"m", b",", b"=", b" ", b"\\", b'"', b"\n", b"1", b"i", b"t", b"#", b"\xff", b"a=b"])))
def test_any_bytes_are_lines_or_complaints(parts: list[bytes]) -> None:
    written = decode(b"".join(parts), unit_ns=1, now_ms=NOW_MS)
    assert len(written.rows) == len(written.times) == len(written.values)
    for row in written.rows.tolist():
        try:
            assert written.spelling.read(written.series[row])
        except BadSeries as error:
            assert str(error)  # noqa: PT017 - most are fine
