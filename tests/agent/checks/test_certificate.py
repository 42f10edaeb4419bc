"""The end of certificates, read out of bytes that others send."""

import datetime
import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from netmon_agent.inputs.checks.certificate import not_after_s, whose

DER = ssl.PEM_cert_to_DER_cert(trustme.CA().issue_cert("a").cert_chain_pems[0].bytes().decode())


@pytest.mark.parametrize("year", [2026, 2049, 2050, 2120])
def test_the_end_is_read_in_both_notations(year: int) -> None:
    ends = datetime.datetime(year, 12, 31, 23, 59, 58, tzinfo=datetime.UTC)
    issued = trustme.CA().issue_cert("a", not_after=ends)
    assert not_after_s(ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())) == ends.timestamp()


@given(st.binary(max_size=300))
def test_what_is_no_certificate_has_no_end(data: bytes) -> None:
    assert not_after_s(data) is None


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_a_damaged_certificate_has_an_end_or_none(at: int, byte: int) -> None:
    found = not_after_s(DER[:at] + bytes([byte]) + DER[at + 1 :])
    assert found is None or isinstance(found, float)
    assert not_after_s(DER[: min(at, 40)]) is None


def test_whose_a_certificate_is_is_told_bounded() -> None:
    info = {
        "subject": ((("countryName", "NO"),), (("commonName", "a,b"), ("unknown", "x")), (("organizationName", "c"),)),
        "issuer": ((("commonName", "z" * 9_000),),),
        "subjectAltName": (("DNS", "a.example"), ("IP Address", "192.0.2.1"), ("DNS", "b.example")),
    }
    told = whose(b"der", info)
    assert told["subject"] == r"CN=a\,b,O=c,C=NO"
    assert told["subjectalternative"] == "a.example,b.example"
    assert len(told["issuer"]) == 500
    assert len(told["fingerprint_sha256"]) == 64
    assert whose(b"", {})["subject"] == ""
