from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from netmon_collector.state.database import open_state
from netmon_collector.state.place import DRIVER
from tests.support.postgres import PASSWORD, Postgres, postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Opens one new database, again and again."""
    if request.param == "sqlite":
        url = make_url(f"sqlite:///{tmp_path / 'state.db'}")
    else:
        server: Postgres = request.getfixturevalue("server")
        url = make_url(server.database()).set(drivername=DRIVER, password=PASSWORD)
    with ExitStack() as closing:

        def opened() -> Engine:
            engine = open_state(url)
            closing.callback(engine.dispose)
            return engine

        yield opened


@pytest.fixture
def engine(new_engine: Callable[[], Engine]) -> Engine:
    """The state on SQLite and on PostgreSQL: each test that takes it runs on both."""
    return new_engine()
