"""`netmon alerts`, `netmon silence` and `netmon maintenance`: what fires, and who is not told of it."""

from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish

silence_app = typer.Typer(
    help="Have nobody told of some alerts for a while.", no_args_is_help=True, rich_markup_mode=None
)
maintenance_app = typer.Typer(
    help="Windows of maintenance, once or recurring.", no_args_is_help=True, rich_markup_mode=None
)

Matchers = Annotated[list[str], typer.Argument(metavar="MATCHER", help="Such as instance=web1 or 'site=~\"a|b\"'.")]
Author = Annotated[str | None, typer.Option("--by", "--author", help="Who says so; else the user's name.")]
Comment = Annotated[str, typer.Option("--comment", help="Why.")]

_LONGEST_S = 100 * 366 * 86_400.0


def show_alerts(
    matcher: Annotated[list[str] | None, typer.Argument(metavar="MATCHER", help="Only alerts that fit.")] = None,
    muted: Annotated[bool, typer.Option("--muted", help="Also those that nobody is told of.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """The alerts that fire, and why nobody is told of some.

    Exit code 1 where one fires that people are told of.
    """
    from netmon_cli.alerts import show

    finish(show(client_at(url, token_file), matcher or [], muted, as_json, paper()))


@silence_app.command("add")
def silence_add(
    matchers: Matchers,
    for_: Annotated[str, typer.Option("--for", help="For how long, such as 2h.")] = "1h",
    author: Author = None,
    comment: Comment = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Silence alerts from now on; prints the silence's id."""
    from netmon_cli.alerts import add_silence

    for_s = duration(for_, "--for", 1.0, _LONGEST_S)
    finish(add_silence(client_at(url, token_file), matchers, for_s, author, comment, as_json))


@silence_app.command("list")
def silence_list(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """The silences that there are."""
    from netmon_cli.alerts import list_silences

    finish(list_silences(client_at(url, token_file), all_, as_json, paper()))


@silence_app.command("end")
def silence_end(
    silence: Annotated[str, typer.Argument(metavar="ID")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """End a silence now."""
    from netmon_cli.alerts import end_silence

    finish(end_silence(client_at(url, token_file), silence, as_json))


@maintenance_app.command("add")
def maintenance_add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    matchers: Matchers,
    start: Annotated[
        str, typer.Option("--start", help="When it first begins by the clocks of its zone: 2026-12-05T22:00, or now.")
    ] = "now",
    for_: Annotated[str, typer.Option("--for", help="How long it lasts, such as 2h.")] = "1h",
    zone: Annotated[str, typer.Option("--zone", help="A time zone, such as Europe/Berlin.")] = "UTC",
    repeats: Annotated[
        str, typer.Option("--repeats", help="Recurrence as in calendars (RFC 5545): FREQ=WEEKLY;BYDAY=SA.")
    ] = "",
    author: Author = None,
    comment: Comment = "",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Plan a window of maintenance; prints its id."""
    from netmon_cli.alerts import Plan, add_window

    plan = Plan(name, matchers, start, duration(for_, "--for"), zone, repeats, author, comment)
    finish(add_window(client_at(url, token_file), plan, as_json))


@maintenance_app.command("list")
def maintenance_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The windows that there are, those that go on first."""
    from netmon_cli.alerts import list_windows

    finish(list_windows(client_at(url, token_file), as_json, paper()))


@maintenance_app.command("end")
def maintenance_end(
    window: Annotated[str, typer.Argument(metavar="ID")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """End a window now, and for good."""
    from netmon_cli.alerts import end_window

    finish(end_window(client_at(url, token_file), window, as_json))
