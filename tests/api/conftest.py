from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.assembly import running
from tests.api.lab import Lab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        yield lab
