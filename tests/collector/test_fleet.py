"""Who is up, who is down, and who is not known yet; and the series that say so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netmon_collector.fleet import GRACE_MS, MISSED_INTERVALS
from netmon_collector.session import Session
from netmon_collector.telemetry import make_registry
from netmon_collector.witness import INTERVAL_S, Witness
from netmon_proto.model import Hello
from tests.support.clocks import HandClock
from tests.support.collectors import RunningCollector, collector

INTERVAL_MS = 10_000


def hello(number: int = 1, interval_ms: int = INTERVAL_MS, version: str = "1.0") -> Hello:
    agent_id = f"00000000-0000-4000-8000-{number:012d}"
    return Hello(agent_id, b"k" * 32, f"web{number}", version, "Linux x86_64", 0, interval_ms, 1, 1, 0)


class Site:
    """A collector on a clock that is moved by hand."""

    def __init__(self, running: RunningCollector, clock: HandClock) -> None:
        self.running = running
        self.fleet = running.fleet
        self.clock = clock
        self.witness = Witness(
            self.fleet, running.store, running.pipeline, make_registry(), hostname="monitor", now_ms=clock.now_ms
        )

    def connect(self, message: Hello) -> Session:
        return self.fleet.connect(self.fleet.admit(message), "192.0.2.1:5")

    def hear(self, session: Session) -> None:
        self.fleet.heard(session, self.clock.now_ms())

    def state(self, after_ms: int = 0, instance: str = "web1") -> bool | None:
        self.clock.pass_ms(after_ms)
        self.fleet.judge()
        device = self.fleet.device(instance)
        assert device is not None
        return device.up


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = HandClock()
    async with collector(tmp_path, now_ms=clock.now_ms) as running:
        yield Site(running, clock)


async def test_a_new_agent_is_unknown_until_its_first_batch(site: Site) -> None:
    session = site.connect(hello())
    assert site.state() is None
    site.hear(session)
    assert site.state() is True


async def test_an_agent_that_never_sends_is_down_in_the_end(site: Site) -> None:
    site.connect(hello())
    assert site.state(GRACE_MS) is None
    assert site.state(MISSED_INTERVALS * INTERVAL_MS) is False


async def test_an_agent_that_is_silent_for_three_intervals_is_down(site: Site) -> None:
    session = site.connect(hello())
    site.hear(session)
    assert site.state(MISSED_INTERVALS * INTERVAL_MS) is True
    assert site.state(1) is False
    site.hear(session)
    assert site.state() is True


async def test_an_agent_is_away_when_it_has_not_been_connected_for_long_enough(site: Site) -> None:
    site.connect(hello(1))
    session = site.connect(hello(2))
    site.clock.pass_ms(100_000)
    assert site.fleet.away(60_000) == {}
    site.fleet.disconnect(session)
    site.clock.pass_ms(59_999)
    assert site.fleet.away(60_000) == {}
    site.clock.pass_ms(1)
    assert site.fleet.away(60_000) == {"web2": hello(2).agent_id}
    site.connect(hello(2))
    assert site.fleet.away(60_000) == {}


async def test_after_a_start_agents_have_as_long_to_come_back(tmp_path: Path) -> None:
    clock = HandClock()
    async with collector(tmp_path, now_ms=clock.now_ms) as running:
        running.fleet.connect(running.fleet.admit(hello()), "192.0.2.1:5")
    clock.pass_ms(1_000_000)
    async with collector(tmp_path, now_ms=clock.now_ms) as running:
        clock.pass_ms(59_999)
        assert running.fleet.away(60_000) == {}
        clock.pass_ms(1)
        assert running.fleet.away(60_000) == {"web1": hello().agent_id}


async def test_a_restart_of_an_agent_is_no_outage(site: Site) -> None:
    session = site.connect(hello())
    site.hear(session)
    site.fleet.disconnect(session)
    assert site.state(20_000) is True
    device = site.fleet.device("web1")
    assert device is not None
    assert not device.connected
    session = site.connect(hello(version="1.1"))
    site.hear(session)
    assert site.state() is True
    device = site.fleet.device("web1")
    assert device is not None
    assert (device.version, device.since_ms) == ("1.1", 1_700_000_000_000)


async def test_a_slow_agent_whose_stream_is_gone_has_no_more_than_the_grace(site: Site) -> None:
    session = site.connect(hello(interval_ms=3_600_000))
    site.hear(session)
    assert site.state(2 * 3_600_000) is True
    site.hear(session)
    site.fleet.disconnect(session)
    assert site.state(GRACE_MS) is True
    assert site.state(1) is False


async def test_an_older_stream_that_ends_late_does_not_disconnect_the_newer(site: Site) -> None:
    older = site.connect(hello())
    site.connect(hello())
    site.fleet.disconnect(older)
    device = site.fleet.device("web1")
    assert device is not None
    assert device.connected


async def test_after_a_restart_of_the_collector_nobody_is_down_at_once(tmp_path: Path) -> None:
    clock = HandClock()
    async with collector(tmp_path, now_ms=clock.now_ms) as running:
        site = Site(running, clock)
        site.hear(site.connect(hello()))
        site.fleet.save()
    clock.pass_ms(3_600_000)
    async with collector(tmp_path, now_ms=clock.now_ms) as running:
        site = Site(running, clock)
        assert site.state(GRACE_MS) is None
        device = site.fleet.device("web1")
        assert device is not None
        assert device.last_seen_ms == 1_700_000_000_000
        assert site.state(MISSED_INTERVALS * INTERVAL_MS) is False


async def up(site: Site) -> dict[str, list[float]]:
    series = await site.running.samples("up")
    return {dict(labels)["instance"]: [value for _, value in points] for labels, points in series.items()}


async def test_up_is_written_for_those_whose_state_is_known(site: Site) -> None:
    first, _ = site.connect(hello(1)), site.connect(hello(2))
    site.hear(first)
    await site.witness.look()
    site.clock.pass_ms(GRACE_MS + MISSED_INTERVALS * INTERVAL_MS)
    await site.witness.look()
    assert await up(site) == {"web1": [1.0, 0.0], "web2": [0.0]}


async def test_an_agent_that_comes_up_is_written_down_before_the_next_tick(site: Site) -> None:
    session = site.connect(hello())
    running = asyncio.create_task(site.witness.run())
    while not await site.running.samples("process_resident_memory_bytes"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await up(site) == {}
    site.hear(session)
    async with asyncio.timeout(INTERVAL_S - 1):
        while await up(site) != {"web1": [1.0]}:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.05)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_the_witness_writes_versions_skew_and_the_collectors_own_metrics(site: Site) -> None:
    session = site.connect(hello())
    session.skew.observe(site.clock.now_ms() + 2500, 0, site.clock.now_ms())
    site.hear(session)
    await site.witness.look()
    (info,) = await site.running.samples("netmon_agent_info")
    assert dict(info)["version"] == "1.0"
    (skew,) = (await site.running.samples("netmon_agent_clock_skew_seconds")).values()
    assert [value for _, value in skew] == [2.5]
    (own,) = await site.running.samples("process_resident_memory_bytes")
    assert dict(own) == {"__name__": "process_resident_memory_bytes", "instance": "monitor", "job": "collector"}
