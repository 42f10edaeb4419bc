"""What many commands have in common: options, and how they are read."""

import os
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from netmon_cli.failure import Exit

if TYPE_CHECKING:
    from netmon_cli.client import Client

Url = Annotated[
    str | None,
    typer.Option("--url", help="The collector; else NETMON_URL, what `netmon login` saved, http://127.0.0.1:7440."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="A file with the token; else NETMON_TOKEN, NETMON_TOKEN_FILE, what was saved."),
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON, for other programs.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; else the user's name.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="The configuration file.")]
LogLevel = Annotated[str | None, typer.Option(help="How much to log: debug, info, warning or error.")]
State = Annotated[Path | None, typer.Option("--state", help="The folder that the state is kept in.")]


def finish(exit_code: Exit) -> NoReturn:
    raise typer.Exit(exit_code)


def client_at(url: str | None, token_file: Path | None) -> "Client":
    from netmon_cli.access import find_access
    from netmon_cli.client import Client

    return Client(find_access(url, token_file, os.environ))


def duration(text: str, option: str, least_s: float = 0.0, most_s: float = inf) -> float:
    from netmon_cli.output import duration as in_words
    from netmon_configs.options import parse_duration_s

    try:
        seconds = parse_duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    if not least_s <= seconds <= most_s:
        bounds = f"at least {in_words(least_s)}" if most_s == inf else f"{in_words(least_s)} to {in_words(most_s)}"
        raise typer.BadParameter(f"must be {bounds} (got {text})", param_hint=option)
    return seconds


def optional_duration(text: str | None, option: str, least_s: float = 0.0) -> float | None:
    return None if text is None else duration(text, option, least_s)


def moment(text: str | None, option: str) -> float | None:
    from netmon_api.times import parse_time_ms

    try:
        return None if text is None else parse_time_ms(text) / 1000
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
