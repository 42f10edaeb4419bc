"""`netmon config`, `token` and `dashboards`: what is set up beside the daemons."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netmon_cli.choices import Kind
from netmon_cli.parameters import Json, finish

if TYPE_CHECKING:
    from netmon_collector.state.tokens import Purpose

config_app = typer.Typer(help="Check or print configuration files.", no_args_is_help=True, rich_markup_mode=None)
token_app = typer.Typer(help="Make tokens for a collector here.", no_args_is_help=True, rich_markup_mode=None)
dashboards_app = typer.Typer(help="Dashboards for Grafana.", no_args_is_help=True, rich_markup_mode=None)


@config_app.command("check")
def config_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file.")],
    kind: Annotated[Kind | None, typer.Option(help="Whose file it is; guessed where it is not said.")] = None,
    as_json: Json = False,
) -> None:
    """All that is wrong with a file, with lines.

    Exit code 2 where a daemon would not start with it.
    """
    from netmon_cli.config import check

    finish(check(file, kind, as_json))


@config_app.command("sample")
def config_sample(kind: Annotated[Kind, typer.Argument(help="Whose file.")]) -> None:
    """Print a file with every option explained."""
    from netmon_cli.config import sample

    finish(sample(kind))


@token_app.command("new")
def token_new(
    state: Annotated[Path | None, typer.Option(help="The collector's state folder; else that of `netmon up`.")] = None,
    config: Annotated[Path | None, typer.Option(help="Its configuration file, where that names a database.")] = None,
    join: Annotated[bool, typer.Option("--join", help="For agents on other hosts, instead of the API.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="For all of the API, backups too.")] = False,
    write: Annotated[bool, typer.Option("--write", help="For programs that send samples, and for that alone.")] = False,
    as_json: Json = False,
) -> None:
    """Make a token and show it, this once."""
    from netmon_cli.token import issue
    from netmon_cli.up import standard_state

    if join + admin + write > 1:
        raise typer.BadParameter("a token is for agents or for administrators or for writing", param_hint="--join")
    purpose: Purpose = "join" if join else "admin" if admin else "write" if write else "api"
    finish(issue(state or standard_state(os.environ), config, purpose, as_json))


@dashboards_app.command("export")
def dashboards_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made where it is missing.")],
    url: Annotated[str | None, typer.Option("--url", help="The collector as Grafana finds it; else as yours.")] = None,
    as_json: Json = False,
) -> None:
    """Write dashboards and a data source for Grafana.

    It provisions itself from the folder.
    """
    from netmon_cli.access import find_access
    from netmon_cli.dashboards import export

    finish(export(folder, find_access(url, None, os.environ).url, as_json))
