"""What the doctor says of clocks: the kernel's, and what a collector believes of it."""

import sys
from pathlib import Path

import pytest

from netmon_cli.doctor.base import Level, ok, warning
from netmon_cli.doctor.clock import BelievedCheck, ClockCheck, ClockState, read_clock
from netmon_collector.believed import BelievedTime
from tests.cli.test_doctor import only
from tests.support.clocks import HandClock


def test_the_clock() -> None:
    assert only(ClockCheck(lambda: ClockState(True, 0.25))) == ok("kept right, at most 0.2s off")
    loose = only(ClockCheck(lambda: ClockState(False, 16.0)))
    assert loose.level is Level.WARNING
    assert loose.command.startswith("sudo timedatectl set-ntp true")
    assert list(ClockCheck(lambda: None).examine()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is Linux's")
def test_the_kernel_says_how_the_clock_is() -> None:
    state = read_clock()
    assert state is not None
    assert state.most_wrong_s >= 0


@pytest.mark.parametrize("below", ["", "collector"])
def test_a_clock_that_a_collector_does_not_believe(tmp_path: Path, below: str) -> None:
    folder, clock = tmp_path / below, HandClock()
    folder.mkdir(exist_ok=True)
    assert list(BelievedCheck(tmp_path).examine()) == []
    believed = BelievedTime(folder, None, clock.now_ms, clock.boot_ms)
    believed.look()
    assert list(BelievedCheck(tmp_path).examine()) == []
    clock.wall += 400 * 86_400_000
    believed.look()
    assert only(BelievedCheck(tmp_path)) == warning(
        "the clock jumped ahead by 400d; nothing is deleted by it yet",
        f"touch {folder}/clock-is-right    # if the clock is right",
    )
