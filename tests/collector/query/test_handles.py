"""A query about one handle of a device is about all of them, and samples stay as they are."""

import pytest

from netmon_collector.query.engine import Engine
from netmon_collector.query.handles import expanded
from netmon_collector.query.options import QueryOptions
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import pretty
from tests.support.memory_store import MemoryStore

HANDLES = {"web1": ["web1", "10.0.0.7"], "10.0.0.7": ["web1", "10.0.0.7"]}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ('up{instance="web1"}', r'up{instance=~"web1|10\\.0\\.0\\.7"}'),
        ('up{instance!="10.0.0.7"}', r'up{instance!~"web1|10\\.0\\.0\\.7"}'),
        ('up{instance="db1"}', 'up{instance="db1"}'),
        ('up{instance=~"web1"}', r'up{instance=~"(?:web1)|10\\.0\\.0\\.7"}'),
        ('up{instance!~"web.|x"}', r'up{instance!~"(?:web.|x)|10\\.0\\.0\\.7"}'),
        ('up{instance=~".+"}', 'up{instance=~".+"}'),
        ('up{instance=~"db.*"}', 'up{instance=~"db.*"}'),
        ('up{job="web1"}', 'up{job="web1"}'),
        (
            'sum by (job) (rate(x{instance="web1"}[5m])) / -y{instance="web1"}',
            r'sum by (job) (rate(x{instance=~"web1|10\\.0\\.0\\.7"}[5m])) / -y{instance=~"web1|10\\.0\\.0\\.7"}',
        ),
        ('max_over_time(up{instance="web1"}[1h:5m])', r'max_over_time(up{instance=~"web1|10\\.0\\.0\\.7"}[1h:5m])'),
    ],
)
def test_selectors_name_all_handles(asked: str, meant: str) -> None:
    assert pretty(expanded(parse(asked), HANDLES)) == pretty(parse(meant))


def test_without_such_devices_nothing_changes() -> None:
    tree = parse('up{instance="web1"}')

    assert expanded(tree, {}) is tree


async def test_samples_of_all_handles_are_found_and_again_only_one_after_an_undone_merge() -> None:
    store = MemoryStore()
    for instance in ("web1", "10.0.0.7"):
        store.add({"__name__": "up", "instance": instance}, {1_000: 1.0})
    engine = Engine(store, QueryOptions())  # type: ignore[arg-type]

    async def found() -> int:
        return len((await engine.instant('up{instance="web1"}', 2_000)).labels)

    assert await found() == 1
    engine.know_handles(HANDLES)
    assert await found() == 2
    engine.know_handles({})
    assert await found() == 1
    engine.close()
