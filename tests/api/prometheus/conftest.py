import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.prometheus.peers import Peers, peering


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def peers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peers]:
    """Both, with the same samples; nothing changes them, so that all tests here may share them."""
    async with peering(tmp_path_factory.mktemp("peers"), time.time_ns() // 1_000_000) as running:
        yield running
