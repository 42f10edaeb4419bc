"""Single keys from a terminal, without Enter."""

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator

Pressed = Callable[[str, float], bool]
"""Waits some seconds; says at once when the key is pressed, or when there will never be another key."""


@contextlib.contextmanager
def keys() -> Iterator[Pressed]:
    """Reads the terminal's keys for a while; where there is no terminal, or no such thing, nothing is ever pressed."""
    if not sys.stdin.isatty() or sys.platform == "win32":
        yield _nothing_pressed
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield _pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _nothing_pressed(_: str, seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _pressed(key: str, seconds: float) -> bool:
    terminal = sys.stdin.fileno()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        readable, _, _ = select.select([terminal], [], [], left)
        if readable and os.read(terminal, 1).decode("ascii", "replace").lower() in (key, ""):
            return True
    return False
