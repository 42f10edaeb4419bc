"""Which series of the store a writer means, and which it may not write."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netmon_collector.foreign import remote_write
from netmon_collector.foreign.base import Written
from netmon_collector.foreign.book import Book
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Labels
from tests.support.write_requests import field, request, series


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    opened = EmbeddedStore.open(tmp_path, window_s=0.0)
    yield opened
    await opened.close()


def labels(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


def written(*names: Labels) -> Written:
    return remote_write.decode(request({name: [(1, 1.0)] for name in names}))


async def test_a_series_has_one_place_however_its_labels_are_ordered(store: EmbeddedStore) -> None:
    book = Book(store, lambda _: False)
    name = labels("a", x="1", y="2")
    other_way = remote_write.decode(field(1, series(reversed(name), [(1, 1.0)])))
    first, second, third = [
        (await book.place(one)).points.columns.tolist() for one in (written(name), other_way, written(name))
    ]
    assert first == second == third
    assert store.pool.labels[first[0]] == name


async def test_series_that_are_forgotten_find_their_place_again(store: EmbeddedStore) -> None:
    book = Book(store, lambda _: False, most_known=8)
    rounds = [[labels("a", n=str(n + 3 * turn)) for n in range(5)] for turn in range(20)]
    places = [(await book.place(written(*names))).points.columns.tolist() for names in rounds]
    again = [(await book.place(written(*names))).points.columns.tolist() for names in rounds]
    assert again == places
    assert [[store.pool.labels[place] for place in found] for found in places] == rounds


async def test_nobody_writes_about_a_device_of_netmons_own(store: EmbeddedStore) -> None:
    own: set[str] = set()
    book = Book(store, own.__contains__)
    body = written(labels("up", instance="web1"), labels("up", instance="web1:9100"), labels("up"))
    assert len((await book.place(body)).points.columns) == 3
    own.add("web1")  # it was enrolled meanwhile
    placed = await book.place(body)
    assert [store.pool.labels[place] for place in placed.points.columns.tolist()] == [
        labels("up", instance="web1:9100"),
        labels("up"),
    ]
    (complaint,) = placed.complaints
    assert (complaint.samples, "instance 'web1' is a device of netmon's own" in complaint.message) == (1, True)


async def test_bad_series_are_told_once_each_and_the_others_taken(store: EmbeddedStore) -> None:
    book = Book(store, lambda _: False)
    bad = [field(1, series([("__name__", "a\tb"), ("n", str(n))], [(1, 1.0), (2, 2.0)])) for n in range(3)]
    body = remote_write.decode(b"".join([*bad, request({labels("good"): [(1, 1.0)]})]))
    for _ in range(2):
        placed = await book.place(body)
        assert placed.points.values.tolist() == [1.0]
        assert [(one.message, one.samples) for one in placed.complaints] == [("'a\\tb' is not a metric's name", 6)]


async def test_there_is_an_end_to_new_series(store: EmbeddedStore) -> None:
    book = Book(store, lambda _: False, most_series=3)
    known = [labels("a", n=str(n)) for n in range(3)]
    assert len((await book.place(written(*known))).points.columns) == 3
    placed = await book.place(written(*known, labels("b")))
    assert len(placed.points.columns) == 3
    assert "takes no more new ones" in placed.complaints[0].message


async def test_a_request_without_samples_is_fine(store: EmbeddedStore) -> None:
    placed = await Book(store, lambda _: False).place(remote_write.decode(b""))
    assert (placed.points.values.tolist(), list(placed.complaints)) == ([], [])


async def test_thousands_of_new_series_leave_others_their_turn(store: EmbeddedStore) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    placed = await Book(store, lambda _: False).place(written(*(labels("a", n=str(n)) for n in range(3000))))
    waiting.cancel()
    assert len(set(placed.points.columns.tolist())) == 3000
    assert turns >= 4
