"""`netmon discover` and `netmon sweep`: what is there, and what is to be polled of it."""

from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish

sweep_app = typer.Typer(help="Sweeps of networks, and what they found.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number.")]
Networks = Annotated[
    list[str] | None, typer.Argument(metavar="NETWORK", help="Such as 10.0.0.0/24; without one nothing is sent.")
]
Names = Annotated[list[str] | None, typer.Option(help="Of `netmon credential set`, in order; else public.")]
Numbers = Annotated[list[int], typer.Argument(metavar="NUMBER", min=1, help="The numbers before what was found.")]


def add_commands(app: typer.Typer) -> None:
    """Adds the commands to the tree."""
    app.command("discover")(discover)
    app.add_typer(sweep_app, name="sweep")


def discover(
    networks: Networks = None,
    poller: Annotated[str | None, typer.Option(help="The agent that looks; else that of the collector.")] = None,
    follow: Annotated[list[str] | None, typer.Option(help="Networks where neighbours are looked at too.")] = None,
    port: Annotated[list[int] | None, typer.Option(help="TCP ports to connect to; else 22, 80 and 443.")] = None,
    credential: Names = None,
    no_snmp: Annotated[bool, typer.Option("--no-snmp", help="Ask nobody by SNMP.")] = False,
    rate: Annotated[int, typer.Option(help="Packets and connections a second, at most.")] = 100,
    every: Annotated[str | None, typer.Option(help="Do it again and again, such as each 1d.")] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Poll without asking: new, or such as vendor=cisco,name=sw-*; again for more."),
    ] = None,
    interval: Annotated[str, typer.Option(help="Time between two polls of what is accepted.")] = "1m",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Look for what is in networks.

    Without one, show what this host knows already; then nothing is sent.
    """
    if not networks:
        from netmon_cli.surroundings import show

        finish(show(as_json, paper()))
        return
    from netmon_cli.discover import accepting, sweep

    body = {
        "networks": networks,
        "follow": follow or [],
        "ports": [22, 80, 443] if port is None else port,
        "credentials": [] if no_snmp else credential or ["public"],
        "packets_per_s": rate,
        "every_s": None if every is None else duration(every, "--every"),
        **accepting(accept or ()),
        "interval_s": duration(interval, "--interval"),
        "poller": poller,
    }
    finish(sweep(client_at(url, token_file), body, as_json, paper()))


@sweep_app.command("list")
def sweep_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """All sweeps, the newest first."""
    from netmon_cli.discover import show_all

    finish(show_all(client_at(url, token_file), as_json, paper()))


@sweep_app.command("show")
def sweep_show(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """What a sweep found."""
    from netmon_cli.discover import show

    finish(show(client_at(url, token_file), number, as_json, paper()))


@sweep_app.command("stop")
def sweep_stop(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """End a sweep and its schedule."""
    from netmon_cli.discover import stop

    finish(stop(client_at(url, token_file), number, as_json))


@sweep_app.command("accept")
def sweep_accept(numbers: Numbers, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Have what was found polled."""
    _answer(numbers, "accept", url, token_file, as_json)


@sweep_app.command("reject")
def sweep_reject(numbers: Numbers, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Be asked about it no more."""
    _answer(numbers, "reject", url, token_file, as_json)


def _answer(numbers: list[int], word: str, url: Url, token_file: TokenFile, as_json: Json) -> None:
    from netmon_cli.discover import answer

    finish(answer(client_at(url, token_file), numbers, word, as_json))
