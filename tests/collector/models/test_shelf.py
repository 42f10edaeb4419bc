"""Versions on disk."""

from pathlib import Path

import numpy as np
import pytest

from netmon_collector.models.shelf import LIST, Shelf
from netmon_collector.models.spec import ModelError


def shelf(folder: Path, most: int = 3, most_bytes: int = 1 << 20) -> Shelf:
    return Shelf(folder / "load", most, most_bytes)


def filled(folder: Path, count: int, size: int = 1) -> Shelf:
    made = shelf(folder)
    for number in range(1, count + 1):
        made.add({"a": np.full(size, number)}, "ann", f"reason {number}", 1000 * number, {"series": number})
    return made


def test_versions_are_there_after_a_restart_and_the_oldest_go(tmp_path: Path) -> None:
    filled(tmp_path, 4)
    again = shelf(tmp_path)
    assert [one.number for one in again.versions] == [2, 3, 4]
    assert again.current == 4
    assert again.load()["a"].tolist() == [4]
    assert again.load(2)["a"].tolist() == [2]
    assert sorted(path.name for path in (tmp_path / "load").iterdir()) == [*(f"{n:06}.npz" for n in (2, 3, 4)), LIST]


def test_what_counts_is_never_the_one_that_goes(tmp_path: Path) -> None:
    made = filled(tmp_path, 3)
    made.choose(1, "bob", "it was better", 9000)
    assert made.load()["a"].tolist() == [1]
    made.add({"a": np.array([4])}, "", "schedule", 10_000, {})
    assert [one.number for one in made.versions] == [2, 3, 4]
    assert [(one.number, one.by) for one in made.changes][-2:] == [(1, "bob"), (4, "")]


def test_versions_take_no_more_of_the_disk_than_they_may(tmp_path: Path) -> None:
    made = Shelf(tmp_path / "load", 10, 30_000)
    for number in range(5):
        made.add({"a": np.zeros(1000)}, "", "", number, {})  # 8 kB each
    assert len(made.versions) == 3


def test_a_damaged_version_is_not_taken_and_the_newest_whole_one_is(tmp_path: Path) -> None:
    made = filled(tmp_path, 3)
    path = tmp_path / "load" / "000003.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="version 3 is damaged"):
        made.load()
    (tmp_path / "load" / "000002.npz").unlink()
    found = shelf(tmp_path).newest_whole()
    assert found is not None
    assert (found[0].number, found[1]["a"].tolist()) == (1, [1])


def test_a_version_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no version 9 \(there is 1, 2\)"):
        filled(tmp_path, 2).whole(9)


@pytest.mark.parametrize("content", ["", "{}", '{"versions": [{}], "changes": [], "current": 1}'])
def test_a_list_that_cannot_be_read_is_as_none(tmp_path: Path, content: str) -> None:
    filled(tmp_path, 2)
    (tmp_path / "load" / LIST).write_text(content)
    again = shelf(tmp_path)
    assert (again.versions, again.current, again.newest_whole()) == ((), None, None)
    again.add({"a": np.array([7])}, "", "", 0, {})
    assert again.load()["a"].tolist() == [7]
