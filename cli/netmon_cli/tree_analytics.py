"""`netmon anomalies`, `forecast`, `capacity`, `compare` and `similar`: what is odd and what comes."""

from typing import Annotated, Final

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import By, Json, TokenFile, Url, client_at, duration, finish
from netmon_cli.tree_models import model_app

DAY_S: Final = 86_400.0
anomalies_app = typer.Typer(help="What was odd within the last hour, and what of it was fine.", rich_markup_mode=None)


def add_commands(app: typer.Typer) -> None:
    """Adds the commands that have no group of their own."""
    app.add_typer(anomalies_app, name="anomalies")
    app.command("forecast")(show_forecast)
    app.command("capacity")(show_capacity)
    app.command("compare")(compare)
    app.command("similar")(find_similar)
    app.add_typer(model_app, name="model")


@anomalies_app.callback(invoke_without_command=True)
def show_anomalies(
    context: typer.Context,
    device: Annotated[list[str] | None, typer.Option(help="Of this device; may be given again.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What was odd within the last hour, and what was expected instead."""
    from netmon_cli import analytics

    if context.invoked_subcommand is not None:
        return
    finish(analytics.show_anomalies(client_at(url, token_file), device or (), as_json, paper()))


@anomalies_app.command("fine")
def say_fine(
    selector: Annotated[
        str, typer.Argument(metavar="SELECTOR", help="Which series, such as 'node_load1{instance=\"web1\"}'.")
    ],
    by: By = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say that what series did within the last hour was fine.

    The like of it does not alarm for 60 days.
    """
    from netmon_cli import feedback

    finish(feedback.say_fine(client_at(url, token_file), selector, by, as_json, paper()))


@anomalies_app.command("said")
def show_fine(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """What was said to be fine, the newest first."""
    from netmon_cli import feedback

    finish(feedback.show_fine(client_at(url, token_file), as_json, paper()))


@anomalies_app.command("undo")
def take_fine_back(
    fine_id: Annotated[str, typer.Argument(metavar="ID", help="As `netmon anomalies said` shows it.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Take back that something was fine.

    What was said of the same series since is taken back, too.
    """
    from netmon_cli import feedback

    finish(feedback.take_back(client_at(url, token_file), fine_id, as_json))


def show_forecast(
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help="PromQL, such as 'node_load1' or 'sum(node_load1)'.")
    ],
    horizon: Annotated[str, typer.Option(help="How far ahead.")] = "7d",
    history: Annotated[str, typer.Option(help="How far back is looked.")] = "42d",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What an expression will come to, with its 80 % interval."""
    from netmon_cli import analytics

    ahead_s = duration(horizon, "--horizon", 60, 5 * 365 * DAY_S)
    back_s = duration(history, "--history", DAY_S / 24, 366 * DAY_S)
    finish(analytics.show_forecast(client_at(url, token_file), expression, back_s, ahead_s, as_json, paper()))


def compare(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="PromQL, such as 'rate(ifHCInOctets[5m])'.")],
    against: Annotated[str, typer.Option("--with", help="How long ago the other time was.")] = "1w",
    over: Annotated[str, typer.Option(help="The mean over so long, until now.")] = "1h",
    times: Annotated[int, typer.Option(min=1, max=12, help="How many such times are looked at.")] = 4,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """An expression now and at the same time of earlier weeks.

    What is farthest from all of these comes first.
    """
    from netmon_cli import trends

    against_s, over_s = duration(against, "--with", 60, 366 * DAY_S), duration(over, "--over", 60, 31 * DAY_S)
    finish(trends.compare(client_at(url, token_file), expression, over_s, against_s, times, as_json, paper()))


def find_similar(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="PromQL that comes to one series.")],
    among: Annotated[str | None, typer.Option(help="PromQL: which others; all series if not told.")] = None,
    over: Annotated[str, typer.Option(help="How far back is compared.")] = "6h",
    most: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many are shown.")] = 20,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Series of a like shape.

    Also those that are so upside down, earlier or later; counters by how they rise.
    """
    from netmon_cli import trends

    over_s = duration(over, "--over", 600, 31 * DAY_S)
    finish(trends.find_similar(client_at(url, token_file), expression, among, over_s, most, as_json, paper()))


def show_capacity(
    device: Annotated[list[str] | None, typer.Option(help="Of this device; may be given again.")] = None,
    what: Annotated[
        list[str] | None, typer.Option(help="Such as space, memory or 'link in'; may be given again.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What runs out, soonest first.

    Disks, memory, processors, links, certificates, and what you configured.
    """
    from netmon_cli import capacity

    finish(capacity.show_capacity(client_at(url, token_file), device or (), what or (), as_json, paper()))
