"""`netmon incidents` and `incident`: what goes on, and who cares for it."""

from pathlib import Path
from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import By, Json, TokenFile, Url, client_at, duration, finish

incident_app = typer.Typer(help="What goes on, and who cares for it.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `netmon incidents` tells.")]
Comment = Annotated[str, typer.Option("--comment", help="Why.")]
For = Annotated[str, typer.Option("--for", help="For how long, such as 2h.")]


def show_incidents(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """The incidents that are open: alerts that belong together.

    Exit code 1 where nobody cares for one.
    """
    from netmon_cli.incidents import show_all

    finish(show_all(client_at(url, token_file), all_, as_json, paper()))


def rehearse_outages(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Scenarios.")], as_json: Json = False
) -> None:
    """Play whole outages, to see who is told of what.

    No collector is needed. Exit code 1 where something was otherwise than a scenario says.
    """
    from netmon_cli.rehearse import rehearse

    finish(rehearse(files, as_json))


def show_why(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Why an incident happened, and what it hits.

    The probable causes come with their evidence.
    """
    from netmon_cli import why

    finish(why.show_why(client_at(url, token_file), number, as_json, paper()))


@incident_app.command("show")
def incident_show(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """All about one incident.

    Its groups, why they are one, and what happened when.
    """
    from netmon_cli.incidents import show

    finish(show(client_at(url, token_file), number, as_json, paper()))


@incident_app.command("ack")
def incident_ack(
    number: Number,
    for_: For = "4h",
    by: By = None,
    comment: Comment = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Take an incident on.

    Nothing of it is repeated meanwhile, only news are told.
    """
    from netmon_cli.incidents import hold

    for_s = duration(for_, "--for")
    finish(hold(client_at(url, token_file), number, "ack", for_s, by, comment, as_json, paper()))


@incident_app.command("release")
def incident_release(
    number: Number,
    by: By = None,
    comment: Comment = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Nobody cares for it any more: it is repeated and escalated again."""
    from netmon_cli.incidents import release

    finish(release(client_at(url, token_file), number, by, comment, as_json, paper()))


@incident_app.command("snooze")
def incident_snooze(
    number: Number,
    for_: For = "1h",
    by: By = None,
    comment: Comment = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Put an incident off: nothing of it is told meanwhile but its end."""
    from netmon_cli.incidents import hold

    for_s = duration(for_, "--for")
    finish(hold(client_at(url, token_file), number, "snooze", for_s, by, comment, as_json, paper()))


@incident_app.command("comment")
def incident_comment(
    number: Number,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you have to say.")],
    by: By = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Write something into an incident's timeline."""
    from netmon_cli.incidents import comment_on

    finish(comment_on(client_at(url, token_file), number, text, by, as_json, paper()))
