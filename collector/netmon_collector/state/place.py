"""Where the state is: a file in the collector's own folder, or a PostgreSQL database."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

FILE: Final = "state.sqlite"
DRIVER: Final = "postgresql+psycopg"
_CHECKED: Final = ("verify-full", "verify-ca", "require")
_OF_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


class StateError(Exception):
    """The state database can't be used; says which one, why, and what to do where that is known."""


def checked_url(text: object) -> str:
    """A URL of a PostgreSQL database without a secret in it. Raises ValueError."""
    example = "such as postgresql://netmon@db.example/netmon"
    try:
        url = make_url(text) if isinstance(text, str) else None
    except ArgumentError:  # its text would repeat the URL, and a password in it
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres") or not url.database:
        raise ValueError(f"must be the address of a PostgreSQL database, {example}")
    if url.password is not None:
        raise ValueError("must not have a password in it: use password_file, or PGPASSWORD in the environment")
    mode = url.query.get("sslmode")
    if mode is not None and mode not in _CHECKED and not is_here(url):
        raise ValueError(f"must not have sslmode={mode}: to another machine only over TLS, with {', '.join(_CHECKED)}")
    return str(text)


def place_of(folder: Path, url: str | None, password_file: Path | None) -> URL:
    """The URL to open: of the file in the folder, or of the database that is configured. Raises StateError."""
    if url is None:
        return URL.create("sqlite", database=str(folder / FILE))
    parsed = make_url(url).set(drivername=DRIVER)
    if not is_here(parsed) and "sslmode" not in parsed.query:
        parsed = parsed.update_query_dict({"sslmode": "verify-full"})
        if "sslrootcert" not in parsed.query:
            parsed = parsed.update_query_dict({"sslrootcert": "system"})
    if password_file is None:
        return parsed
    try:
        return parsed.set(password=password_file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise StateError(f"{shown(parsed)}: the password file {password_file} cannot be read: {why}") from None


def shown(url: URL) -> str:
    """A database as people are told of it."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return plain.render_as_string()


def outside_of(url: URL) -> str:
    """The name of a database that is no file in the collector's folder; empty where it is one."""
    return "" if url.get_backend_name() == "sqlite" else shown(url)


def is_here(url: URL) -> bool:
    """Whether a database is on this machine: by loopback, or by a socket in the file system."""
    host = _text(url.query, "host") or url.host or ""
    return not host or host in _OF_THIS_MACHINE or host.startswith("/")


def _text(query: Mapping[str, tuple[str, ...] | str], name: str) -> str:
    value = query.get(name, "")
    return value if isinstance(value, str) else next(iter(value), "")
