from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from netmon_collector.state.database import open_state


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield engine
    engine.dispose()
