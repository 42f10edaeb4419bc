"""Whether something keeps the clock right, as the kernel says (adjtimex(2)), and whether the collector believes it."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from netmon_cli.doctor.base import Finding, ok, warning
from netmon_cli.output import duration

STA_UNSYNC = 0x0040
TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """The head of struct timex, with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class ClockState:
    """`most_wrong_s` is how far off the kernel thinks the clock may be."""

    synchronised: bool
    most_wrong_s: float


def read_clock() -> ClockState | None:
    """The kernel's view; None where there is none. Raises OSError."""
    if not sys.platform.startswith("linux"):
        return None
    state = _Timex()
    code = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    if code < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return ClockState(code != TIME_ERROR and not state.status & STA_UNSYNC, state.maxerror / 1e6)


@dataclass(frozen=True, slots=True)
class ClockCheck:
    state: Callable[[], ClockState | None] = read_clock
    matter: str = "clock"

    def examine(self) -> Iterable[Finding]:
        state = self.state()
        if state is None:
            return
        if state.synchronised:
            yield ok(f"kept right, at most {duration(state.most_wrong_s)} off")
        else:
            yield warning(
                "nothing keeps the clock right; samples from machines with different clocks don't line up",
                "sudo timedatectl set-ntp true    # or: sudo apt install chrony",
            )


@dataclass(frozen=True, slots=True)
class BelievedCheck:
    """Whether the collector of a state folder deletes by what the clock says."""

    folder: Path
    matter: str = "clock"

    def examine(self) -> Iterable[Finding]:
        for folder in (self.folder, self.folder / "collector"):
            if not os.access(folder / "clock.json", os.R_OK):
                continue
            from netmon_collector.believed import CONFIRMATION, ahead_ms  # where there is a state, there is a collector

            if off_ms := ahead_ms(folder):
                side = "ahead" if off_ms > 0 else "back"
                yield warning(
                    f"the clock jumped {side} by {duration(abs(off_ms) / 1000)}; nothing is deleted by it yet",
                    f"touch {quote(str(folder / CONFIRMATION))}    # if the clock is right",
                )
