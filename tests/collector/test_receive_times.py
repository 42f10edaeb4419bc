"""Times of agents: what is too early or too late, clocks that are wrong, batches that waited."""

import pytest

from netmon_proto.model import Acked, Gather, Reason
from tests.support.collectors import HandAgent, RunningCollector, refusal, wall_ms

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("offset_ms", "reason"),
    [
        (9 * MINUTE_MS, None),
        (11 * MINUTE_MS, Reason.IN_FUTURE),
        (-29 * DAY_MS, None),
        (-31 * DAY_MS, Reason.TOO_OLD),
    ],
)
async def test_times_far_ahead_or_older_than_retention_are_refused_and_nothing_else(
    agent: HandAgent, offset_ms: int, reason: Reason | None
) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    receipt = await agent.send(1, Gather(1, wall_ms() + offset_ms, [1.0]))
    assert receipt.outcome == Acked() if reason is None else refusal(receipt)[0] is reason


@pytest.mark.parametrize("skew_ms", [3_600_000, -3_600_000, 86_400_000])
async def test_a_wrong_clock_is_seen_and_put_right(running: RunningCollector, agent: HandAgent, skew_ms: int) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    before = wall_ms()
    for sequence in (1, 2):
        clock = wall_ms() + skew_ms
        receipt = await agent.send(sequence, Gather(1, clock + sequence, [1.0]), clock_ms=clock)
        assert receipt.outcome == Acked()
    ((_, samples),) = (await running.samples("x")).items()
    assert all(before - 1000 <= time <= wall_ms() + 1000 for time, _ in samples)
    device = running.fleet.device("web1.example")
    assert device is not None
    assert device.clock_skew_ms == pytest.approx(skew_ms, abs=2000)


async def test_a_future_beyond_the_skewed_clock_is_refused(agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    clock = wall_ms() + 3_600_000
    receipt = await agent.send(1, Gather(1, clock + 11 * MINUTE_MS, [1.0]), clock_ms=clock)
    assert refusal(receipt)[0] is Reason.IN_FUTURE


async def test_a_batch_that_waited_is_not_taken_for_a_slow_clock(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    closed = wall_ms() - 3_600_000
    await agent.send(1, Gather(1, closed, [1.0]), clock_ms=closed, age_ms=3_600_000)
    assert list((await running.samples("x")).values()) == [[(closed, 1.0)]]
