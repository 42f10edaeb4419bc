"""Numbers as Go writes them."""

import math
import struct
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_api.prometheus.floats import exposition_text, scalar_text, texts

FORMS = [
    # value, in vectors and matrices, as a scalar, in the text format
    (0.0, "0", "0", "0"),
    (-0.0, "-0", "-0", "-0"),
    (1.0, "1", "1", "1"),
    (-1.5, "-1.5", "-1.5", "-1.5"),
    (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"),
    (123456.0, "123456", "123456", "123456"),
    (1234567.0, "1234567", "1234567", "1.234567e+06"),
    (1e15, "1000000000000000", "1000000000000000", "1e+15"),
    (2.0**53 + 2, "9007199254740994", "9007199254740994", "9.007199254740994e+15"),
    (1.2345678901234567e20, "123456789012345670000", "123456789012345670000", "1.2345678901234567e+20"),
    (1e21, "1e+21", "1" + "0" * 21, "1e+21"),
    (-2.5e22, "-2.5e+22", "-25" + "0" * 21, "-2.5e+22"),
    (1e-4, "0.0001", "0.0001", "0.0001"),
    (1.5e-5, "0.000015", "0.000015", "1.5e-05"),
    (1e-6, "0.000001", "0.000001", "1e-06"),
    (9.9e-7, "9.9e-07", "0.00000099", "9.9e-07"),
    (5e-324, "5e-324", "0." + "0" * 323 + "5", "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308", "17976931348623157" + "0" * 292, "1.7976931348623157e+308"),
    (math.inf, "+Inf", "+Inf", "+Inf"),
    (-math.inf, "-Inf", "-Inf", "-Inf"),
    (math.nan, "NaN", "NaN", "NaN"),
]


@pytest.mark.parametrize(("value", "in_vector", "as_scalar", "exposed"), FORMS)
def test_each_format_is_that_of_go(value: float, in_vector: str, as_scalar: str, exposed: str) -> None:
    assert texts(np.array([value])) == [in_vector.encode()]
    assert scalar_text(value) == as_scalar
    assert exposition_text(value) == exposed


def test_a_column_is_written_value_by_value() -> None:
    column = np.array([form[0] for form in FORMS])
    assert texts(column) == [form[1].encode() for form in FORMS]
    assert texts(column[::-2]) == [form[1].encode() for form in FORMS][::-2]
    assert texts(np.array([])) == []


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_every_number_reads_back_as_it_was_and_has_an_exponent_where_go_has_one(values: list[float]) -> None:
    for value, written in zip(values, texts(np.array(values, dtype=float)), strict=True):
        text = written.decode()
        for form in (text, scalar_text(value), exposition_text(value)):
            assert struct.pack("<d", float(form)) == struct.pack("<d", value)
            assert not form.endswith(".0")
        assert ("e" in text) == (value != 0 and not 1e-6 <= abs(value) < 1e21)
        assert "e" not in scalar_text(value)
        # The fewest digits that tell it apart, as Python finds them too.
        digits = Decimal(text).normalize().as_tuple().digits
        assert digits == Decimal(repr(value)).normalize().as_tuple().digits
