"""`netmon heartbeat`: what others are to send now and then."""

import os
from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish

heartbeat_app = typer.Typer(
    help="Jobs and programs that say now and then that they are well.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")]


@heartbeat_app.command("add")
def heartbeat_add(
    name: Name,
    every: Annotated[str, typer.Option("--every", help="How often it is to come, such as 1d.")],
    grace: Annotated[str, typer.Option("--grace", help="How much later it may come.")] = "1m",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Wait for a heartbeat.

    Prints the command that sends one, with its token.
    """
    from netmon_cli import heartbeats
    from netmon_cli.access import find_access

    at = find_access(url, token_file, os.environ).url
    every_s, grace_s = duration(every, "--every"), duration(grace, "--grace")
    finish(heartbeats.add(client_at(url, token_file), name, every_s, grace_s, at, as_json))


@heartbeat_app.command("list")
def heartbeat_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The heartbeats that are waited for.

    Exit code 1 where one is late.
    """
    from netmon_cli import heartbeats

    finish(heartbeats.show(client_at(url, token_file), as_json, paper()))


@heartbeat_app.command("remove")
def heartbeat_remove(name: Name, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Wait for a heartbeat no more; its token counts no more either."""
    from netmon_cli import heartbeats

    finish(heartbeats.remove(client_at(url, token_file), name, as_json))
