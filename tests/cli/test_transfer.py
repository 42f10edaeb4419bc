"""`netmon store export` and `import`: what went out comes back bit by bit, and others can read it."""

import asyncio
import json
import math
import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netmon_collector.store.base import ABSENT
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, STALE, Kind, Labels
from tests.cli.conftest import Netmon
from tests.collector.store.samples import Samples, batch, bits, held, row, series

START_MS = 1_700_000_000_123
DAY_MS = 86_400_000
ODD: Sequence[float] = (0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, -1e22, math.inf, -math.inf, math.nan)
TRICKY = 'a "b" \\ c\nd, e={f} é \\n'
SERIES: Sequence[Labels] = (
    series("up", instance="web1", job="node"),
    series("up", instance="web2", job="node"),
    series("node:rule", tricky=TRICKY),
    series("alone"),
)


def fill(folder: Path) -> Samples:
    """Three days with holes, everything that a float can be, stale markers, also the marker of absence."""

    async def work() -> Samples:
        store = EmbeddedStore.open(folder, window_s=0, head_slots=9)
        group = store.register(SERIES, [Kind.GAUGE] * 4)
        for n in range(60):
            values = (ODD[n % len(ODD)], n / 7, STALE if n % 11 == 0 else float(n), ABSENT if n % 3 else n * 1e-9)
            await store.append([row(group, START_MS + n * 3_600_017, *values)], batch(n + 1))
        samples = await held(store)
        await store.close()
        return samples

    return asyncio.run(work())


def content(folder: Path) -> Samples:
    async def work() -> Samples:
        store = EmbeddedStore.open(folder)
        samples = await held(store)
        await store.close()
        return samples

    return asyncio.run(work())


def without_markers(samples: Samples) -> Samples:
    stale = int(np.float64(STALE).view(np.uint64))
    return {key: value for key, value in samples.items() if value != stale}


@pytest.mark.parametrize("name", ["history.parquet", "history.om"])
def test_what_went_out_comes_back_bit_by_bit(netmon: Netmon, tmp_path: Path, name: str) -> None:
    samples = fill(tmp_path / "old")
    expected = samples if name.endswith("parquet") else without_markers(samples)
    left_out = len(samples) - len(expected)
    out = netmon("store", "export", f"embedded:{tmp_path / 'old'}", str(tmp_path / name), "--json")
    assert (out.code, out.err, json.loads(out.out)) == (0, "", {"samples": len(expected), "left_out": left_out})
    for _ in range(2):
        back = netmon("store", "import", str(tmp_path / name), f"embedded:{tmp_path / 'new'}")
        assert (back.code, back.out, back.err) == (0, f"stored {len(expected)} samples\n", "")
        assert content(tmp_path / "new") == expected, "also when it is put there twice"
    assert not list(tmp_path.glob("*.partial"))


def test_a_part_can_be_chosen_by_series_and_time(netmon: Netmon, tmp_path: Path) -> None:
    samples = fill(tmp_path / "old")
    first, last = START_MS + 5 * 3_600_017, START_MS + 30 * 3_600_017
    words = ("--match", 'up{instance="web2"}', "--start", f"{first / 1000:.3f}", "--end", f"{last / 1000:.3f}")
    out = netmon("store", "export", f"embedded:{tmp_path / 'old'}", str(tmp_path / "part.om"), *words)
    assert out.out == f"wrote 26 samples to {tmp_path / 'part.om'}\n"
    assert netmon("store", "import", str(tmp_path / "part.om"), f"embedded:{tmp_path / 'new'}").code == 0
    chosen = {key: value for key, value in samples.items() if key[0] == SERIES[1] and first <= key[1] <= last}
    assert content(tmp_path / "new") == chosen


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_takes_what_went_out(netmon: Netmon, tmp_path: Path) -> None:
    fill(tmp_path / "old")
    words = ("--start", str(START_MS // 1000), "--match", '{__name__=~"up|node:rule"}')
    assert netmon("store", "export", f"embedded:{tmp_path / 'old'}", str(tmp_path / "h.om"), *words).code == 0
    blocks = ("promtool", "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "h.om"), str(tmp_path / "data"))
    made = subprocess.run(blocks, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    (tmp_path / "data" / "wal").mkdir()  # which `dump` wants to be there
    dump = subprocess.run(
        ("promtool", "tsdb", "dump", str(tmp_path / "data")), capture_output=True, text=True, timeout=60
    )
    assert dump.returncode == 0, dump.stderr
    lines = dump.stdout.splitlines()
    found = {(line.rsplit(" ", 2)[0], int(line.rsplit(" ", 1)[1])): float(line.rsplit(" ", 2)[1]) for line in lines}
    web2 = '{__name__="up", instance="web2", job="node"}'
    assert {time: value for (name, time), value in found.items() if name == web2} == {
        START_MS + n * 3_600_017: n / 7 for n in range(60)
    }
    assert any("tricky=" in name for name, _ in found)


def test_the_text_is_as_the_specification_has_it(netmon: Netmon, tmp_path: Path) -> None:
    fill(tmp_path / "old")
    assert netmon("store", "export", f"embedded:{tmp_path / 'old'}", str(tmp_path / "h.om")).code == 0
    lines = (tmp_path / "h.om").read_text().split("\n")
    assert lines[-2:] == ["# EOF", ""]
    names = [line.partition("{")[0].partition(" ")[0] for line in lines[:-2] if not line.startswith("#")]
    assert [name for n, name in enumerate(names) if n == 0 or names[n - 1] != name] == ["alone", "node:rule", "up"]
    assert lines[0] == "# TYPE alone unknown"
    assert lines[1] == "alone 0.0 1700000000.123"
    assert 'node:rule{tricky="a \\"b\\" \\\\ c\\nd, e={f} é \\\\n"} 1.0 1700003600.140' in lines
    assert 'up{instance="web1",job="node"} -Inf 1700028800.259' in lines
    of_one = [line for line in lines if line.startswith('up{instance="web2"')]
    times = [float(line.rsplit(" ", 1)[1]) for line in of_one]
    assert times == sorted(times)


def test_the_columns_are_easily_read(netmon: Netmon, tmp_path: Path) -> None:
    fill(tmp_path / "old")
    assert netmon("store", "export", f"embedded:{tmp_path / 'old'}", str(tmp_path / "h.parquet")).code == 0
    table = pq.read_table(tmp_path / "h.parquet")
    assert [(field.name, str(field.type).replace(" ('labels')", "")) for field in table.schema] == [
        ("name", "string"),
        ("labels", "map<string, string>"),
        ("time", "timestamp[ms, tz=UTC]"),
        ("value", "double"),
    ]
    rows = [one for one in table.to_pylist() if one["name"] == "up" and ("instance", "web2") in one["labels"]]
    assert rows[0] == {
        "name": "up",
        "labels": [("instance", "web2"), ("job", "node")],
        "time": datetime.fromisoformat("2023-11-14T22:13:20.123+00:00"),
        "value": 0.0,
    }


def test_duckdb_reads_what_went_out_bit_by_bit_and_counts_with_it(netmon: Netmon, tmp_path: Path) -> None:
    samples = fill(tmp_path / "old")
    path = str(tmp_path / "h.parquet")
    assert netmon("store", "export", f"embedded:{tmp_path / 'old'}", path).code == 0
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT name, labels, epoch_ms(time), value FROM read_parquet(?)", [path]).fetchall()
        by_day = connection.execute(
            "SELECT epoch_ms(time) // 86400000 AS day, max(value) FROM read_parquet(?) "
            "WHERE name = 'up' AND labels['instance'] = 'web2' GROUP BY day",
            [path],
        ).fetchall()
    assert {(series(name, **labels), time_ms): bits(value) for name, labels, time_ms, value in rows} == samples
    days = {n: (START_MS + n * 3_600_017) // DAY_MS for n in range(60)}
    assert dict(by_day) == {day: max(n for n in days if days[n] == day) / 7 for day in days.values()}


@pytest.mark.parametrize("name", ["history.parquet", "history.om"])
def test_times_before_1970_are_times_like_others(netmon: Netmon, tmp_path: Path, name: str) -> None:
    (tmp_path / "old.om").write_text("up 1 -1234.567\nup 2 -0.001\nup 3 0\n# EOF\n")
    old, new = f"embedded:{tmp_path / 'old'}", f"embedded:{tmp_path / 'new'}"
    assert netmon("store", "import", str(tmp_path / "old.om"), old).code == 0
    assert netmon("store", "export", old, str(tmp_path / name)).code == 0
    assert netmon("store", "import", str(tmp_path / name), new).code == 0
    assert {time for _, time in content(tmp_path / "new")} == {-1234567, -1, 0}
    assert content(tmp_path / "new") == content(tmp_path / "old")


LINES = """\
# HELP up Whether it is.
# TYPE up gauge
up{instance="a"} 1 1700000000
up{instance="a",} 2.5 1.7e9 # {trace="x"} 1 1700000000
up 3
up{instance="a} 4 1700000000
up{instance="a",instance="b"} 5 1700000000
up{instance="a"} 6 later
up{instance="a"} 1_0 1700000000
up{instance="a"}  7 1700000000
up{instance="a"} 8 1700000000123

up{instance=""} NaN 1700000001.5
up{instance="a"} 1e400 1700000001
up +Inf 1700000002
# EOF
up 9 1700000003
"""


def test_lines_that_are_no_good_are_told_and_the_others_stored(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "some.om").write_text(LINES)
    ended = netmon("store", "import", str(tmp_path / "some.om"), f"embedded:{tmp_path / 'new'}")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "stored 4 samples",
        "rejected 9 lines:",
        "line 5: has no timestamp",
        "line 6: is no sample",
        "line 7: has a label twice",
        "line 8: is no sample",
        "line 9: is no sample",
        "line 10: is no sample",
        "line 11: the timestamp 1700000000123 is no time in seconds",
        "line 14: the value 1e400 is out of range",
        "line 17: comes after # EOF",
    ]
    assert {key: np.uint64(value).view(np.float64) for key, value in content(tmp_path / "new").items()} == {
        (series("up", instance="a"), 1_700_000_000_000): 2.5,
        (series("up"), 1_700_000_001_500): pytest.approx(math.nan, nan_ok=True),
        (series("up"), 1_700_000_002_000): math.inf,
    }


def test_a_file_that_was_cut_off_is_told(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "cut.om").write_bytes(b"up 1 1700000000\nup 2 17000\xff")
    ended = netmon("store", "import", str(tmp_path / "cut.om"), f"embedded:{tmp_path / 'new'}", "--json")
    assert ended.code == 1
    assert json.loads(ended.out) == {
        "samples": 1,
        "rejected": 2,
        "told": ["line 2: is not valid UTF-8", "line 3: the file ends without # EOF: it may have been cut off"],
    }


def test_many_bad_lines_are_counted_and_the_first_told(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "bad.om").write_text("nonsense here\n" * 1000 + "# EOF\n")
    ended = netmon("store", "import", str(tmp_path / "bad.om"), f"embedded:{tmp_path / 'new'}")
    assert ended.out.splitlines()[:3] == ["stored 0 samples", "rejected 1,000 lines:", "line 1: is no sample"]
    assert ended.out.splitlines()[-1] == "and 980 more"


def table_of(**changes: pa.Array | None) -> pa.Table:
    columns = {
        "name": pa.array(["up", "up", None]),
        "labels": pa.array([[("a", "b")], [], []], pa.map_(pa.string(), pa.string())),
        "time": pa.array([1, 2, 3], pa.timestamp("us")),
        "value": pa.array([1.5, 2.5, 3.5], pa.float32()),
        **changes,
    }
    return pa.table({name: column for name, column in columns.items() if column is not None})


def test_parquet_of_others_is_taken_where_its_columns_fit(netmon: Netmon, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table_of(more=pa.array([1, 2, 3]), time=pa.array([1000, 2999, 3], pa.timestamp("us"))), path)
    ended = netmon("store", "import", str(path), f"embedded:{tmp_path / 'new'}")
    assert (ended.code, ended.out) == (
        1,
        "stored 2 samples\nrejected 1 line:\nrow 3: has a column without a value\n",
    )
    assert set(content(tmp_path / "new")) == {(series("up", a="b"), 1), (((NAME, "up"),), 2)}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"time": None}, "it has no column 'time'"),
        ({"value": pa.array(["1", "2", "3"])}, "its column 'value' is string; double is needed"),
        ({"labels": pa.array(["a", "b", "c"])}, "its column 'labels' is string; map<string, string> is needed"),
    ],
)
def test_parquet_that_does_not_fit_is_told(
    netmon: Netmon, tmp_path: Path, changes: dict[str, pa.Array | None], told: str
) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table_of(**changes), path)
    ended = netmon("store", "import", str(path), f"embedded:{tmp_path / 'new'}")
    assert (ended.code, ended.err) == (1, f"netmon: {path}: {told}\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("import", "none.om", "embedded:new"), 1, "none.om: No such file or directory"),
        (("import", "text.parquet", "embedded:new"), 1, "text.parquet: it is no Parquet file"),
        (("import", "text.parquet", "nonsense"), 2, "TO must be embedded:"),
        (("export", "nonsense", "x.om"), 2, "FROM must be embedded:"),
        (("export", "embedded:old", "text.parquet"), 2, "text.parquet is there already"),
        (("export", "embedded:old", "x.om", "--match", "up[5m]"), 2, "--match only plain selectors"),
        (("export", "embedded:old", "x.om", "--start", "soon"), 2, "--start must be"),
        (("export", "embedded:old", "no/x.om"), 1, "cannot write no/x.om"),
        (("export", "embedded:old", "pipe", "--force"), 2, "pipe is no file"),
    ],
)
def test_mistakes_are_told(
    netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.parquet").write_text("no parquet")
    os.mkfifo("pipe")
    ended = netmon("store", *words)
    assert ended.code == code
    assert ended.err.startswith(f"netmon: {told}")
    assert not list(tmp_path.glob("x.om*"))
