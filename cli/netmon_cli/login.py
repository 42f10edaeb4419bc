"""`netmon login`: remembers for this user where the collector is, and the token for it."""

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path

from netmon_cli import output
from netmon_cli.access import (
    DEFAULT_URL,
    LONGEST_TOKEN,
    Access,
    checked_token,
    checked_url,
    find_access,
    read_token,
    save_access,
)
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_configs.mistakes import ConfigError


def login(url: str | None, token_file: Path | None, as_json: bool, environment: Mapping[str, str]) -> Exit:
    """Saves a token after the collector has accepted it."""
    url = _url(url, environment)
    token = read_token(token_file) if token_file is not None else _ask(url)
    Client(Access(url, token, "the login")).status()
    try:
        path = save_access(url, token, environment)
    except OSError as error:
        raise Failure(Exit.WRONG, f"can't save the token: {error}") from None
    if as_json:
        output.write_json({"url": url, "file": str(path)})
    else:
        output.write_lines([f"{url} accepts the token; saved in {path}"])
    return Exit.FINE


def _url(url: str | None, environment: Mapping[str, str]) -> str:
    without_token = {name: value for name, value in environment.items() if not name.startswith("NETMON_TOKEN")}
    try:
        return find_access(url, None, without_token).url
    except ConfigError:  # the file with the mistake is about to be written anew
        return checked_url(url or environment.get("NETMON_URL") or DEFAULT_URL)


def _ask(url: str) -> str:
    """The token, typed unseen on a terminal or read from a pipe."""
    if sys.stdin.isatty():
        return checked_token(getpass.getpass(f"Token for {url}: "), "the answer")
    return checked_token(sys.stdin.read(LONGEST_TOKEN + 1), "standard input")
