"""Series and their values as promtool writes them, and promtool itself as the judge of what they stand for."""

import math
import subprocess
from pathlib import Path

import pytest
import yaml

from netmon_collector.rules.trial.notation import NativeHistogram, labels_of, points_of, series_of
from netmon_proto.model import STALE

VALUES: dict[str, list[float | None]] = {
    "1 2 3": [1, 2, 3],
    "0+10x3": [0, 10, 20, 30],
    "1-2x2 5": [1, -1, -3, 5],
    "-2+4x3": [-2, 2, 6, 10],
    "+1.5e1x1": [15, 15],
    "5x0": [5],
    "_ 1 _x2 2 _x0 3": [None, 1, None, None, 2, 3],
    "1 \t  2 ": [1, 2],
    "": [],
    "010 09": [8, 9],
    "1_000x1": [1000, 1000],
    ".5 1. 1e-3": [0.5, 1, 0.001],
    "0x3": [0, 0, 0, 0],
    "Inf -inf +INF": [math.inf, -math.inf, math.inf],
    "0+0.1x10": [0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5, 0.6, 0.7, 0.7999999999999999, 0.8999999999999999,
                 0.9999999999999999],
}  # fmt: skip
WRONG = ["1xx7", "5+2", "1 x3", "1x-3", "1x2.5", "--1", "1,2", "a", "1+-2x3", "5m", "1e", "1__0", "_1", "staleness"]
NEWER = {"1_000x1"}


@pytest.mark.parametrize(("text", "points"), VALUES.items())
def test_values_are_expanded(text: str, points: list[float | None]) -> None:
    assert points_of(text) == points


def test_promtool_expands_them_to_the_same(tmp_path: Path) -> None:
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": "x", "values": text}],
            "promql_expr_test": [
                {
                    "expr": "last_over_time(x[30s])",
                    "eval_time": f"{place}m",
                    "exp_samples": [] if value is None else [{"labels": "x", "value": value}],
                }
                for place, value in enumerate(points)
            ],
        }
        for text, points in VALUES.items()
        if text not in NEWER
    ]
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump({"tests": tests}))
    told = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("text", WRONG)
def test_values_that_are_none_are_refused_here_and_by_promtool(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="is no value such as"):
        points_of(text)
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": [{"series": "x", "values": text}]}]}))
    assert subprocess.run(["promtool", "test", "rules", path], capture_output=True, check=False).returncode == 1


def test_a_series_may_end() -> None:
    (gone,) = points_of("stale")
    assert gone is not None
    assert math.isnan(gone)
    assert repr(gone) == repr(STALE)


def test_native_histograms_are_told_apart() -> None:
    with pytest.raises(NativeHistogram):
        points_of("1 {{schema:1 sum:3}}x2")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("up", {"__name__": "up"}),
        ("a:b{}", {"__name__": "a:b"}),
        ("sum{by=\"a\",on='b',}", {"__name__": "sum", "by": "a", "on": "b"}),
        ('{a="b"}', {"a": "b"}),
        ('{a=""}', {}),
        ("{}", {}),
        ("", {}),
        ('{"my.metric", "a b"=`c"d`}', {"__name__": "my.metric", "a b": 'c"d'}),
        ('up{__name__="down"}', {"__name__": "up"}),
    ],
)
def test_a_series_is_told_by_its_labels(text: str, labels: dict[str, str]) -> None:
    assert labels_of(text) == tuple(sorted(labels.items()))
    assert series_of(f"{text} 1 2") == (labels_of(text), "1 2")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('up{a!="b"}', "its labels are told by ="),
        ('up{a="b"', "1:9: parse error: unexpected end of input inside braces"),
        ("up[5m]", '1:3: parse error: unexpected "["'),
        ("up offset 5m", "1:4: parse error: unexpected <offset>"),
        ("1", '1:1: parse error: unexpected number "1"'),
        ("bool", "1:1: parse error: unexpected <bool>"),
    ],
)
def test_what_is_no_series_is_told(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"must be a series") as told:
        labels_of(text)
    assert complaint in str(told.value)
