"""From a device's counters to PromQL's rate(): over SNMP, the stream and the store, through wraps, resets and bugs."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.device import Target, poll_device
from netmon_agent.snmp.memory import Memory
from netmon_agent.snmp.poll import Wanted
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_configs.library import Library, open_library
from netmon_proto.model import Gather
from tests.support.collectors import HandAgent, RunningCollector, collector, wall_ms
from tests.support.scripted import COUNTER32, COUNTER64, GAUGE32, TICKS, Scripted, Value

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTERVAL_S = 60
IN32, IN64 = "1.3.6.1.2.1.2.2.1.10.1", "1.3.6.1.2.1.31.1.1.1.6.1"
UPTIME, BOOTS, CLEARED = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.10.2.1.2.0", "1.3.6.1.2.1.31.1.1.1.19.1"
SPEED, MBPS = "1.3.6.1.2.1.2.2.1.5.1", "1.3.6.1.2.1.31.1.1.1.15.1"
Changes = Mapping[str, Value]
DEVICE: Changes = {
    "1.3.6.1.2.1.1.1.0": b"A switch",
    "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.99999.1",
    UPTIME: (TICKS, 100_000),
    BOOTS: 7,
    "1.3.6.1.2.1.2.2.1.2.1": b"Ethernet1",
    SPEED: (GAUGE32, 100_000_000),
}
LINE = 100_000_000 / 8


@dataclass
class Way:
    """The whole way of a counter, with a clock that a test moves."""

    running: RunningCollector
    agent: HandAgent
    library: Library
    sequence: int = 0
    tries: int = 0

    async def rates(self, metric: str, *polls: Changes, wanted: Wanted | None = None) -> list[int]:
        """The rates between polls, in octets a second; each poll changes what the device holds."""
        device = Scripted(DEVICE)
        self.tries += 1
        await self.agent.define({self.tries: metric}, {"ifIndex": f"{self.tries}"}, layout=self.tries)
        start_ms = wall_ms() - INTERVAL_S * 1000 * len(polls)
        async with device as port:
            credential = Credential.model_validate({"community": "public"})
            target = Target("127.0.0.1", [credential], port, wanted=wanted or Wanted())
            memory = Memory()
            for place, changes in enumerate(polls):
                device.values[UPTIME] = (TICKS, (100_000 + 100 * INTERVAL_S * place) % 2**32)
                device.values.update(changes)
                found = await poll_device(target, self.library, memory, place * INTERVAL_S, is_whole=place == 0)
                values = [one.value for one in found.readings if one.name == metric]
                if values:
                    self.sequence += 1
                    await self.agent.send(
                        self.sequence, Gather(self.tries, start_ms + place * INTERVAL_S * 1000, values)
                    )
        engine = Engine(self.running.store, QueryOptions())
        window = f"rate({metric}{{ifIndex='{self.tries}'}}[{INTERVAL_S * 3 // 2}s])"
        end_ms = start_ms + (len(polls) - 1) * INTERVAL_S * 1000
        answer = await engine.range(window, start_ms + INTERVAL_S * 1000, end_ms, INTERVAL_S * 1000)
        engine.close()
        return [round(value) for value in answer.values[answer.present]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def way(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Way]:
    async with collector(tmp_path_factory.mktemp("collector")) as running:
        agent = HandAgent(running.receiver.address)
        await agent.greet()
        yield Way(running, agent, open_library())
        await agent.close()


def in32(*octets: int) -> list[Changes]:
    return [{IN32: (COUNTER32, one)} for one in octets]


def in64(*octets: int) -> list[Changes]:
    return [{IN64: (COUNTER64, one), MBPS: (GAUGE32, 100)} for one in octets]


async def test_what_a_port_carries_is_its_rate(way: Way) -> None:
    assert await way.rates("ifHCInOctets", *in64(10**13, 10**13 + 6_000, 10**13 + 66_000)) == [100, 1_000]


async def test_a_wrap_of_32_bits_does_not_show(way: Way) -> None:
    near = 2**32 - 3_000
    assert await way.rates("ifInOctets", *in32(near, near + 6_000 - 2**32, near + 12_000 - 2**32)) == [100, 100]


async def test_after_a_restart_a_counter_has_counted_from_nought(way: Way) -> None:
    polls = in32(4_000_000_000, 60_000, 120_000)
    polls[1] = {**polls[1], UPTIME: (TICKS, 500), BOOTS: 8}
    assert await way.rates("ifInOctets", *polls) == [1_000, 1_000]


async def test_uptime_that_wraps_after_497_days_is_no_restart(way: Way) -> None:
    near, before = 2**32 - 3_000, 2**32 - 3_000
    polls = in32(near, 3_000)
    polls[0] = {**polls[0], UPTIME: (TICKS, before)}
    polls[1] = {**polls[1], UPTIME: (TICKS, before + 100 * INTERVAL_S - 2**32)}
    assert await way.rates("ifInOctets", *polls) == [100]


async def test_cleared_counters_are_told_by_the_discontinuity(way: Way) -> None:
    polls = in32(2**32 - 1_000, 6_000)
    polls = [{**one, CLEARED: (TICKS, at)} for one, at in zip(polls, (0, 99_000), strict=True)]
    assert await way.rates("ifInOctets", *polls) == [100]


async def test_a_jump_that_the_line_could_not_carry_is_no_rate(way: Way) -> None:
    rates = await way.rates("ifHCInOctets", *in64(10**13, 10**15, 10**15 + 6_000, 10**15 + 12_000, 10**15 + 18_000))
    assert rates == [100, 100]


async def test_a_speed_that_people_set_is_what_counts(way: Way) -> None:
    wanted = Wanted(speeds_bps={"Ethernet1": 1e6})
    polls = in64(10**13, 10**13 + 6_000, 10**13 + 60_000_000)
    assert await way.rates("ifHCInOctets", *polls, wanted=wanted) == [100], "a megabyte a second is more than 1 Mbit/s"
    await way.rates("ifHighSpeed", *polls, wanted=wanted)
    ((_, points),) = (await way.running.samples("ifHighSpeed")).items()
    assert {value for _, value in points} == {1.0}


async def test_a_speed_that_is_wrong_loses_two_polls_and_no_more(way: Way) -> None:
    step = 600_000_000  # 10 MB/s, where the device says 10 Mbit/s
    polls = [{**one, MBPS: (GAUGE32, 10)} for one in in64(*(10**13 + step * n for n in range(7)))]
    assert await way.rates("ifHCInOctets", *polls) == [10_000_000] * 3
