"""Which packages were installed, upgraded or removed, by logs that are written and rotated meanwhile."""

from pathlib import Path

import pytest

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.events.followed import Followed
from netmon_agent.inputs.events.package_logs import changes_in
from netmon_agent.inputs.events.packages import PackagesInput
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
DPKG = "2026-11-21 09:00:01"
DNF = "2026-11-21T09:00:01+0100 SUBDEBUG"
DNF5 = "2026-11-21T09:00:01+0000 [18165] INFO RPM callback"
YUM = "Nov 21 09:00:01"
PACMAN = "[2026-11-21T09:00:01+0100] [ALPM]"
ZYPPER = "2026-11-21 09:00:01"


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
    packages = PackagesInput(type="packages", logs=(log,))
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
        (f"{DPKG} remove nginx:amd64 1.22 <none>", "nginx 1.22 removed"),
        (f"{DPKG} purge nginx:amd64 1.22 <none>", "nginx 1.22 purged"),
        (f"{DPKG} install nginx:all <none> 1.22", "nginx 1.22 installed"),
        (f"{DNF} Installed: nginx-1:1.24.0-4.el9.x86_64", "nginx 1:1.24.0-4.el9 installed"),
        (f"{DNF} Upgrade: openssl-libs-1:3.2.2-6.el9.x86_64", "openssl-libs upgraded to 1:3.2.2-6.el9"),
        (f"{DNF} Downgrade: flac-1.3.3-2.fc29.x86_64", "flac downgraded to 1.3.3-2.fc29"),
        (f"{DNF} Reinstall: flac-1.3.3-3.fc29.x86_64", "flac 1.3.3-3.fc29 reinstalled"),
        (f"{DNF} Erase: flac-1.3.3-3.fc29.x86_64", "flac 1.3.3-3.fc29 removed"),
        (f'{DNF5} install start "rpm-macros-0:3.31.11-1.fc43.noarch" total 9', "rpm-macros 3.31.11-1.fc43 installed"),
        (f'{DNF5} uninstall start "flac-0:1.3.3-3.fc43.x86_64" total 9', "flac 1.3.3-3.fc43 removed"),
        (f"{YUM} Installed: kernel-2.6.32-696.3.2.el6.x86_64", "kernel 2.6.32-696.3.2.el6 installed"),
        (f"{YUM} Updated: 1:openssl-libs-1.0.2k-19.el7.x86_64", "openssl-libs upgraded to 1.0.2k-19.el7"),
        (f"{YUM} Erased: postfix", "postfix removed"),
        (f"{PACMAN} installed firefox (139.0-1)", "firefox 139.0-1 installed"),
        (f"{PACMAN} upgraded linux (6.14.4.arch1-2 -> 6.15-1)", "linux upgraded from 6.14.4.arch1-2 to 6.15-1"),
        (f"{PACMAN} downgraded bar (2.0-1 -> 1.0-1)", "bar downgraded from 2.0-1 to 1.0-1"),
        (f"{PACMAN} removed gimp (3.0.4-1)", "gimp 3.0.4-1 removed"),
        ("[2019-07-14 21:33] [ALPM] installed feh (3.1.3-1)", "feh 3.1.3-1 installed"),
        ("(1/1) Upgrading apk-tools (2.7.5-r0 -> 2.7.6-r0)", "apk-tools upgraded from 2.7.5-r0 to 2.7.6-r0"),
        ("( 3/12) Installing frr@edge (10.1-r0)", "frr 10.1-r0 installed"),
        ("(1/1) Purging foo (1.0)", "foo 1.0 removed"),
        (f"{ZYPPER}|install|htop|3.0-1.1|x86_64|root@h|repo|abc|", "htop 3.0-1.1 installed"),
        (f"{ZYPPER}|remove |htop|3.0-1.1|x86_64|root@h|", "htop 3.0-1.1 removed"),
    ],
)
def test_each_package_manager_is_understood(line: str, words: str) -> None:
    assert [str(one) for one in changes_in([line])] == [words]


@pytest.mark.parametrize(
    "line",
    [
        f"{DPKG} status installed nginx:amd64 1.22",
        f"{DPKG} configure nginx:amd64 1.22 <none>",
        f"{DNF} Upgraded: openssl-libs-1:3.0.7-27.el9.x86_64",
        f"{DNF} Reinstalled: flac-1.3.3-3.fc29.x86_64",
        "2026-11-21T09:00:01+0100 INFO Installed: said-a-script-1-1.noarch",
        f'{DNF5} install stop "flac-0:1.3.3-3.fc43.x86_64" amount 9 total 9',
        f'{DNF5} start %post scriptlet "openssh-0:10.0p1-9.fc43.x86_64"',
        "[2026-11-21T09:00:01+0100] [PACMAN] Running 'pacman -Syu'",
        f"{PACMAN} warning: /etc/x installed as /etc/x.pacnew",
        "(1/1) Updating pinning foo@edge (1.0)",
        "Running `apk add foo` at 2026-11-21 09:00:01",
        f"{ZYPPER}|radd   |repo|http://mirror.example/|",
        f"# {ZYPPER} htop-3.0-1.1.x86_64.rpm installed ok",
    ],
)
def test_other_lines_of_these_logs_are_no_changes(line: str) -> None:
    assert changes_in([line]) == []


def test_both_versions_that_an_rpm_transaction_names_are_one_change() -> None:
    dnf = [f"{DNF} Upgrade: a-2-1.el9.noarch", f"{DNF} Upgrade: b-2-1.el9.noarch", f"{DNF} Upgraded: a-1-1.el9.noarch"]
    assert [str(one) for one in changes_in(dnf)] == ["a upgraded from 1-1.el9 to 2-1.el9", "b upgraded to 2-1.el9"]
    names = (("install", "a-0:2-1.fc43.noarch"), ("uninstall", "a-0:1-1.fc43.noarch"))
    dnf5 = [f'{DNF5} {what} start "{nevra}" total 9' for what, nevra in names]
    assert [str(one) for one in changes_in(dnf5)] == ["a changed from 1-1.fc43 to 2-1.fc43"]


def test_a_log_that_nobody_may_read_keeps_no_other_from_being_read(log: Path, tmp_path: Path) -> None:
    unreadable = tmp_path / "folder.log"
    unreadable.mkdir()
    packages = PackagesInput(type="packages", logs=(unreadable, log, tmp_path / "nowhere.log"))
    assert packages.look(1_000) == []
    append(log, UPGRADED)
    assert len(packages.look(2_000)) == 2
    assert str(packages.trouble).startswith(f"{unreadable}: ")


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
