"""Which packages were installed, upgraded or removed, by a log that is written and rotated meanwhile."""

from pathlib import Path

import pytest

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.events.followed import Followed
from netmon_agent.inputs.events.packages import PackagesInput
from netmon_analytics.cause import Change
from netmon_collector.causes.reading import change_of_event
from netmon_collector.state.events import NewEvent
from netmon_proto.model import Kind
from tests.support.receiving import AGENT_ID, Received

BEFORE = "2026-11-20 09:00:00 upgrade old:amd64 1 2\n"
UPGRADED = (
    "2026-11-21 09:00:00 startup archives unpack\n"
    "2026-11-21 09:00:01 upgrade nginx:amd64 1.22.1-9 1.22.1-9+deb12u2\n"
    "2026-11-21 09:00:01 status half-configured nginx:amd64 1.22.1-9\n"
    "2026-11-21 09:00:02 install libfoo1:amd64 <none> 0.5-1\n"
    "2026-11-21 09:00:03 status installed nginx:amd64 1.22.1-9+deb12u2\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "dpkg.log"
    path.write_text(BEFORE)
    return path


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def test_what_was_done_since_the_last_look_is_one_event(log: Path, tmp_path: Path) -> None:
    received = Received(tmp_path)
    packages = PackagesInput(type="packages", log=log)
    packages.connect(received.desk, AGENT_ID)
    assert await packages.gather(1_000) == [Reading("netmon_packages_changed_total", {}, 0, Kind.COUNTER)]
    append(log, UPGRADED)
    assert await packages.gather(2_000) == [Reading("netmon_packages_changed_total", {}, 2, Kind.COUNTER)]
    await packages.gather(3_000)
    events = await received.until(lambda events: bool(events))
    await packages.close()
    await received.desk.close()
    await received.spool.close()
    told = [(one.time_ms, one.source, one.kind, one.text) for one in events]
    words = "package nginx upgraded from 1.22.1-9 to 1.22.1-9+deb12u2, libfoo1 0.5-1 installed"
    assert told == [(2_000, "packages", "package.changed", words)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("remove nginx:amd64 1.22 <none>", "package nginx removed"),
        ("purge nginx:amd64 1.22 <none>", "package nginx purged"),
        ("install nginx:all <none> 1.22", "package nginx 1.22 installed"),
    ],
)
async def test_whatever_is_done_to_a_package_is_a_change_of_software(
    log: Path, tmp_path: Path, line: str, words: str
) -> None:
    received = Received(tmp_path)
    packages = PackagesInput(type="packages", log=log)
    packages.connect(received.desk, AGENT_ID)
    await packages.gather(1_000)
    append(log, f"2026-11-21 09:00:01 {line}\n")
    await packages.gather(2_000)
    event = (await received.until(lambda events: bool(events)))[0]
    assert event.text == words
    kept = NewEvent(event.time_ms, "web1", event.source, event.kind, 7, 1, event.text, "", {})
    assert change_of_event(kept) is Change.SOFTWARE
    await packages.close()
    await received.desk.close()
    await received.spool.close()


def test_a_log_is_followed_across_its_rotation(log: Path) -> None:
    followed = Followed(log)
    assert list(followed.lines()) == []
    append(log, "one\ntw")
    assert list(followed.lines()) == [b"one"]
    append(log, "o\nlast of the old\n")
    log.rename(log.with_suffix(".1"))
    assert list(followed.lines()) == [b"two", b"last of the old"]
    log.write_text("first of the new\n")
    assert list(followed.lines()) == [b"first of the new"]
    log.write_text("cut\n")
    assert list(followed.lines()) == [b"cut"]
    followed.close()


def test_a_log_that_comes_later_is_read_from_its_begin(tmp_path: Path) -> None:
    followed = Followed(tmp_path / "dpkg.log")
    assert list(followed.lines()) == []
    (tmp_path / "dpkg.log").write_text("first\n")
    assert list(followed.lines()) == [b"first"]
    followed.close()
