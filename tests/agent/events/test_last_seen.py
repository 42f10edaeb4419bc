"""What was changed on a host while its agent was down is told of at the next start."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from netmon_agent.inputs.events.changes import APART_MS, MOST_EVENTS, Change, ChangeSource, apart
from netmon_agent.inputs.events.configuration import ConfigurationInput
from netmon_agent.inputs.events.last_seen import EVERY_MS, LastSeen
from netmon_agent.inputs.events.packages import PackagesInput
from netmon_proto.model import Event
from tests.support.receiving import AGENT_ID, Received

MINUTE_MS = 60_000
LINE = "2026-11-21 09:00:0{} install {}:amd64 <none> 1\n"


def written_ms(path: Path) -> int:
    return path.stat().st_ctime_ns // 1_000_000


async def told_by(source: ChangeSource, folder: Path, *times_ms: int, ends: bool = True) -> list[Event]:
    """The events of a run that looks at these times. ends: else it is killed."""
    received = Received(folder)
    source.connect(received.desk, AGENT_ID)
    source.remember(folder)
    for now_ms in times_ms:
        await source.gather(now_ms)
    if ends:
        await source.close()
    await received.desk.close()
    events = await received.take()
    await received.spool.close()
    return events


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    for name in ("hosts", "fstab", "ntp.conf"):
        (folder / name).write_text("before\n")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def watching(*paths: Path) -> ConfigurationInput:
    return ConfigurationInput(type="configuration", paths=paths)


def following(log: Path) -> PackagesInput:
    return PackagesInput(type="packages", logs=(log,))


async def test_a_file_that_was_edited_while_the_agent_was_down_is_told_with_the_time_of_the_edit(
    etc: Path, state: Path
) -> None:
    assert await told_by(watching(etc), state, 0) == []
    (etc / "hosts").write_text("after\n")
    (etc / "fstab").unlink()
    (etc / "new").write_text("")
    at_ms = written_ms(etc / "hosts")
    later_ms = at_ms + 60 * MINUTE_MS
    edited, removed = await told_by(watching(etc), state, later_ms, later_ms + 1)
    assert abs(edited.time_ms - at_ms) < MINUTE_MS
    assert edited.text.startswith(f"file {etc}/hosts changed at ")
    assert f"{etc}/new added at " in edited.text
    assert (removed.time_ms, removed.text) == (later_ms, f"file {etc}/fstab removed")
    assert await told_by(watching(etc), state, later_ms + 2, later_ms + 3) == []


async def test_files_of_the_same_content_elsewhere_on_the_disk_are_no_change(etc: Path, state: Path) -> None:
    assert await told_by(watching(etc), state, 0) == []
    shutil.copytree(etc, etc.with_name("copy"))
    shutil.rmtree(etc)
    etc.with_name("copy").rename(etc)
    assert await told_by(watching(etc), state, 1, 2) == []


async def test_after_other_paths_were_configured_nothing_is_told_of_the_first_look(etc: Path, state: Path) -> None:
    assert await told_by(watching(etc / "hosts"), state, 0) == []
    assert await told_by(watching(etc), state, 1, 2) == []


async def test_a_run_that_was_killed_has_written_what_it_saw_a_minute_before(etc: Path, state: Path) -> None:
    assert await told_by(watching(etc), state, 0, ends=False) == []
    (etc / "hosts").write_text("after\n")
    assert len(await told_by(watching(etc), state, EVERY_MS, EVERY_MS + 1, 2 * EVERY_MS, ends=False)) == 1
    assert await told_by(watching(etc), state, 3 * EVERY_MS, 3 * EVERY_MS + 1) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"paths": ["%s"], "files": {"a": 1}}', b"\xff"])
async def test_a_damaged_file_is_told_and_begun_anew(
    etc: Path, state: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (state / "configuration.seen.json").write_bytes(content.replace(b"%s", bytes(etc)))
    assert await told_by(watching(etc), state, 0, 1) == []
    assert caplog.text.count("last_seen.unreadable") == 1
    (etc / "hosts").write_text("after\n")
    assert len(await told_by(watching(etc), state, 2, 3)) == 1


def test_a_disk_that_takes_nothing_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    seen = LastSeen(tmp_path / "nowhere" / "file")
    for number in range(3):
        seen.write({"number": number})
    assert caplog.text.count("last_seen.unwritable") == 1


async def test_packages_that_were_upgraded_while_the_agent_was_down_are_told_also_across_a_rotation(
    tmp_path: Path, state: Path
) -> None:
    log = tmp_path / "dpkg.log"
    log.write_text(LINE.format(0, "old"))
    assert await told_by(following(log), state, 0) == []
    with log.open("a") as file:
        file.write(LINE.format(1, "nginx"))
    log.rename(tmp_path / "dpkg.log.1")
    log.write_text(LINE.format(2, "curl"))
    os.utime(log, (1_790_000_000, 1_790_000_000))
    events = await told_by(following(log), state, 1_800_000_000_000)
    assert [(one.time_ms, one.text) for one in events] == [
        (1_790_000_000_000, "package nginx 1 installed, curl 1 installed")
    ]
    assert await told_by(following(log), state, 1_800_000_000_001) == []


async def test_of_a_log_that_is_another_one_nothing_is_told_and_of_one_that_came_all(
    tmp_path: Path, state: Path
) -> None:
    log, other = tmp_path / "dpkg.log", tmp_path / "dnf.rpm.log"
    both = PackagesInput(type="packages", logs=(log, other))
    log.write_text(LINE.format(0, "old"))
    assert await told_by(both, state, 0) == []
    log.write_text("another, longer than the one before, of another machine\n" + LINE.format(1, "nginx"))
    other.write_text("2026-11-21T09:00:01+0100 SUBDEBUG Installed: zlib-1-1.x86_64\n")
    events = await told_by(PackagesInput(type="packages", logs=(log, other)), state, 1)
    assert [one.text for one in events] == ["package zlib 1-1 installed"]


def test_changes_of_the_same_minutes_are_one_event_and_there_are_not_many() -> None:
    ones = [Change(number * APART_MS, str(number)) for number in range(MOST_EVENTS + 5)]
    assert [len(group) for group in apart(ones)] == [6] + [1] * (MOST_EVENTS - 1)
    assert apart([Change(2, "b"), Change(1, "a")]) == [[Change(1, "a"), Change(2, "b")]]
    assert apart([]) == []
