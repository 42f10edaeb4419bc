"""What connected agents are told, and when."""

import asyncio

import pytest

from netmon_collector import lines
from netmon_collector.lines import Lines
from netmon_proto.model import Jobs, PollNow


class Source:
    """Writes down who was told."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, agent_id: str) -> Jobs:
        self.asked.append(agent_id)
        return Jobs(())


async def test_a_thousand_changes_are_told_at_once_and_then_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "APART_S", 0.3)
    told, source = Lines(), Source()
    told.offer("jobs", source)
    line = told.open("a1")
    assert await told.next_message("a1", line) == Jobs(())
    started_s = asyncio.get_running_loop().time()
    for _ in range(1000):
        told.renew("jobs", ["a1", "a2"])
        await asyncio.sleep(0)
    assert await told.next_message("a1", line) == Jobs(())
    assert asyncio.get_running_loop().time() - started_s >= 0.29
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(told.next_message("a1", line), 0.5)
    assert source.asked == ["a1", "a1"]
    told.renew("jobs", ["a1"])  # after a while there is nothing to wait for
    assert await asyncio.wait_for(told.next_message("a1", line), 0.29) == Jobs(())


async def test_a_poll_is_told_after_the_job_that_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "APART_S", 0.2)
    told = Lines()
    told.offer("jobs", Source())
    line = told.open("a1")
    await told.next_message("a1", line)
    told.renew("jobs", ["a1"])
    waiting = asyncio.create_task(told.next_message("a1", line))
    await asyncio.sleep(0.01)
    assert told.poll("a1", "sw1", is_afresh=False)
    assert await waiting == Jobs(())
    assert await told.next_message("a1", line) == PollNow(("sw1",), (), {})
