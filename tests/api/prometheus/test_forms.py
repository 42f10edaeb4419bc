"""Forms are read as the standard library reads them."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_api.prometheus.browse import unescape
from netmon_api.prometheus.problem import Problem
from netmon_api.prometheus.route import fields_of
from tests.api.lab import Lab

PAIRS = st.lists(st.tuples(st.text(), st.text()))


@given(PAIRS)
def test_what_was_put_into_a_form_comes_out_of_it(pairs: list[tuple[str, str]]) -> None:
    written = urlencode([(a.encode("utf-8", "replace"), b.encode("utf-8", "replace")) for a, b in pairs]).encode()
    assert list(fields_of(written)) == parse_qsl(written.decode(), keep_blank_values=True)


@given(st.text(alphabet="a=&+%12fEe;é \x00", max_size=40))
def test_any_body_is_read_as_the_standard_library_reads_it(body: str) -> None:
    assert list(fields_of(body.encode())) == parse_qsl(body, keep_blank_values=True)


def test_a_form_of_very_many_fields_is_refused() -> None:
    with pytest.raises(Problem, match="more than 10000 fields"):
        list(fields_of(b"&" * 10_000))


FIELD = b'--a\r\nContent-Disposition: form-data; name="query"\r\n'


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("", b"x"),
        ("a", b"x"),
        ("a" * 300, b"x"),
        ("a", b"--a\r\n"),
        ("a", FIELD + b"\r\n1"),
        ("a", FIELD + b"\r\n\xff\r\n--a--\r\n"),
        ("a", FIELD + b"Content-Transfer-Encoding: nope\r\n\r\n1\r\n--a--\r\n"),
        ("a", FIELD + b"Content-Type: text/plain; charset=nope\r\n\r\n1\r\n--a--\r\n"),
        ("a", b"--a\r\n\r\n1\r\n--a--\r\n"),
        ("a", b"--a\r\nbroken\r\n\r\n1\r\n--a--\r\n"),
        ("a", b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--a--\r\n"),
    ],
)
async def test_a_form_of_odd_parts_is_refused(
    lab: Lab, caplog: pytest.LogCaptureFixture, boundary: str, body: bytes
) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}" if boundary else "multipart/form-data"}
    async with lab.client.post("/prometheus/api/v1/query", data=body, headers=headers) as response:
        told = await response.json()
    assert (response.status, told["error"].startswith("error parsing form values: ")) == (400, True)
    assert "request.failed" not in caplog.text


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("instance", "instance"),
        ("U__a_2e_b__c", "a.b_c"),
        ("U___1f600_", "😀"),
        ("U__a_ffffff_b", "U__a_ffffff_b"),
        ("U__a_d800_b", "U__a_d800_b"),
        ("U__a_2e", "U__a_2e"),
        ("U__a_x_", "U__a_x_"),
        ("U__", ""),
    ],
)
def test_a_name_in_a_path_may_be_escaped(escaped: str, name: str) -> None:
    assert unescape(escaped) == name
