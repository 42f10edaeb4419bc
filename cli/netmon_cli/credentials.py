"""`netmon credential`: who is to be said to ask a device. Secrets come from files, the environment or a prompt."""

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Column, Paper, escape, table, write_json, write_lines

CREDENTIALS = "/api/v1/snmp/credentials"


class Given(NamedTuple):
    """What the command line says of a credential."""

    version: str | None = None
    community: str | None = None
    community_file: Path | None = None
    user: str | None = None
    auth: str | None = None
    auth_password_file: Path | None = None
    priv: str | None = None
    priv_password_file: Path | None = None


class CredentialAnswer(BaseModel):
    """An entry of GET /api/v1/snmp/credentials"""

    name: str
    version: str
    changed: AwareDatetime


class CredentialsAnswer(BaseModel):
    results: list[CredentialAnswer]


def find_credential(given: Given, environment: Mapping[str, str]) -> dict[str, str] | None:
    """A credential as the API takes it, of options and environment; None where they say nothing. Raises Failure."""
    if given.community is not None and given.community_file is not None:
        raise Failure(Exit.USAGE, "--community is one way to give it, --community-file another")
    community = given.community or _secret("community", given.community_file, environment)
    found = {
        "version": given.version,
        "community": None if given.user else community,
        "user": given.user,
        "auth": given.auth,
        "auth_password": _secret("auth_password", given.auth_password_file, environment) if given.auth else None,
        "priv": given.priv,
        "priv_password": _secret("priv_password", given.priv_password_file, environment) if given.priv else None,
    }
    said = {name: value for name, value in found.items() if value is not None}
    if said and "version" not in said:
        said["version"] = "3" if given.user else "2c"
    return said or None


def ask_for_missing(found: dict[str, str], on_terminal: bool) -> dict[str, str]:
    """Asks for the secrets that a credential lacks. Raises Failure where nobody can be asked."""
    version = found.setdefault("version", "2c")
    missing = [] if version == "3" else ["community"]
    missing += [f"{kind}_password" for kind in ("auth", "priv") if kind in found]
    for name in missing:
        if name in found:
            continue
        option = f"--{name.replace('_', '-')}-file"
        if not on_terminal:
            raise Failure(
                Exit.USAGE, f"there is no {name.replace('_', ' ')}", f"Name a file that holds it with {option}."
            )
        found[name] = getpass.getpass(f"{name.replace('_', ' ')}: ")
    return found


def keep(client: Client, name: str, credential: dict[str, str], as_json: bool) -> Exit:
    """Has the collector keep a credential. Raises Failure."""
    answer = client.send("PUT", _path(name), credential)
    if as_json:
        write_json(answer)
    else:
        kept = client.understand(answer, CredentialAnswer)
        write_lines(
            [f"kept as {escape(kept.name)}; use it with: netmon device add HOST --credential {escape(kept.name)}"]
        )
    return Exit.FINE


def show_all(client: Client, as_json: bool, on: Paper) -> Exit:
    """Lists names; what is secret never leaves the collector. Raises Failure."""
    answer = client.pages(CREDENTIALS)
    if as_json:
        write_json(answer)
        return Exit.FINE
    found = client.understand(answer, CredentialsAnswer).results
    rows = [[escape(one.name), escape(one.version), f"{one.changed.astimezone():%Y-%m-%d %H:%M:%S}"] for one in found]
    columns = [Column("CREDENTIAL"), Column("VERSION"), Column("CHANGED")]
    write_lines(table(columns, rows, on) if rows else ["no credentials yet; `netmon credential set` makes one"])
    return Exit.FINE


def remove(client: Client, name: str, as_json: bool) -> Exit:
    """Has the collector forget a credential. Raises Failure."""
    answer = client.send("DELETE", _path(name))
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(name)} is forgotten"])
    return Exit.FINE


def _path(name: str) -> str:
    return f"{CREDENTIALS}/{quote(name, safe='')}"


def _secret(name: str, file: Path | None, environment: Mapping[str, str]) -> str | None:
    variable = f"NETMON_SNMP_{name.upper()}"
    named = environment.get(f"{variable}_FILE")
    path = file or (Path(named) if named else None)
    if path is None:
        return environment.get(variable)
    try:
        secret = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(Exit.USAGE, f"{path} cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    if len(secret.splitlines()) != 1:
        raise Failure(Exit.USAGE, f"{path} must have one line with the {name.replace('_', ' ')}, and nothing else")
    return secret


def body_of(value: dict[str, Any]) -> dict[str, Any]:
    """Without what is not said."""
    return {name: one for name, one in value.items() if one is not None}
