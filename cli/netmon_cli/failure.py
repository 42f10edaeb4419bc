"""How a command ends when it can't do what it was asked: an exit code, what happened, and what to do."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every netmon command; documented in docs/cli.md."""

    FINE = 0
    WRONG = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_PERMITTED = 4
    REFUSED = 5
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 fine; 1 something is wrong (a device is down, doctor found a problem); 2 mistake in the command "
    "line or a configuration file; 3 collector not reachable; 4 not permitted; 5 the collector refused or failed the "
    "request; 130 interrupted."
)


class Failure(Exception):
    """Ends a command: `text` says what and where, `remedy` what to do about it."""

    def __init__(self, exit_code: Exit, text: str, remedy: str = "") -> None:
        super().__init__(f"{text}\n{remedy}" if remedy else text)
        self.exit_code = exit_code
