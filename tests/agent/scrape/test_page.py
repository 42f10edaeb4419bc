"""Pages are read as Prometheus' own library reads them, and faster."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest, validation
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from netmon_agent.inputs.base import Key
from netmon_agent.inputs.scrape.page import BadPage, Reader
from netmon_proto.model import Kind, is_stale

PAGE = """# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a b"} 1027 1395066363000
http_requests_total{code="400"}    3

# TYPE temp gauge
temp -1.5e3
# TYPE took histogram
took_bucket{le="0.5"} 4 # {trace_id="x} y"} 0.3 123.4
took_bucket { le = "+Inf" , } 6
took_sum 5.5
took_count 6
odd{text="a\\\\b\\n\\"} 5",more=""} NaN
edge +Inf
untyped_total 7
temp 9
"""


def reader(most_samples: int = 1000, **labels: str) -> Reader:
    return Reader(lambda found: found | labels, most_samples)


def read(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    keys, values = reader().read(page)
    return {(key.name, key.labels): value for key, value in zip(keys, values, strict=True)}


def test_a_page_is_read_as_it_is_meant() -> None:
    found = read(PAGE)
    assert math.isnan(found.pop(("odd", (("text", 'a\\b\n"} 5'),))))
    assert found == {
        ("http_requests_total", (("code", "200"), ("path", "/a b"))): 1027.0,
        ("http_requests_total", (("code", "400"),)): 3.0,
        ("temp", ()): -1500.0,
        ("took_bucket", (("le", "0.5"),)): 4.0,
        ("took_bucket", (("le", "+Inf"),)): 6.0,
        ("took_sum", ()): 5.5,
        ("took_count", ()): 6.0,
        ("edge", ()): math.inf,
        ("untyped_total", ()): 7.0,
    }


def test_kinds_come_from_types_and_names() -> None:
    keys, _ = reader().read(PAGE)
    counting = {key.name for key in keys if key.kind is Kind.COUNTER}
    assert counting == {"http_requests_total", "took_bucket", "took_sum", "took_count", "untyped_total"}


def test_while_the_series_stay_the_same_so_do_the_keys() -> None:
    one = reader()
    first, _ = one.read("a 1\nb 2\n")
    second, values = one.read("# HELP a Now with a comment.\na 3\nb 4\n")
    assert second is first
    assert values == [3.0, 4.0]
    third, values = one.read("b 5\na 6\nc 7\n")
    assert [key.name for key in third] == ["b", "a", "c"]
    assert values == [5.0, 6.0, 7.0]


def test_series_that_are_reserved_are_left_out() -> None:
    one = Reader(lambda found: found, 10, [Key("up", (), Kind.GAUGE)])
    keys, values = one.read('up 5\nup{a="b"} 6\n')
    assert [(key.name, key.labels) for key in keys] == [("up", (("a", "b"),))]
    assert values == [6.0]


def test_what_was_seen_is_not_kept_for_ever() -> None:
    one = reader(100)
    for turn in range(100):
        one.read("".join(f'a{{n="{turn}-{n}"}} 1\n' for n in range(100)))
    assert len(one._known) <= 1300
    for turn in range(100):
        with pytest.raises(BadPage, match="has 101 samples; at most 100"):
            one.read("".join(f'a{{n="{turn}-{n}"}} 1\n' for n in range(101)))
    assert len(one._known) <= 1400


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("a b c", "the line 'a b c' is no sample"),
        ("a", "the line 'a' is no sample"),
        ("a{b=c} 1", "the labels 'b=c' cannot be read"),
        ('a{b="c",b="d"} 1', "cannot be read"),
        ('a{b="c} 1', "no sample"),
        ("a x1", "'a' has the value 'x1'"),
        ("9a 1", "no sample"),
        ("<html>\n<p>404 not found</p>", "no sample"),
        ("a" * 300 + " 1", "more than 256 bytes"),
        ('a{b="' + "x" * 5000 + '"} 1', "value of more than 4096 bytes"),
        ("a{" + ",".join(f'l{n}="x"' for n in range(61)) + "} 1", "has 61 labels; at most 60"),
    ],
)
def test_a_page_that_is_none_is_refused(page: str, complaint: str) -> None:
    with pytest.raises(BadPage, match=complaint.replace("{", "\\{")):
        reader().read(page)


def test_openmetrics_that_is_cut_off_is_refused() -> None:
    assert reader().read("a 1\n# EOF\n", must_end=True).values == [1.0]
    with pytest.raises(BadPage, match="cut off"):
        reader().read("a 1\n", must_end=True)


def test_no_value_is_taken_for_a_stale_marker() -> None:
    assert not is_stale(reader().read("a NaN\n").values[0])


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=20
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
label_sets = st.dictionaries(names, texts, max_size=4).map(lambda one: tuple(sorted(one.items())))


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


@given(st.dictionaries(st.tuples(names, label_sets), st.floats(allow_nan=False), max_size=8))
def test_prometheus_own_library_reads_the_same(series: dict[tuple[str, tuple[tuple[str, str], ...]], float]) -> None:
    lines = []
    for (name, labels), value in series.items():
        pairs = ",".join([f'{label}="{escaped(text)}"' for label, text in labels])
        lines.append(f"{name}{{{pairs}}} {value!r}\n")
    page = "".join(lines)
    peers: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found = tuple(sorted((label, text) for label, text in sample.labels.items() if text))
            peers.setdefault((sample.name, found), sample.value)
    assert read(page) == peers


ANY_NAMES = """# HELP "http.requests" Of all paths.
# TYPE "http.requests" counter
{"http.requests","http.method"="get",code="200"} 1
{ "http.requests" , "http.method"="put" } 2 1395066363000
# TYPE "a \\"b\\" {\\\\}" gauge
{"a \\"b\\" {\\\\}"} 3 # {k="l"} 4
plain{"größe, =\\"x\\""="1",n=",\\""} 4
{code="1","last name"} 5
empty{ } 6
{"メモリ"} +Inf
"""


def test_names_in_quotation_marks_are_read() -> None:
    assert read(ANY_NAMES) == {
        ("http.requests", (("code", "200"), ("http.method", "get"))): 1.0,
        ("http.requests", (("http.method", "put"),)): 2.0,
        ('a "b" {\\}', ()): 3.0,
        ("plain", (("größe, =" + '"x"', "1"), ("n", ',"'))): 4.0,
        ("last name", (("code", "1"),)): 5.0,
        ("empty", ()): 6.0,
        ("メモリ", ()): math.inf,
    }
    kinds = {key.name: key.kind for key in reader().read(ANY_NAMES).keys}
    assert (kinds["http.requests"], kinds['a "b" {\\}']) == (Kind.COUNTER, Kind.GAUGE)


def test_a_series_whose_name_is_none_is_left_out_and_spoils_nothing() -> None:
    assert read('{"a\\nb"} 1\nc{"d\te"="f"} 2\n{"good.one"} 3\ng{""="h"} 4\n') == {("good.one", ()): 3.0}


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ('{a="b"} 1', "has no name"),
        ("{} 1", "has no name"),
        ('{""} 1', "has no name"),
        ('a{"b"} 1', "has more than one name"),
        ('{"a","b"} 1', "cannot be read"),
        ('a{__name__="b"} 1', "has more than one name"),
        ("{a} 1", "cannot be read"),
        ('{"a"="b","a"="c","d"} 1', "cannot be read"),
    ],
)
def test_a_series_without_one_name_is_told(page: str, complaint: str) -> None:
    with pytest.raises(BadPage, match=complaint):
        read(page)


def test_any_name_that_prometheus_own_library_writes_is_read() -> None:
    registry = CollectorRegistry()
    names = ("http.requests", "a b", 'q"q', "größe", "{x}", "b\\s", "# TYPE", "1st", "a=1,b", "📈")
    validation.disable_legacy_validation()  # type: ignore[no-untyped-call]
    try:
        for name in names:
            Gauge(name, "Help.", ["l." + name], registry=registry).labels(f'v "{name}"').set(1.5)
        pages = [
            generate_latest(registry, escaping=openmetrics.ALLOWUTF8).decode(),
            openmetrics.generate_latest(registry, escaping=openmetrics.ALLOWUTF8).decode(),  # type: ignore[no-untyped-call]
        ]
    finally:
        validation.enable_legacy_validation()  # type: ignore[no-untyped-call]
    for page in pages:
        assert read(page) == {(name, (("l." + name, f'v "{name}"'),)): 1.5 for name in names}
