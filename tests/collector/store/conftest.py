"""How the contract tests open each store; the outside ones come with a real server."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from netmon_collector.store.base import Frame, Matcher, Origin, Points, Row, Store
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.outside.base import Server
from netmon_collector.store.outside.http import Access
from netmon_collector.store.outside.influxdb import InfluxDb
from netmon_collector.store.outside.store import OutsideStore
from netmon_collector.store.outside.victoriametrics import VictoriaMetrics
from netmon_proto.model import Labels
from tests.collector.store.contract import CANNOT, STORES, Home
from tests.support import servers

Open = Callable[[Path], Store]


class ServedStore(OutsideStore):
    """An outside store that has delivered everything whenever it is asked, so that all answers are the server's."""

    flush: Callable[[], object] = staticmethod(lambda: None)

    async def append(self, rows: Sequence[Row | Points], origin: Origin | None) -> bool:
        is_new = await super().append(rows, origin)
        await self._serve()
        return is_new

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        await self._serve()
        return await super().select(matchers, start_ms, end_ms)

    async def series(self, matchers: Sequence[Matcher]) -> list[Labels]:
        await self._serve()
        return await super().series(matchers)

    async def label_names(self, matchers: Sequence[Matcher]) -> list[str]:
        await self._serve()
        return await super().label_names(matchers)

    async def label_values(self, name: str, matchers: Sequence[Matcher]) -> list[str]:
        await self._serve()
        return await super().label_values(name, matchers)

    async def _serve(self) -> None:
        if await self.delivered():
            self.flush()


def served(server: Server, folder: Path) -> ServedStore:
    return ServedStore.open(server, folder / "queue", queue_bytes=1 << 24, window_s=0.01)


@pytest.fixture
def embedded() -> Open:
    return lambda folder: EmbeddedStore.open(folder / "store")


@pytest.fixture
def victoriametrics(tmp_path: Path) -> Iterator[Open]:
    running = servers.victoria_metrics(tmp_path / "victoriametrics")
    running.start()

    def open_store(folder: Path) -> Store:
        store = served(VictoriaMetrics(running.url, running.url, running.url, Access(), hold_s=0.0), folder)
        store.flush = running.flush
        return store

    yield open_store
    running.kill()


@pytest.fixture
def influxdb(tmp_path: Path) -> Iterator[Open]:
    running = servers.influxdb(tmp_path / "influxdb")
    running.start()
    yield lambda folder: served(InfluxDb(running.url, Access(), database="netmon"), folder)
    running.kill()


@pytest.fixture(params=STORES)
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    if reason := CANNOT.get((request.param, request.function.__name__)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    home = Home(request.getfixturevalue(request.param), tmp_path)
    yield home
    await home.store.close()


@pytest.fixture
def store(home: Home) -> Store:
    return home.store
