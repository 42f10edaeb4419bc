"""`netmon oncall`: who is on call, and who stands in."""

from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import By, Json, TokenFile, Url, client_at, finish, optional_duration

oncall_app = typer.Typer(help="Who is on call, and who stands in.", rich_markup_mode=None)


@oncall_app.callback(invoke_without_command=True)
def oncall(context: typer.Context, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Who is on call now, and who is next."""
    from netmon_cli.oncall import show

    if context.invoked_subcommand is None:
        finish(show(client_at(url, token_file), as_json, paper()))


@oncall_app.command("override")
def oncall_override(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="As `netmon oncall` tells.")],
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="Who stands in.")],
    for_: Annotated[str | None, typer.Option("--for", help="For how long, such as 8h.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Until when, instead of --for.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="From when, by the clocks of the schedule's zone: 2026-12-24T09:00; else now."),
    ] = None,
    by: By = None,
    comment: Annotated[str, typer.Option("--comment", help="Why.")] = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Have somebody stand in, whoever's turn it is.

    Prints the override's id.
    """
    from netmon_cli.oncall import StandIn, add

    if (for_ is None) == (until is None):
        raise typer.BadParameter("say either --for or --until", param_hint="--for")
    wanted = StandIn(schedule, receiver, start, until, optional_duration(for_, "--for"), by, comment)
    finish(add(client_at(url, token_file), wanted, as_json))


@oncall_app.command("overrides")
def oncall_overrides(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Who stands in, from when until when.

    What the alerting file says is not among it.
    """
    from netmon_cli.oncall import list_overrides

    finish(list_overrides(client_at(url, token_file), all_, as_json, paper()))


@oncall_app.command("end")
def oncall_end(
    override: Annotated[str, typer.Argument(metavar="ID", help="As `netmon oncall overrides` tells.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Have somebody stand in no more."""
    from netmon_cli.oncall import end

    finish(end(client_at(url, token_file), override, as_json))
