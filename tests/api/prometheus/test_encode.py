"""Answers as JSON, value by value."""

import math
import time
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_api.prometheus import encode
from netmon_api.prometheus.encode import metrics_json, moment, result_json
from netmon_collector.query.answer import Answer, Samples, Shape
from netmon_proto.model import Labels
from tests.api.lab import labels

NO_VALUES = np.empty((0, 0))
NO_MASK = np.empty((0, 0), dtype=bool)


def names(count: int) -> list[Labels]:
    return [labels("m", n=str(number)) for number in range(count)]


def decoded(answer: Answer, most: int | None = None) -> Any:
    return orjson.loads(b"".join(result_json(answer, most)) + b"}")


@pytest.mark.parametrize(
    ("time_ms", "shown"),
    [
        (0, "0"),
        (1, "0.001"),
        (1100, "1.100"),
        (-1500, "-1.500"),
        (1769860800000, "1769860800"),
        (12345678, "12345.678"),
    ],
)
def test_a_moment_has_three_decimals_or_none(time_ms: int, shown: str) -> None:
    assert moment(time_ms) == shown


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(
                st.one_of(st.none(), st.sampled_from([1.0, 0.25, math.inf, 1e-9])), min_size=width, max_size=width
            ),
            max_size=7,
        )
    ),
    st.integers(1, 12),
)
def test_a_matrix_has_each_value_at_its_time_and_no_other(rows: list[list[float | None]], at_once: int) -> None:
    width = len(rows[0]) if rows else 3
    values = np.array([[math.nan if one is None else one for one in row] for row in rows]).reshape(-1, width)
    present = np.array([[one is not None for one in row] for row in rows], dtype=bool).reshape(-1, width)
    times = np.arange(width) * 500
    answer = Answer(Shape.MATRIX, names(len(rows)), times, values, present)
    words = {1.0: "1", 0.25: "0.25", math.inf: "+Inf", 1e-9: "1e-09"}
    before, encode.CELLS_AT_ONCE = encode.CELLS_AT_ONCE, at_once
    try:
        result = decoded(answer)
    finally:
        encode.CELLS_AT_ONCE = before
    assert result == {
        "resultType": "matrix",
        "result": [
            {
                "metric": {"__name__": "m", "n": str(number)},
                "values": [[at / 2, words[one]] for at, one in enumerate(row) if one is not None],
            }
            for number, row in enumerate(rows)
        ],
    }


def test_a_vector_is_cut_where_it_is_limited() -> None:
    values = np.arange(5.0).reshape(5, 1)
    answer = Answer(Shape.VECTOR, names(5), np.array([1500]), values, np.ones((5, 1), dtype=bool))
    assert [one["value"] for one in decoded(answer, 2)["result"]] == [[1.5, "0"], [1.5, "1"]]
    assert len(decoded(answer, 9)["result"]) == 5


def test_stored_samples_keep_their_own_times() -> None:
    samples = Samples(np.array([1, 2, 3]), np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2, 3]))
    answer = Answer(Shape.MATRIX, names(3), np.array([0]), NO_VALUES, NO_MASK, samples=samples)
    assert [one["values"] for one in decoded(answer)["result"]] == [
        [[0.001, "1"], [0.002, "2"]],
        [],
        [[0.003, "3"]],
    ]


def test_stored_samples_of_short_and_long_series_are_told_apart() -> None:
    counts = [3, 0, 1, 10_000, 2, 5, 9000, 1]
    starts = np.concatenate([[0], np.cumsum(counts)])
    times = 1_767_268_800_000 + 500 * np.arange(starts[-1])
    values = np.round(np.random.default_rng(1).normal(0, 1000, starts[-1]), 2)
    values[[1, starts[4] + 1]] = math.nan, math.inf
    words = {"NaN": math.nan, "+Inf": math.inf}
    answer = Answer(
        Shape.MATRIX, names(len(counts)), np.array([0]), NO_VALUES, NO_MASK, samples=Samples(times, values, starts)
    )
    for most in (None, 3, 0):
        result = decoded(answer, most)["result"]
        assert [one["metric"]["n"] for one in result] == [str(n) for n in range(len(counts))][:most]
        for n, one in enumerate(result):
            own = slice(starts[n], starts[n + 1])
            assert [at for at, _ in one["values"]] == [at / 1000 for at in times[own].tolist()]
            shown = [words.get(text) or float(text) for _, text in one["values"]]
            assert np.array_equal(shown, values[own], equal_nan=True)


def test_scalars_and_strings_are_pairs() -> None:
    one = np.ones((1, 1))
    assert decoded(Answer(Shape.SCALAR, [()], np.array([1000]), one * 1e21, one > 0)) == {
        "resultType": "scalar",
        "result": [1, "1000000000000000000000"],
    }
    text = 'a "b"\n'
    assert decoded(Answer(Shape.STRING, [], np.array([1500]), NO_VALUES, NO_MASK, text=text)) == {
        "resultType": "string",
        "result": [1.5, text],
    }


def test_large_answers_come_in_pieces_of_bounded_size() -> None:
    times, count = np.arange(1000) * 15_000, 2000
    values = np.random.default_rng(7).random((count, len(times)))
    answer = Answer(Shape.MATRIX, names(count), times, values, np.ones(values.shape, dtype=bool))
    sizes, times_s, started_s = [], [], time.thread_time()
    for piece in result_json(answer):
        sizes.append(len(piece))
        times_s.append(time.thread_time() - started_s)
        started_s = time.thread_time()
    assert sum(sizes) > 50 << 20
    assert max(sizes) < 2 * encode.PIECE_BYTES
    assert max(times_s) < 0.05  # while a piece is made, others wait at most for one of its calls into C


def test_a_list_of_series_is_json_whatever_its_length() -> None:
    for count in (0, 1, 20_000):
        assert orjson.loads(b"".join(metrics_json(names(count)))) == [dict(one) for one in names(count)]
