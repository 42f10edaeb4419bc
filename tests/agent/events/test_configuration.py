"""Which configuration files were added, changed or removed, while editors, packages and races are at them."""

import os
import re
from pathlib import Path

import pytest

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.events.configuration import PATHS, ConfigurationInput
from netmon_agent.inputs.events.watched import FileChange, Watched
from netmon_collector.causes.reading import change_of_event, sign_of_event
from netmon_collector.state.events import NewEvent
from netmon_proto.model import Kind
from tests.support.receiving import AGENT_ID, Received

LOOK_MS = 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "nginx/sites").mkdir(parents=True)
    (folder / "nginx/nginx.conf").write_text("workers 1;\n")
    (folder / "nginx/sites/shop").write_text("listen 80;\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    return folder


class Looking:
    """Looks at a folder every ten seconds, from second 0 on."""

    def __init__(self, folder: Path, most_files: int = 100, most_bytes: int = 1000) -> None:
        self.folder = folder
        self.watched = Watched([folder / "nginx", folder / "hosts", folder / "none"], most_files, most_bytes)
        self.now_ms = -LOOK_MS
        assert self.look() == []

    def look(self, times: int = 1) -> list[tuple[str, str]]:
        """What was done to which files."""
        return [(one.done, str(Path(one.path).relative_to(self.folder))) for one in self.changes(times)]

    def changes(self, times: int) -> list[FileChange]:
        found: list[FileChange] = []
        for _ in range(times):
            self.now_ms += LOOK_MS
            found += self.watched.look(self.now_ms)
        return found


@pytest.fixture
def looking(folder: Path) -> Looking:
    return Looking(folder)


def replace(path: Path, text: str) -> None:
    """As editors and tools of configuration management do it."""
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(text)
    draft.replace(path)


def test_what_is_edited_comes_or_goes_is_told_once_when_it_rests(looking: Looking, folder: Path) -> None:
    (folder / "hosts").write_text("127.0.0.1 me\n")
    replace(folder / "nginx/nginx.conf", "workers 2;\n")
    (folder / "nginx/sites/blog").write_text("listen 81;\n")
    (folder / "nginx/sites/shop").unlink()
    assert looking.look() == []
    assert sorted(looking.look()) == [
        ("added", "nginx/sites/blog"),
        ("changed", "hosts"),
        ("changed", "nginx/nginx.conf"),
        ("removed", "nginx/sites/shop"),
    ]
    assert looking.look(3) == []


def test_a_change_has_the_time_at_which_it_was_noticed_and_the_size_and_time_of_the_file(looking: Looking) -> None:
    path = looking.folder / "hosts"
    path.write_text("127.0.0.1 me and others\n")
    os.utime(path, (1_800_000_000, 1_800_000_000))
    assert looking.changes(2) == [FileChange(LOOK_MS, "changed", str(path), 24, 1_800_000_000)]


def test_what_is_written_anew_and_is_the_same_is_no_change(looking: Looking, folder: Path) -> None:
    replace(folder / "hosts", "127.0.0.1 localhost\n")
    (folder / "nginx/nginx.conf").touch()
    (folder / "nginx/sites/shop").chmod(0o600)
    assert looking.look(3) == []


def test_the_same_size_and_time_hide_no_edit(looking: Looking, folder: Path) -> None:
    path = folder / "nginx/nginx.conf"
    before = path.stat()
    path.write_text("workers 9;\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert looking.look(2) == [("changed", "nginx/nginx.conf")]


def test_an_edit_during_which_the_file_is_gone_for_a_look_is_one_change(looking: Looking, folder: Path) -> None:
    path = folder / "nginx/nginx.conf"
    path.rename(path.with_name("nginx.conf~"))
    assert looking.look() == []
    path.write_text("workers 3;\n")
    assert looking.look(3) == [("changed", "nginx/nginx.conf")]


def test_a_file_that_is_written_all_the_time_is_told_of_when_it_rests(looking: Looking, folder: Path) -> None:
    for number in range(5):
        (folder / "hosts").write_text("x" * number)
        assert looking.look() == []
    assert looking.look(2) == [("changed", "hosts")]


def test_what_editors_and_packages_leave_beside_a_file_is_passed_over(looking: Looking, folder: Path) -> None:
    for name in (".nginx.conf.swp", "nginx.conf~", "nginx.conf.dpkg-new", "nginx.conf.rpmnew", "nginx.conf.pacnew"):
        (folder / "nginx" / name).write_text("workers 5;\n")
    assert looking.look(3) == []


def test_a_file_that_may_not_be_read_or_is_too_large_goes_by_size_and_time(
    looking: Looking, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = folder / "nginx/large.conf"
    large.write_text("x" * 5000)
    assert looking.look(2) == [("added", "nginx/large.conf")]
    large.write_text("y" * 5000)
    assert looking.look(2) == [("changed", "nginx/large.conf")]

    def refuse(path: str, _: int) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)  # root, as whom tests may run, may read all
    looking = Looking(folder)
    (folder / "hosts").chmod(0o640)
    assert looking.look(2) == []
    (folder / "hosts").write_text("127.0.0.1 me\n")
    assert looking.look(2) == [("changed", "hosts")]


def test_a_file_that_becomes_something_else_is_gone_and_keeps_nobody_waiting(looking: Looking, folder: Path) -> None:
    (folder / "hosts").unlink()
    os.mkfifo(folder / "hosts")
    assert looking.look(2) == [("removed", "hosts")]


def test_a_file_that_is_replaced_by_a_pipe_before_it_is_read_keeps_nobody_waiting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe")
    as_it_was = (folder / "hosts").stat()
    monkeypatch.setattr(os, "stat", lambda path: as_it_was)
    watched = Watched([folder / "pipe"], 10, 1000)
    assert watched.look(0) == []
    assert len(watched) == 1


def test_links_lead_to_files_and_folders_that_are_named_but_not_in_circles(looking: Looking, folder: Path) -> None:
    (folder / "nginx/again").symlink_to(folder / "nginx")
    (folder / "nginx/dangling").symlink_to(folder / "nowhere")
    (folder / "available").write_text("listen 82;\n")
    (folder / "nginx/sites/new").symlink_to(folder / "available")
    assert looking.look(2) == [("added", "nginx/sites/new")]
    (folder / "available").write_text("listen 83;\n")
    assert looking.look(2) == [("changed", "nginx/sites/new")]


def test_no_more_files_are_watched_than_are_allowed_and_none_is_said_to_be_gone_for_that(folder: Path) -> None:
    looking = Looking(folder, most_files=3)
    assert not looking.watched.is_full
    for number in range(20):
        (folder / f"nginx/a{number:02}").write_text("x")
    (folder / "hosts").write_text("127.0.0.1 me\n")
    assert looking.look(3) == [("changed", "hosts")]
    assert looking.watched.is_full
    assert len(looking.watched) == 3


def test_a_folder_that_nobody_may_look_into_any_more_has_lost_nothing(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "stat", refuse)
    assert looking.watched.look(LOOK_MS) == []
    assert looking.watched.look(2 * LOOK_MS) == []
    assert len(looking.watched) == 3


async def test_changes_are_one_event_that_is_a_change_of_configuration(folder: Path, tmp_path: Path) -> None:
    received = Received(tmp_path)
    source = ConfigurationInput(type="configuration", paths=(folder,))
    source.connect(received.desk, AGENT_ID)
    count = Reading("netmon_configuration_files", {}, 3)
    assert await source.gather(0) == [Reading("netmon_configuration_changed_total", {}, 0, Kind.COUNTER), count]
    (folder / "hosts").write_text("secret\n")
    os.utime(folder / "hosts", (1_800_000_000, 1_800_000_000))
    await source.gather(1_000)
    (folder / "nginx/sites/shop").unlink()
    assert await source.gather(2_000) == [Reading("netmon_configuration_changed_total", {}, 1, Kind.COUNTER), count]
    await source.gather(3_000)
    events = await received.until(lambda events: len(events) == 2)
    await received.desk.close()
    await received.spool.close()
    first, second = events
    assert (first.time_ms, first.source, first.kind) == (1_000, "configuration", "configuration.changed")
    assert first.text == f"file {folder}/hosts changed at 2027-01-15 08:00:00Z, 7 bytes"
    assert (second.time_ms, second.text) == (2_000, f"file {folder}/nginx/sites/shop removed")
    kept = NewEvent(first.time_ms, "web1", first.source, first.kind, 7, 1, first.text, "", {})
    assert change_of_event(kept) == "configuration"
    assert sign_of_event(kept) is None


async def test_a_name_that_is_no_text_is_told_as_far_as_it_is(folder: Path, tmp_path: Path) -> None:
    received = Received(tmp_path)
    source = ConfigurationInput(type="configuration", paths=(folder,))
    source.connect(received.desk, AGENT_ID)
    await source.gather(0)
    Path(os.fsdecode(bytes(folder) + b"/a\xffb\nc")).write_text("")
    await source.gather(1_000)
    await source.gather(2_000)
    text = (await received.until(lambda events: bool(events)))[0].text
    await received.desk.close()
    await received.spool.close()
    assert re.fullmatch(r"file \S*/a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c added at .*, 0 bytes", text)


async def test_more_files_than_allowed_are_said(folder: Path, tmp_path: Path) -> None:
    received = Received(tmp_path)
    source = ConfigurationInput(type="configuration", paths=(folder,), max_files=2)
    source.connect(received.desk, AGENT_ID)
    assert source.trouble is None
    await source.gather(0)
    assert source.trouble == "there are more than 2 files; raise 'max_files' or name fewer 'paths'"
    await received.desk.close()
    await received.spool.close()


def test_what_is_watched_unless_told_otherwise_is_below_etc_and_each_but_once() -> None:
    assert {path.parent for path in PATHS} == {Path("/etc")}
    assert len(set(PATHS)) == len(PATHS)
