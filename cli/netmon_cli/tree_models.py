"""`netmon model`: what is learned from history, how good it is, and which version of it counts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import By, Json, TokenFile, Url, client_at, duration, finish, optional_duration

model_app = typer.Typer(help="What is learned from history, and how good that is.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The model's name; `anomalies` judges every series.")]
Why = Annotated[str, typer.Option("--comment", "--why", help="Why.")]


@model_app.command("status")
def show_model(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A model; without, what judges series.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """How good a model is, and when it is trained next.

    Also what it was trained on. Without a name, how the judging of all series goes.
    """
    from netmon_cli import analytics, models

    client = client_at(url, token_file)
    finish(analytics.show_model(client, as_json) if name is None else models.show_model(client, name, as_json))


@model_app.command("list")
def list_models(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The models that there are."""
    from netmon_cli import models

    finish(models.list_models(client_at(url, token_file), as_json, paper()))


@model_app.command("add")
def add_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, '_' and '-'.")],
    kind: Annotated[str, typer.Option(help="detector or forecaster.")],
    expression: Annotated[str, typer.Option(help="PromQL; without, what is sent to the model.")] = "",
    step: Annotated[str | None, typer.Option(help="Between two values; 1m, or 1h of a forecaster.")] = None,
    history: Annotated[str | None, typer.Option(help="From how much it learns; 14d, or 42d of a forecaster.")] = None,
    horizon: Annotated[str | None, typer.Option(help="How far a forecaster looks ahead; 7d.")] = None,
    every: Annotated[str, typer.Option(help="How often it is trained; 0s is by hand alone.")] = "7d",
    server: Annotated[str, typer.Option(help="The URL of a server that has the model.")] = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Have a model, or change one.

    This takes a token for administrators.
    """
    from netmon_cli import models

    body: dict[str, Any] = {"kind": kind, "expression": expression, "every": duration(every, "--every"), "url": server}
    spans = {"step": step, "history": history, "horizon": horizon}
    given = {name: optional_duration(text, f"--{name}") for name, text in spans.items()}
    body |= {name: value for name, value in given.items() if value is not None}
    finish(models.add_model(client_at(url, token_file), name, body, as_json))


@model_app.command("remove")
def remove_model(name: Name, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Have a model no more, nor its versions.

    This takes a token for administrators.
    """
    from netmon_cli import models

    finish(models.remove_model(client_at(url, token_file), name, as_json))


@model_app.command("train")
def train(
    name: Name,
    by: By = None,
    why: Why = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Have a model trained now, in a process of its own."""
    from netmon_cli import models

    finish(models.train(client_at(url, token_file), name, by, why, as_json))


@model_app.command("versions")
def list_versions(name: Name, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The versions of a model, the newest first.

    The one that counts has an asterisk.
    """
    from netmon_cli import models

    finish(models.list_versions(client_at(url, token_file), name, as_json, paper()))


@model_app.command("rollback")
def roll_back(
    name: Name,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="As `netmon model versions` shows it.")],
    by: By = None,
    why: Why = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Have another version of a model count."""
    from netmon_cli import models

    finish(models.roll_back(client_at(url, token_file), name, version, by, why, as_json))


@model_app.command("send")
def send_series(
    name: Name,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV: a line of titles, then seconds since 1970 and values.")
    ],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Send series to a model."""
    from netmon_cli import models

    finish(models.send_series(client_at(url, token_file), name, file, as_json))


@model_app.command("predict")
def predict(
    name: Name,
    horizon: Annotated[str, typer.Option(help="How far ahead.")] = "1d",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What comes next, with its 80 % interval."""
    from netmon_cli import models

    finish(models.predict(client_at(url, token_file), name, duration(horizon, "--horizon"), as_json, paper()))
