"""Devices are polled each by itself, at its time, with jobs that outlive the process."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.polling.asking import Asking, DeviceDown
from netmon_agent.polling.kept import kept_jobs
from netmon_agent.polling.poller import Poller
from netmon_agent.snmp.findings import Findings, Identity, Trouble
from netmon_proto.model import DeviceFacts, DeviceReport, FactTable, Job, SnmpCredential
from tests.support.clocks import HandClock

SWITCH = Job("sw1", "192.0.2.1", 161, 5_000, (SnmpCredential(community="s3cret"),))
FOUND = Findings(Identity("generic", "Acme", "acmeos"), readings=[Reading("sysUpTime", {}, 1.0)])


class Diary:
    """A batcher that writes down what it was given."""

    def __init__(self) -> None:
        self.put_of: dict[str, list[dict[str, float]]] = {}

    def put(self, title: str, job: str, now_ms: int, measurements: list[Columns | Reading], device: str = "") -> int:
        assert job == "snmp"
        whole, _, port = title.removeprefix("snmp:").partition(":")
        assert whole == device
        device = title.removeprefix("snmp:")
        assert not port or port.isdigit()
        values = {one.name: one.value for one in measurements if isinstance(one, Reading)}
        self.put_of.setdefault(device, []).append(values)
        return len(values)

    def put_stale(self, title: str, now_ms: int) -> None: ...


@dataclass
class Network:
    """Devices that answer as a test says, and what was asked of them."""

    answer: Callable[[Job], Findings] = lambda job: FOUND
    hang: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    afresh: list[str] = field(default_factory=list)
    ports: list[list[int]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    at_once: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0

    async def was_asked(self, times: int) -> None:
        """Waits until so many polls began."""
        async with asyncio.timeout(30):
            while len(self.asked) < times:  # noqa: ASYNC110 - what was asked tells nobody
                await asyncio.sleep(0.01)

    def approach(self, job: Job) -> Asking:
        network = self

        class One:
            async def ask(self, now_s: float, is_whole: bool) -> Findings:
                network.asked.append(job.device)
                network.whole.append(is_whole)
                network.at_once[job.device] = network.at_once.get(job.device, 0) + 1
                network.most_at_once = max(network.most_at_once, network.at_once[job.device])
                try:
                    await asyncio.sleep(0.01 if job.device not in network.hang else 1000)
                finally:
                    network.at_once[job.device] -= 1
                return network.answer(job)

            async def ask_ports(self, now_s: float, ports: Iterable[int]) -> dict[int, list[Reading]]:
                asked = list(ports)
                network.ports.append(asked)
                if job.device in network.unknown:
                    raise DeviceDown("it was not polled yet")
                return {port: [Reading("ifOperStatus", {"ifIndex": str(port)}, 2.0)] for port in asked}

            def try_again(self) -> None: ...

            def look_afresh(self) -> None:
                network.afresh.append(job.device)

        return One()


@dataclass
class Bench:
    state: Path
    network: Network = field(default_factory=Network)
    diary: Diary = field(default_factory=Diary)
    clock: HandClock = field(default_factory=lambda: HandClock(1_000_000))

    def poller(self) -> Poller:
        return Poller(kept_jobs(self.state), self.network.approach, self.diary, self.clock, "an agent")  # type: ignore[arg-type]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
async def poller(bench: Bench) -> AsyncIterator[Poller]:
    poller = bench.poller()
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(0)
    yield poller
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def next_report(poller: Poller) -> DeviceReport:
    report = await asyncio.wait_for(poller.outbox.next(), 30)
    assert isinstance(report, DeviceReport)
    return report


async def test_a_new_job_is_polled_at_once_and_reported(bench: Bench, poller: Poller) -> None:
    await poller.assign([SWITCH])
    report = await next_report(poller)
    assert (report.device, report.answered, report.vendor, report.os) == ("sw1", True, "Acme", "acmeos")
    (values,) = bench.diary.put_of["sw1"]
    assert (values["snmp_up"], values["sysUpTime"]) == (1.0, 1.0)


async def test_jobs_are_sealed_on_disk_and_gone_with_the_last(bench: Bench, poller: Poller) -> None:
    await poller.assign([SWITCH])
    files = {path.name: path for path in bench.state.iterdir()}
    assert set(files) == {"jobs.sealed", "jobs.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert not [path for path in files.values() if b"s3cret" in path.read_bytes() or b"sw1" in path.read_bytes()]
    assert kept_jobs(bench.state).read() == (SWITCH,)
    await poller.assign([])
    assert not files["jobs.sealed"].exists()


async def test_without_jobs_nothing_is_written(bench: Bench, poller: Poller) -> None:
    await poller.assign([])
    assert list(bench.state.iterdir()) == []


async def test_a_poller_goes_on_with_its_jobs_without_a_collector(bench: Bench) -> None:
    kept_jobs(bench.state).write([replace(SWITCH, interval_ms=100)])
    poller = bench.poller()
    task = asyncio.create_task(poller.run())
    assert (await next_report(poller)).device == "sw1"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("spoil", ["jobs.sealed", "jobs.key"])
async def test_jobs_that_cannot_be_opened_wait_for_the_collector(bench: Bench, spoil: str) -> None:
    kept_jobs(bench.state).write([SWITCH])
    content = bytearray((bench.state / spoil).read_bytes())
    content[-1] ^= 1
    (bench.state / spoil).write_bytes(content)
    assert kept_jobs(bench.state).read() == ()
    kept_jobs(bench.state).write([SWITCH])
    assert kept_jobs(bench.state).read() == (SWITCH,)


async def test_a_job_that_stays_as_it_is_is_not_disturbed(bench: Bench, poller: Poller) -> None:
    await poller.assign([SWITCH])
    await next_report(poller)
    other = replace(SWITCH, device="sw2", host="192.0.2.2")
    await poller.assign([SWITCH, other])
    assert (await next_report(poller)).device == "sw2"
    assert bench.network.asked == ["sw1", "sw2"]


async def test_a_removed_device_is_asked_no_more_and_its_series_end(bench: Bench, poller: Poller) -> None:
    await poller.assign([SWITCH])
    await next_report(poller)
    await poller.assign([])
    assert bench.diary.put_of["sw1"][-1] == {}
    poller.poll_now(["sw1"])
    await asyncio.sleep(0.05)
    assert bench.network.asked == ["sw1"]


async def test_a_device_is_never_polled_twice_at_once(bench: Bench, poller: Poller) -> None:
    await poller.assign([SWITCH])
    for _ in range(20):
        poller.poll_now(["sw1"])
        await asyncio.sleep(0.003)
    await asyncio.sleep(0.05)
    assert bench.network.most_at_once == 1
    assert len(bench.network.asked) > 2


async def test_a_device_that_hangs_delays_no_other(bench: Bench, poller: Poller) -> None:
    bench.network.hang = {"slow"}
    await poller.assign([replace(SWITCH, device="slow", interval_ms=300), SWITCH])
    assert (await next_report(poller)).device == "sw1"
    late = await next_report(poller)
    assert (late.device, late.answered, late.trouble) == ("slow", False, "its answers took longer than the interval")
    assert bench.diary.put_of["slow"][0]["snmp_up"] == 0.0


@pytest.mark.parametrize(
    ("error", "trouble"),
    [(DeviceDown("no answer"), "no answer"), (ValueError("s3cret"), "its poll failed: ValueError")],
)
async def test_a_device_that_does_not_answer_is_down(
    bench: Bench, poller: Poller, error: Exception, trouble: str
) -> None:
    def fail(job: Job) -> Findings:
        raise error

    bench.network.answer = fail
    await poller.assign([SWITCH])
    report = await next_report(poller)
    assert (report.answered, report.trouble) == (False, trouble)
    assert bench.diary.put_of["sw1"][0]["snmp_up"] == 0.0


async def test_only_news_is_reported_unless_it_is_asked_for(bench: Bench, poller: Poller) -> None:
    await poller.assign([replace(SWITCH, interval_ms=100)])
    await next_report(poller)
    await bench.network.was_asked(3)
    assert not poller.outbox._unsent
    poller.poll_now(["sw1"])
    assert (await next_report(poller)).answered
    poller.outbox.tell_all_again()
    assert (await next_report(poller)).device == "sw1"


def test_a_job_shows_no_secret() -> None:
    assert "s3cret" not in repr(SWITCH)
    assert "s3cret" not in f"{SWITCH.credentials}"


async def test_facts_are_told_at_first_when_their_time_comes_and_when_asked_for(bench: Bench, poller: Poller) -> None:
    table = FactTable("port", {"ifIndex": ("1",)})
    bench.network.answer = lambda job: replace(FOUND, facts=(table,) if bench.network.whole[-1] else None)
    await poller.assign([replace(SWITCH, interval_ms=100, facts_interval_ms=3_600_000)])
    heard = [await asyncio.wait_for(poller.outbox.next(), 30) for _ in range(2)]
    facts = next(one for one in heard if isinstance(one, DeviceFacts))
    assert (facts.device, facts.tables, facts.is_last) == ("sw1", (table,), True)
    await bench.network.was_asked(3)
    assert bench.network.whole[:3] == [True, False, False]
    poller.poll_now(["sw1"])
    await asyncio.wait_for(poller.outbox.next(), 30)
    assert True in bench.network.whole[2:]


async def test_facts_are_told_soon_after_the_clock_was_set_back(bench: Bench, poller: Poller) -> None:
    bench.clock.wall = 1_800_000_000_000
    bench.network.answer = lambda job: replace(FOUND, facts=() if bench.network.whole[-1] else None)
    await poller.assign([replace(SWITCH, interval_ms=100, facts_interval_ms=3_600_000)])
    await bench.network.was_asked(2)
    assert bench.network.whole[:2] == [True, False]
    bench.clock.wall -= 86_400_000
    before = len(bench.network.whole)
    await bench.network.was_asked(before + 3)
    assert sum(bench.network.whole[before:]) == 1


async def test_what_troubles_the_reading_of_facts_stands_until_they_are_read_again(
    bench: Bench, poller: Poller
) -> None:
    broken = replace(FOUND, facts=(), troubles=[Trouble("route", "more than 10,000 values")])
    bench.network.answer = lambda job: broken if bench.network.whole[-1] else FOUND
    await poller.assign([replace(SWITCH, interval_ms=100, facts_interval_ms=3_600_000)])
    assert (await next_report(poller)).trouble == "route: more than 10,000 values"
    await bench.network.was_asked(2)
    assert bench.network.whole[:2] == [True, False]
    poller.outbox.tell_all_again()
    assert (await next_report(poller)).trouble == "route: more than 10,000 values"
    bench.network.answer = lambda job: replace(FOUND, facts=())
    poller.poll_now(["sw1"])
    while not isinstance(told := await asyncio.wait_for(poller.outbox.next(), 30), DeviceReport):
        pass
    assert told.trouble == ""


async def test_a_port_is_polled_alone_and_the_facts_with_the_next_poll(bench: Bench, poller: Poller) -> None:
    await poller.assign([replace(SWITCH, interval_ms=400)])
    await next_report(poller)
    polls = len(bench.network.asked)
    poller.poll_ports({"sw1": (5, 7), "stranger": (1,)})
    await bench.network.was_asked(polls + 1)
    assert bench.network.ports == [[5, 7]]
    assert bench.diary.put_of["sw1:5"] == bench.diary.put_of["sw1:7"] == [{"ifOperStatus": 2.0}]
    assert bench.network.whole[polls]
    await poller.assign([])
    assert bench.diary.put_of["sw1:5"][-1] == bench.diary.put_of["sw1"][-1] == {}


async def test_where_ports_cannot_be_polled_alone_all_of_the_device_is(bench: Bench, poller: Poller) -> None:
    await poller.assign([SWITCH])
    await next_report(poller)
    bench.network.unknown.add("sw1")
    poller.poll_ports({"sw1": (5,)})
    assert (await next_report(poller)).device == "sw1"
    assert len(bench.network.asked) == 2
    poller.poll_ports({"sw1": range(100)})
    assert (await next_report(poller)).device == "sw1"
    assert (bench.network.ports, len(bench.network.asked)) == ([[5]], 3)
