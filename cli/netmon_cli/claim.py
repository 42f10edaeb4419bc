"""A daemon's state folder: made where it is missing, and owned by one process at a time."""

import contextlib
import os
from pathlib import Path
from types import TracebackType

from netmon_cli.failure import Exit, Failure

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be opened again for exclusive use there
    fcntl = None  # type: ignore[assignment]


class Claim:
    """Holds a state folder until it is left. Raises Failure where it cannot be had."""

    def __init__(self, state: Path, what: str) -> None:
        self._path = state / "lock"
        try:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise _cannot_use(state, error) from error
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            owner = self._file.read().strip()
            self._file.close()
            raise Failure(
                Exit.WRONG,
                f"{state} is in use by another netmon {what}{f' (process {owner})' if owner else ''}.",
                "Stop that one first, or give this one another folder with --state.",
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _cannot_use(state: Path, error: OSError) -> Failure:
    if not isinstance(error, PermissionError):
        return Failure(
            Exit.WRONG,
            f"the state folder {state} cannot be used: {error.strerror}.",
            "Choose another one with --state.",
        )
    import getpass  # here, because it costs an agent memory that is seldom needed

    user = str(os.getuid()) if hasattr(os, "getuid") else "this one"
    with contextlib.suppress(KeyError, OSError):
        user = getpass.getuser()
    return Failure(
        Exit.WRONG,
        f"the state folder {state} is not writable for user {user}.",
        f"Give it to that user with: sudo install -d -o {user} -m 700 {state}   or choose another one with --state.",
    )
