"""`netmon check`: checks that agents make for the collector."""

from pathlib import Path
from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish, optional_duration

check_app = typer.Typer(help="Check hosts and services.", no_args_is_help=True, rich_markup_mode=None)

CheckName = Annotated[str, typer.Argument(metavar="CHECK", help="Its name in `netmon check list`.")]


@check_app.command("add")
def check_add(
    kind: Annotated[
        str, typer.Argument(metavar="TYPE", help="As in docs/checks.md: ping, tcp, http, tls, dns, ntp, smtp and more.")
    ],
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="A URL, HOST, HOST:PORT; of ping several.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; else after its target.")] = None,
    interval: Annotated[str | None, typer.Option(help="Time between two checks; else that of the agent.")] = None,
    poller: Annotated[
        list[str] | None, typer.Option(help="The agent that checks, again for more, or any; else the collector's.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option, as status=[200,204]; again for more."),
    ] = None,
    options: Annotated[
        Path | None, typer.Option(help="A file with options, as an entry of `inputs` in agent.yaml.")
    ] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for what comes of it first.")] = "30s",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Have something checked from now on, and say how it is.

    Files that options name, such as password_file, are read here. Exit code 1 where it is not well; it is checked all
    the same.
    """
    from netmon_cli.check_options import options_of
    from netmon_cli.checks import Wish, add

    every_s = optional_duration(interval, "--interval")
    check = options_of(kind, targets or (), sets or (), options, every_s)
    wish = Wish(check, name, tuple(poller or ()))
    finish(add(client_at(url, token_file), wish, duration(wait, "--wait"), as_json))


@check_app.command("set")
def check_set(
    check: CheckName,
    targets: Annotated[list[str] | None, typer.Argument(metavar="TARGET", help="What it asks from now on.")] = None,
    interval: Annotated[str | None, typer.Option(help="Time between two checks.")] = None,
    poller: Annotated[list[str] | None, typer.Option(help="The agent that checks, again for more, or any.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option, as status=[200,204]; KEY=null takes it back."),
    ] = None,
    options: Annotated[Path | None, typer.Option(help="A file with options that are to change.")] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for what comes of it first.")] = "30s",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Change how something is checked, and say how it is.

    What is not said stays, its series and its secrets too; where it asks another target, secrets are said anew. Exit
    code 1 where it is not well.
    """
    from netmon_cli.check_options import options_of
    from netmon_cli.checks import Wish, change, kind_of

    every_s = optional_duration(interval, "--interval")
    client = client_at(url, token_file)
    said = options_of(kind_of(client, check), targets or (), sets or (), options, every_s)
    wish = Wish({key: value for key, value in said.items() if key != "type"}, None, tuple(poller or ()))
    finish(change(client, check, wish, duration(wait, "--wait"), as_json))


@check_app.command("list")
def check_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The checks, and how each is."""
    from netmon_cli.checks import show_all

    finish(show_all(client_at(url, token_file), as_json, paper()))


@check_app.command("show")
def check_show(check: CheckName, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """All about one check, and its newest values."""
    from netmon_cli.checks import show

    finish(show(client_at(url, token_file), check, as_json, paper()))


@check_app.command("remove")
def check_remove(check: CheckName, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Check something no more; its history stays."""
    from netmon_cli.checks import remove

    finish(remove(client_at(url, token_file), check, as_json))
