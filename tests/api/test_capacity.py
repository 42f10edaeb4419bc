"""What runs out, as the API tells it, with the events and series that come of it."""

from typing import Any

import numpy as np
import pytest

from netmon_collector.query.answer import Answer, ErrorKind, QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME
from tests.api.lab import NOW_MS, Lab, labels

HOUR_MS = 3_600_000
DAYS = 20
SIZE = labels("node_filesystem_size_bytes", instance="db1", mountpoint="/", fstype="ext4")
AVAIL = labels("node_filesystem_avail_bytes", instance="db1", mountpoint="/", fstype="ext4")
EXPIRY = labels("probe_ssl_earliest_cert_expiry", instance="web1")


async def have_history(lab: Lab) -> None:
    """A disk that loses a fiftieth a day and has ten days left, and a certificate with forty."""
    for hour in range(DAYS * 24 + 1):
        left = 100 - 80 * hour / (DAYS * 24 * 1.0) + float(np.sin(hour))
        at = {SIZE: 100.0, AVAIL: left, EXPIRY: NOW_MS / 1000 + 40 * 86_400}
        await lab.keep(at, NOW_MS - (DAYS * 24 - hour) * HOUR_MS)


async def test_what_runs_out_is_listed_soonest_first_with_its_interval(lab: Lab) -> None:
    await have_history(lab)
    await lab.capacity.look()
    answer = await lab.get("/api/v1/capacity")
    disk, certificate = answer["results"]
    assert (disk["what"], disk["labels"]["mountpoint"], disk["limit"], disk["soon"]) == ("space", "/", 1.0, True)
    assert disk["low"] <= disk["exhausted"] <= disk["high"]
    assert (certificate["what"], certificate["limit"], certificate["soon"]) == ("certificate", None, False)
    assert certificate["used"] == 40 * 86_400
    assert (await lab.get("/api/v1/capacity", ("what", "certificate")))["count"] == 1
    assert (await lab.get("/api/v1/capacity", ("instance", "db1")))["results"] == [disk]
    assert (await lab.get("/api/v1/events"))["results"][0]["kind"] == "capacity.soon"


async def test_what_cannot_be_asked_hides_nothing_else_and_takes_nothing_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await have_history(lab)
    await lab.capacity.look()
    answer = Engine.range

    async def failing(engine: Engine, text: str, *rest: Any, **options: Any) -> Answer:
        if "node_filesystem_avail_bytes" in text:
            raise QueryError(ErrorKind.EXECUTION, "many-to-many matching")
        return await answer(engine, text, *rest, **options)

    monkeypatch.setattr(Engine, "range", failing)
    lab.clock.pass_ms(60_000)
    await lab.capacity.look()
    found = (await lab.get("/api/v1/capacity"))["results"]
    assert [(one["what"], one["soon"]) for one in found] == [("space", True), ("certificate", False)]
    assert [one["kind"] for one in (await lab.get("/api/v1/events"))["results"]] == ["capacity.soon"]


async def test_a_port_that_was_called_otherwise_is_still_a_link(lab: Lab) -> None:
    for hour in range(DAYS * 24 + 1):
        port = {"instance": "core", "ifIndex": "1"}
        names = ("old", "new") if hour == 100 else ("new",)
        at = {labels("ifHighSpeed", ifAlias=name, **port): 1000.0 for name in names}
        bytes_in = labels("ifHCInOctets", ifAlias="new", **port)
        for minute in (0, 5):
            stamp_ms = NOW_MS - (DAYS * 24 - hour) * HOUR_MS - minute * 60_000
            await lab.keep(at | {bytes_in: (hour * 60 - minute) * 1e9}, stamp_ms)
    await lab.capacity.look()
    assert {one["what"] for one in (await lab.get("/api/v1/capacity"))["results"]} == {"link in"}


async def test_no_time_is_asked_for_that_is_before_history(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await have_history(lab)
    asked: list[tuple[int, int]] = []
    answer = Engine.range

    async def noted(engine: Engine, text: str, start_ms: int, end_ms: int, step_ms: int, **options: Any) -> Answer:
        asked.append((start_ms, end_ms))
        return await answer(engine, text, start_ms, end_ms, step_ms, **options)

    monkeypatch.setattr(Engine, "range", noted)
    await lab.capacity.look()
    assert min(start_ms for start_ms, _ in asked) == NOW_MS - DAYS * 24 * HOUR_MS
    assert {end_ms for _, end_ms in asked if end_ms > NOW_MS - HOUR_MS} == {NOW_MS}
    lab.clock.pass_ms(90_000)
    asked.clear()
    await lab.capacity.look()
    assert {end_ms for _, end_ms in asked if end_ms > NOW_MS} == {NOW_MS + 90_000}, "what is now belongs to it"
    assert {(NOW_MS + 90_000 - start_ms) % HOUR_MS for start_ms, _ in asked} == {0}


async def test_what_runs_out_is_written_as_series_that_count_down(lab: Lab) -> None:
    await have_history(lab)
    await lab.capacity.look()
    await lab.capacity.write()
    lab.clock.pass_ms(60_000)
    await lab.capacity.write()
    found = await lab.store.latest([Matcher(NAME, MatchOp.EQUAL, "netmon_exhaustion_seconds")])
    by_what = {dict(one)["what"]: value for one, value in zip(found.labels, found.values, strict=True)}
    assert by_what["certificate"] == 40 * 86_400 - 60
    answer = await lab.get(
        "/prometheus/api/v1/query",
        ("query", "netmon_exhaustion_high_seconds < 14 * 86400 and netmon_exhaustion_soon == 1"),
        ("time", (NOW_MS + 60_000) // 1000),
    )
    labels_of = [one["metric"] for one in answer["data"]["result"]]
    assert [(one["what"], one["instance"], one["job"]) for one in labels_of] == [("space", "db1", "capacity")]
