"""Metrics and labels of any name, in every store: they are found, told and read under the very name."""

from pathlib import Path

import pytest

from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME, Kind
from tests.collector.store.outside_lab import opened
from tests.collector.store.samples import batch, held, row, series
from tests.support import servers

NAMES = (
    *(
        "my.metric",
        "a b",
        "#m",
        "größe",
        "メモリ",
        "📈",
        'q"q',
        "b\\s",
        "{m}",
        "c,d",
        "e=f",
        "1st",
        "U__x",
        "it's",
        "-",
        "a/b",
    ),
    *(
        "time",
        "value",
        "_field",
        ":x",
        "x:",
        "a;b",
        " lead",
        "trail ",
        "\\",
        '"',
        "a\\",
        ",",
        "=",
        "__odd.one",
        "%",
        "é" * 128,
    ),
)


@pytest.mark.parametrize("kind", ["victoriametrics", "influxdb"])
async def test_a_server_keeps_any_name(kind: str, tmp_path: Path) -> None:
    running = (servers.influxdb if kind == "influxdb" else servers.victoria_metrics)(tmp_path / "server")
    running.start()
    everyone = [
        series(name, instance="web1", **{other: "x"}) for name, other in zip(NAMES, reversed(NAMES), strict=True)
    ]
    try:
        async with opened(f"{kind}:{running.url}", tmp_path) as store:
            for time_ms, one in enumerate(everyone, 1):
                await store.append([row(store.register([one], [Kind.GAUGE]), time_ms, 1.0)], batch(time_ms))
            assert await store.delivered()
            running.flush()
            assert set(await store.series([])) == set(everyone)
            assert {labels for labels, _ in await held(store)} == set(everyone)
            assert set(await store.label_names([])) == {NAME, "instance", *NAMES}
            for one, name, other in zip(everyone, NAMES, reversed(NAMES), strict=True):
                for matcher in (Matcher(NAME, MatchOp.EQUAL, name), Matcher(other, MatchOp.EQUAL, "x")):
                    assert await store.series([matcher]) == [one], matcher
                    assert {labels for labels, _ in await held(store, matcher)} == {one}, matcher
                assert list(await store.label_values(other, [])) == ["x"]
    finally:
        running.kill()
