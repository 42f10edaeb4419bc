"""Where the collector is and with which token: options, environment, then what `netmon login` or `up` saved."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from pydantic import SecretStr

from netmon_cli.failure import Exit, Failure
from netmon_configs.load import load
from netmon_configs.options import Options, is_loopback

DEFAULT_URL = "http://127.0.0.1:7440"
LONGEST_TOKEN = 4096


class SavedAccess(Options):
    """The file client.yaml in the user's configuration folder."""

    url: str = DEFAULT_URL
    token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """A collector and the token for it; `token_from` names the token's source in messages.

    Raises Failure where the token would travel unencrypted.
    """

    url: str
    token: str | None = field(repr=False)
    token_from: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if self.token is not None and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise Failure(
                Exit.USAGE,
                f"{self.url} would get the token unencrypted",
                "Use an https:// URL, or a tunnel: ssh -L 7440:127.0.0.1:7440 HOST",
            )


def saved_path(environment: Mapping[str, str]) -> Path:
    """client.yaml of this user (XDG base directory specification)."""
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "netmon" / "client.yaml"


def find_access(url: str | None, token_file: Path | None, environment: Mapping[str, str]) -> Access:
    """URL and token for a command. Raises Failure or ConfigError.

    A saved token goes to the URL that it was saved with, and to no other.
    """
    saved, path = _saved(environment)
    chosen = checked_url(url or environment.get("NETMON_URL") or saved.url)
    token, source = _token(token_file, environment)
    if token is None and saved.token is not None and chosen == checked_url(saved.url):
        token, source = saved.token.get_secret_value(), str(path)
    return Access(chosen, checked_token(token, source) if token is not None else None, source)


def save_access(url: str, token: str, environment: Mapping[str, str]) -> Path:
    """Writes client.yaml, readable by this user alone, whole or not at all. Raises OSError."""
    path = saved_path(environment)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".client-")  # created with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump({"url": url, "token": token}, file, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises Failure for what is no address of a collector."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not url.isascii() or not url.isprintable() or " " in url:
        raise Failure(Exit.USAGE, f"{url!r} is not the URL of a collector", f"It looks like {DEFAULT_URL}.")
    if parts.username or parts.query or parts.fragment:
        raise Failure(Exit.USAGE, "a collector's URL has neither user, query nor fragment", "Use --token-file.")
    return url.rstrip("/")


def read_token(path: Path) -> str:
    """The token in a file. Raises Failure."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_TOKEN + 1)
    except OSError as error:
        raise Failure(Exit.USAGE, f"{path}: can't read the token: {error.strerror}") from None
    return checked_token(content.decode("utf-8", "replace"), str(path))


def checked_token(text: str, source: str) -> str:
    """A token without the space around it. Raises Failure for what can't be one."""
    token = text.strip()
    if not token or len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise Failure(Exit.USAGE, f"{source} holds no token")
    return token


def _saved(environment: Mapping[str, str]) -> tuple[SavedAccess, Path]:
    path = saved_path(environment)
    try:
        there = path.exists()
    except OSError:  # the home of another user, as after sudo
        there = False
    return load(path, SavedAccess) if there else SavedAccess(), path


def _token(token_file: Path | None, environment: Mapping[str, str]) -> tuple[str | None, str]:
    if token_file is not None:
        return read_token(token_file), str(token_file)
    if environment.get("NETMON_TOKEN"):
        return environment["NETMON_TOKEN"], "NETMON_TOKEN"
    if environment.get("NETMON_TOKEN_FILE"):
        return read_token(Path(environment["NETMON_TOKEN_FILE"])), "NETMON_TOKEN_FILE"
    return None, ""
