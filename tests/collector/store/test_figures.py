"""What is counted of a server is known after a restart, too."""

from pathlib import Path

from netmon_collector.store.inventory import Countable
from netmon_collector.store.outside.figures import Figures
from netmon_proto.model import STALE
from tests.collector.store.conftest import Open
from tests.collector.store.samples import batch, register, row


async def test_what_cannot_be_held_is_counted_beyond_a_restart(influxdb: Open, tmp_path: Path) -> None:
    for start in (1, 2):
        store = influxdb(tmp_path)
        assert isinstance(store, Countable)
        group = register(store, "a", "b")
        await store.append([row(group, start * 1000, 1.0, STALE)], batch(start))
        stats, found = store.stats(), await store.inventory()
        assert (stats.left_out, stats.oldest_ms, stats.newest_ms) == (start, 1000, start * 1000)
        assert (found.left_out, found.rejected) == (start, 0)
        await store.close()


def test_a_file_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    assert Figures.load(tmp_path) == Figures()
    some = Figures(1, 2, None, 7)
    some.save(tmp_path)
    assert Figures.load(tmp_path) == some
    (tmp_path / "figures.json").write_text('{"rejected": 1, "more": 2}')
    assert Figures.load(tmp_path) == Figures()


def test_later_figures_add_to_earlier_ones() -> None:
    assert Figures(1, 2, 5, 7).and_then(Figures(10, 20, None, 9)) == Figures(11, 22, 5, 9)
    assert Figures().and_then(Figures()) == Figures()
