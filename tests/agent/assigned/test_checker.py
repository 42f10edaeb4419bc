"""Checks that the collector assigned are made, told of, kept, and gone at once when they are taken back."""

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from netmon_agent.assigned.checker import Checker
from netmon_agent.config import AgentConfig
from netmon_agent.icmp.pinger import Pinger
from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.checks.reach import Reach
from netmon_agent.polling.kept import kept_checks
from netmon_agent.polling.outbox import Outbox
from netmon_agent.schedule import Scheduler
from netmon_proto.model import AssignedCheck, CheckOutcome, CheckReport
from tests.support.clocks import HandClock


@dataclass
class Diary:
    """A batcher that writes down the series that it was given, by title; none where they end."""

    put_of: dict[str, list[dict[tuple[str, ...], float]]] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    def put(self, title: str, job: str, now_ms: int, found: Iterable[Columns | Reading], device: str = "") -> int:
        assert (job, device) == ("probe", "")
        values: dict[tuple[str, ...], float] = {}
        for one in found:
            rows = zip(one.keys, one.values, strict=True) if isinstance(one, Columns) else [(one, one.value)]
            for key, value in rows:
                labels = dict(key.labels)
                values[key.name, *(f"{name}={labels[name]}" for name in sorted(labels))] = value
        self.put_of.setdefault(title, []).append(values)
        return len(values)

    def put_stale(self, title: str, now_ms: int) -> None:
        self.stale.append(title)


@dataclass
class Bench:
    state: Path
    diary: Diary = field(default_factory=Diary)
    outbox: Outbox = field(default_factory=Outbox)
    reach: Reach = field(default_factory=Reach)

    @contextlib.asynccontextmanager
    async def checker(self) -> AsyncIterator[Checker]:
        clock = HandClock(1_000_000)
        scheduler = Scheduler([], interval_s=10, agent_id="a", batcher=self.diary, clock=clock)  # type: ignore[arg-type]
        checker = Checker(kept_checks(self.state), scheduler, self.outbox, Pinger(), clock, self.reach)
        tasks = [asyncio.create_task(part.run()) for part in (scheduler, checker)]
        await asyncio.sleep(0.01)
        yield checker
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def told(self) -> CheckReport:
        report = await asyncio.wait_for(self.outbox.next(), 30)
        assert isinstance(report, CheckReport)
        return report


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


def tcp(port: int, name: str = "db", **more: str) -> AssignedCheck:
    target = f"127.0.0.1:{port}"
    return AssignedCheck(name, 1, f'{{"type":"tcp","host":"127.0.0.1","port":{port}}}', {target: "db1"} | more)


async def test_a_new_check_is_made_at_once_and_told_of(bench: Bench, port: int) -> None:
    async with bench.checker() as checker:
        await checker.assign([tcp(port)])
        report = await bench.told()
    assert (report.check, report.revision, report.outcome, report.trouble) == ("db", 1, CheckOutcome.UP, "")
    assert 0 < report.duration_s < 5
    (values,) = bench.diary.put_of["check db"]
    assert values["probe_success", "check=db", "device=db1", f"target=127.0.0.1:{port}"] == 1.0


async def test_what_is_down_is_told_with_its_reason(bench: Bench, port: int) -> None:
    async with bench.checker() as checker:
        await checker.assign([replace(tcp(port), options=f'{{"type":"http","url":"http://127.0.0.1:{port}/"}}')])
        report = await bench.told()
    assert (report.outcome, report.trouble) == (CheckOutcome.DOWN, "the connection ended without an answer")


@pytest.mark.parametrize(
    "options",
    [
        {"type": "tcp", "host": "localhost"},
        {"type": "http", "url": "http://127.0.0.1:{port}/"},
        {"type": "http", "url": "http://[::ffff:127.0.0.1]:{port}/"},
        {"type": "ping", "targets": ["127.0.0.1", "::1"]},
        {"type": "ping", "targets": ["localhost"], "ip_version": 4},
        {"type": "dns", "host": "127.0.0.1", "query": "example.net"},
        {"type": "udp", "host": "127.0.0.1", "send": "x"},
        {"type": "grpc", "host": "127.0.0.1"},
        {"type": "path", "host": "127.0.0.1"},
    ],
    ids=lambda options: options["type"],
)
async def test_what_an_agent_may_not_ask_is_not_asked(bench: Bench, options: dict[str, Any]) -> None:
    heard: list[object] = []
    server = await asyncio.start_server(lambda reader, writer: heard.append(reader), "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    if options["type"] in ("tcp", "dns", "udp", "grpc"):
        options = {**options, "port": port}
    text = json.dumps({"ip_version": 4, **options} if options["type"] == "tcp" else options)
    bench.reach = Reach(deny=[ip_network("127.0.0.0/8")])
    async with bench.checker() as checker:
        await checker.assign([AssignedCheck("db", 1, text.replace("{port}", str(port)))])
        report = await bench.told()
    server.close()
    assert report.outcome is CheckOutcome.BROKEN
    assert report.trouble == "127.0.0.1 may not be asked: its agent has 127.0.0.0/8 in assigned_checks.deny_addresses"
    assert not heard


async def test_a_redirect_leads_nowhere_that_an_agent_may_not_ask(bench: Bench) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/secret\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    bench.reach = AgentConfig().assigned_checks.reach
    async with bench.checker() as checker:
        await checker.assign([AssignedCheck("web", 1, json.dumps({"type": "http", "url": url}))])
        report = await bench.told()
    server.close()
    assert report.outcome is CheckOutcome.BROKEN
    assert report.trouble.startswith("169.254.169.254 may not be asked: its agent has 169.254.0.0/16")


async def test_where_some_networks_are_allowed_no_others_are(bench: Bench, port: int) -> None:
    bench.reach = Reach(allow=[ip_network("10.0.0.0/8"), ip_network("127.0.0.1")])
    other = AssignedCheck("other", 1, '{"type":"ping","targets":["::1"]}')
    async with bench.checker() as checker:
        await checker.assign([tcp(port), other])
        reports = {one.check: one for one in [await bench.told(), await bench.told()]}
    assert reports["db"].outcome is CheckOutcome.UP
    assert reports["other"].trouble == "::1 may not be asked: it is not in assigned_checks.allow_addresses of its agent"


async def test_pings_say_which_of_their_targets_are_down(bench: Bench) -> None:
    one = AssignedCheck("core", 1, '{"type":"ping","targets":["::1","127.0.0.1"],"ip_version":6,"count":1}')
    async with bench.checker() as checker:
        await checker.assign([one])
        report = await bench.told()
    assert report.outcome is CheckOutcome.DOWN
    assert report.trouble == "1 of 2 do not answer: 127.0.0.1; no address for 127.0.0.1"
    (values,) = bench.diary.put_of["check core"]
    assert values["probe_success", "check=core", "target=::1"] == 1.0


async def test_a_ping_tells_a_name_without_address_from_silence(bench: Bench) -> None:
    one = AssignedCheck("core", 1, '{"type":"ping","targets":["127.0.0.1"],"ip_version":6,"count":1}')
    async with bench.checker() as checker:
        await checker.assign([one])
        assert (await bench.told()).trouble == "no address for 127.0.0.1"


async def test_a_check_that_is_taken_back_ends_at_once(bench: Bench, port: int) -> None:
    async with bench.checker() as checker:
        await checker.assign([tcp(port), tcp(port, "other")])
        assert {(await bench.told()).check for _ in range(2)} == {"db", "other"}
        await checker.assign([tcp(port, "other")])
        assert bench.diary.put_of["check db"][-1] == {}
        assert len(bench.diary.put_of["check other"]) == 1
        bench.outbox.tell_all_again()
        assert (await bench.told()).check == "other"
        assert [one.name for one in kept_checks(bench.state).read()] == ["other"]
        await checker.assign([])
    assert not (bench.state / "checks.sealed").exists()


async def test_a_check_that_changes_goes_on_with_its_series(bench: Bench, port: int) -> None:
    async with bench.checker() as checker:
        await checker.assign([tcp(port)])
        await bench.told()
        await checker.assign([replace(tcp(port), revision=2)])
        assert (await bench.told()).revision == 2
    assert [bool(values) for values in bench.diary.put_of["check db"]] == [True, True]


async def test_checks_are_sealed_on_disk_and_outlive_the_agent(bench: Bench, port: int) -> None:
    secret = f'{{"type":"http","url":"http://127.0.0.1:{port}/","interval":1,"token":"s3cret"}}'
    async with bench.checker() as checker:
        await checker.assign([replace(tcp(port), options=secret)])
        await bench.told()
    files = [bench.state / name for name in ("checks.sealed", "jobs.key")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not [path for path in bench.state.iterdir() if b"s3cret" in path.read_bytes()]
    again = Bench(bench.state)
    async with again.checker():
        assert (await again.told()).check == "db"


async def test_what_this_version_does_not_know_is_told_and_disturbs_no_other(bench: Bench, port: int) -> None:
    newer = AssignedCheck("new", 7, '{"type":"quic","host":"127.0.0.1"}')
    async with bench.checker() as checker:
        await checker.assign([newer, replace(newer, name="odd", options="{"), tcp(port)])
        told = {one.check: one for one in [await bench.told() for _ in range(3)]}
        await checker.assign([])
    assert {name: one.outcome for name, one in told.items()} == {
        "new": CheckOutcome.BROKEN,
        "odd": CheckOutcome.BROKEN,
        "db": CheckOutcome.UP,
    }
    assert "cannot make it: type: must be one of" in told["new"].trouble


async def test_a_check_that_cannot_be_made_is_broken_and_its_series_end(bench: Bench) -> None:
    missing = AssignedCheck("lan", 1, '{"type":"dhcp","interface":"nosuch0"}')
    async with bench.checker() as checker:
        await checker.assign([missing])
        report = await bench.told()
        await asyncio.sleep(0)
        assert bench.diary.stale == ["check lan"]
    assert report.outcome is CheckOutcome.BROKEN
    assert report.trouble
