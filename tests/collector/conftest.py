"""A collector on loopback, and an agent that says to it what a test tells it to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.collectors import HandAgent, RunningCollector, collector


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningCollector]:
    async with collector(tmp_path) as one:
        yield one


@pytest.fixture
async def agent(running: RunningCollector) -> AsyncIterator[HandAgent]:
    one = HandAgent(running.receiver.address)
    yield one
    await one.close()
