"""`netmon map`, `links`, `path`, `where`, `proposals` and `identity`: how all hangs together, and who is who."""

from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish, moment

proposals_app = typer.Typer(help="What you are asked about devices.", rich_markup_mode=None)
identity_app = typer.Typer(help="Which handles are one device.", rich_markup_mode=None)

site_app = typer.Typer(help="Places with addresses of their own.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number.")]
Vlan = Annotated[int | None, typer.Option(min=1, max=4094, help="Only links that carry it.")]
SiteName = Annotated[str, typer.Argument(metavar="SITE", help="Its name.")]
Handle = Annotated[str, typer.Argument(metavar="DEVICE", help="A name in `netmon devices` or `netmon device list`.")]


def add_commands(app: typer.Typer) -> None:
    """Adds the commands that have no group of their own."""
    app.command("map")(show_map)
    app.command("links")(show_links)
    app.command("path")(show_path)
    app.command("downstream")(show_downstream)
    app.command("where")(show_where)
    app.add_typer(proposals_app, name="proposals")
    app.add_typer(identity_app, name="identity")
    app.add_typer(site_app, name="site")


def show_map(
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Only what is near it.")] = None,
    at: Annotated[str | None, typer.Option(help="As it was then: RFC 3339, or Unix seconds.")] = None,
    vlan: Vlan = None,
    site: Annotated[str | None, typer.Option(help="Only what is there, with the links that leave it.")] = None,
    dot: Annotated[bool, typer.Option("--dot", help="For Graphviz.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """How devices hang together, as a tree.

    A star marks what parts the network when it fails.
    """
    from netmon_cli import topology

    part = topology.Part(device, moment(at, "--at"), vlan, site)
    finish(topology.show_map(client_at(url, token_file), part, dot, as_json, paper()))


def show_links(
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Only its links.")] = None,
    changes: Annotated[str | None, typer.Option(help="What has come and gone in so long, such as 1d.")] = None,
    vlan: Vlan = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Links with their evidence."""
    from netmon_cli import topology

    client = client_at(url, token_file)
    since = None if changes is None else client.now_s() - duration(changes, "--changes")
    finish(topology.show_links(client, device, since, vlan, as_json, paper()))


def show_path(
    start: Annotated[str, typer.Argument(metavar="DEVICE", help="A device.")],
    goal: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    vlan: Annotated[int | None, typer.Option(min=1, max=4094, help="Without leaving it.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """A way between two devices, and what no way avoids."""
    from netmon_cli import topology

    finish(topology.show_path(client_at(url, token_file), start, goal, vlan, as_json))


def show_downstream(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The device that may fail.")],
    seen_from: Annotated[str, typer.Option("--from", help="As seen from this one, such as a poller.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What cannot be reached when a device fails."""
    from netmon_cli import topology

    finish(topology.show_downstream(client_at(url, token_file), device, seen_from, as_json))


def show_where(
    what: Annotated[str, typer.Argument(metavar="MAC|IP|NAME", help="A MAC address, an IP address, or a name.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """On which port a host is, and where it was before."""
    from netmon_cli import topology

    finish(topology.show_where(client_at(url, token_file), what, as_json, paper()))


@proposals_app.callback(invoke_without_command=True)
def proposals(context: typer.Context, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """What you are asked about devices."""
    from netmon_cli import identity

    if context.invoked_subcommand is None:
        finish(identity.show_proposals(client_at(url, token_file), as_json))


@proposals_app.command("accept")
def proposals_accept(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Say yes."""
    from netmon_cli import identity

    finish(identity.decide(client_at(url, token_file), number, "accept", as_json))


@proposals_app.command("reject")
def proposals_reject(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Say no."""
    from netmon_cli import identity

    finish(identity.decide(client_at(url, token_file), number, "reject", as_json))


@identity_app.command("list")
def identity_list(
    handle: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Only the device of this handle.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Devices with all ways to them."""
    from netmon_cli import identity

    finish(identity.show(client_at(url, token_file), handle, as_json, paper()))


@identity_app.command("log")
def identity_log(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """What was merged, split and replaced, by whom and why."""
    from netmon_cli import identity

    finish(identity.show_log(client_at(url, token_file), as_json, paper()))


@identity_app.command("merge")
def identity_merge(
    handle: Handle,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The device that it is; its name stays.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say that two devices are one."""
    from netmon_cli import identity

    finish(identity.change(client_at(url, token_file), "merge", {"handle": handle, "into": into}, as_json))


@identity_app.command("split")
def identity_split(handle: Handle, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Say that a handle is a device of its own."""
    from netmon_cli import identity

    finish(identity.change(client_at(url, token_file), "split", {"handle": handle}, as_json))


@identity_app.command("undo")
def identity_undo(number: Number, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Take a merge back, by its number in `netmon identity log`."""
    from netmon_cli import identity

    finish(identity.change(client_at(url, token_file), f"log/{number}/undo", None, as_json))


@site_app.command("list")
def site_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """All sites, and how many devices are polled there."""
    from netmon_cli import sites

    finish(sites.show(client_at(url, token_file), as_json, paper()))


@site_app.command("set")
def site_set(
    name: SiteName,
    network: Annotated[
        list[str] | None, typer.Option(help="A network of it, such as 10.1.0.0/16; again for more.")
    ] = None,
    agent: Annotated[list[str] | None, typer.Option(help="An agent that is there; again for more.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say where a site is.

    It is what is in its networks, as seen by its agents.
    """
    from netmon_cli import sites

    finish(sites.put(client_at(url, token_file), name, network or [], agent or [], as_json))


@site_app.command("remove")
def site_remove(name: SiteName, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Forget a site."""
    from netmon_cli import sites

    finish(sites.remove(client_at(url, token_file), name, as_json))
