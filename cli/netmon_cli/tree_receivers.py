"""`netmon receivers`: who can be told of alerts."""

from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, finish

receivers_app = typer.Typer(
    help="Who can be told of alerts: see, preview, test.", no_args_is_help=True, rich_markup_mode=None
)

Receiver = Annotated[str, typer.Argument(metavar="RECEIVER", help="Its name in the alerting file.")]


@receivers_app.command("list")
def receivers_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The receivers, and their channels."""
    from netmon_cli.receivers import list_all

    finish(list_all(client_at(url, token_file), as_json, paper()))


@receivers_app.command("preview")
def receivers_preview(
    receiver: Receiver,
    label: Annotated[list[str] | None, typer.Option("--label", help="NAME=VALUE that the example has.")] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="What is told at the end.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What a receiver would be told of an example; nothing is sent."""
    from netmon_cli.receivers import preview

    labels = {}
    for text in label or []:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise typer.BadParameter(f"must be NAME=VALUE (got {text})", param_hint="--label")
        labels[name] = value
    finish(preview(client_at(url, token_file), receiver, labels, resolved, as_json))


@receivers_app.command("test")
def receivers_test(receiver: Receiver, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Tell a receiver of a test, the whole way that real alerts go.

    Waits for what comes of it; exit code 1 where it has not arrived.
    """
    from netmon_cli.receivers import test

    finish(test(client_at(url, token_file), receiver, as_json, paper()))
