"""`netmon device` and `netmon credential`: devices that are polled by SNMP."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish

if TYPE_CHECKING:
    from netmon_cli.credentials import Given

device_app = typer.Typer(help="Poll devices by SNMP.", no_args_is_help=True, rich_markup_mode=None)
credential_app = typer.Typer(help="Keep credentials for devices.", no_args_is_help=True, rich_markup_mode=None)

PolledDevice = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name in `netmon device list`.")]
Credentials = Annotated[
    list[str] | None,
    typer.Option("--credential", help="One of `netmon credential set`; again for more, tried in order; else public."),
]
Profile = Annotated[str | None, typer.Option(help="The profile that it is to have; else the one that fits best.")]
Speeds = Annotated[
    list[str] | None, typer.Option("--speed", metavar="PORT=SPEED", help="A port's speed in bit/s, as Gi0/1=100M.")
]
Site = Annotated[str | None, typer.Option(help="Where it is; else the site of its address, see `netmon site`.")]
SnmpVersion = Annotated[str | None, typer.Option("--snmp-version", help="1, 2c or 3; else 2c, with a user 3.")]
Community = Annotated[str | None, typer.Option(help="A community; other users of this machine can see it here.")]
CommunityFile = Annotated[Path | None, typer.Option(help="A file with it; else NETMON_SNMP_COMMUNITY.")]
SnmpUser = Annotated[str | None, typer.Option("--user", help="The user of version 3.")]
Auth = Annotated[str | None, typer.Option(help="md5, sha1, sha224, sha256, sha384 or sha512.")]
AuthPasswordFile = Annotated[Path | None, typer.Option(help="A file with it; else NETMON_SNMP_AUTH_PASSWORD.")]
Priv = Annotated[str | None, typer.Option(help="des, aes128, aes192 or aes256.")]
PrivPasswordFile = Annotated[Path | None, typer.Option(help="A file with it; else NETMON_SNMP_PRIV_PASSWORD.")]


@device_app.command("add")
def device_add(
    host: Annotated[
        list[str] | None,
        typer.Argument(metavar="HOST", help="Names or addresses, as 10.0.0.1, sw1:1161 or [2001:db8::1]:161."),
    ] = None,
    hosts_from: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A file with a host in each line; - reads them here.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; else as HOST says.")] = None,
    credential: Credentials = None,
    snmp_version: SnmpVersion = None,
    community: Community = None,
    community_file: CommunityFile = None,
    user: SnmpUser = None,
    auth: Auth = None,
    auth_password_file: AuthPasswordFile = None,
    priv: Priv = None,
    priv_password_file: PrivPasswordFile = None,
    interval: Annotated[str, typer.Option(help="Time between two polls, from 5s to 1d.")] = "1m",
    poller: Annotated[str | None, typer.Option(help="The agent that polls it; else that of the collector.")] = None,
    profile: Profile = None,
    speed: Speeds = None,
    site: Site = None,
    wait: Annotated[str, typer.Option(help="How long to wait until it is identified.")] = "40s",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Poll a device from now on, or many, and say what they are.

    Exit code 1 where one does not answer; it is polled all the same.
    """
    from netmon_cli.credentials import Given
    from netmon_cli.many_devices import add_all, hosts_in
    from netmon_cli.snmp import Wish, add

    hosts = [*(host or ()), *(hosts_in(hosts_from) if hosts_from else ())]
    if not hosts:
        raise typer.BadParameter("say at least one, or --from FILE", param_hint="HOST")
    if name is not None and len(hosts) > 1:
        raise typer.BadParameter("is for one device", param_hint="--name")

    given = Given(snmp_version, community, community_file, user, auth, auth_password_file, priv, priv_password_file)
    snmp = _who_asks(credential, given)
    every_s = duration(interval, "--interval")
    wish = Wish(hosts[0], name, tuple(credential or ()), snmp, every_s, poller, profile, tuple(speed or ()), site)
    client, wait_s = client_at(url, token_file), duration(wait, "--wait")
    if len(hosts) == 1 and hosts_from is None:
        finish(add(client, wish, wait_s, as_json))
    finish(add_all(client, [wish._replace(host=one) for one in hosts], wait_s, as_json))


def _who_asks(credentials: list[str] | None, given: "Given") -> dict[str, str] | None:
    """A credential that comes with a device; None where it has one of those that are kept, or the usual one."""
    from netmon_cli.credentials import Given, ask_for_missing, find_credential

    if credentials:
        if given != Given():
            told = "is one way to say who asks, the options of SNMP another"
            raise typer.BadParameter(told, param_hint="--credential")
        return None
    snmp = find_credential(given, os.environ)
    return None if snmp is None else ask_for_missing(snmp, sys.stdin.isatty())


@device_app.command("set")
def device_set(
    device: PolledDevice,
    address: Annotated[str | None, typer.Option(help="Where it is now, as 10.0.0.1 or sw1:1161.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; its handle stays.")] = None,
    credential: Credentials = None,
    interval: Annotated[str | None, typer.Option(help="Time between two polls, from 5s to 1d.")] = None,
    poller: Annotated[str | None, typer.Option(help="The agent that polls it, for good.")] = None,
    profile: Profile = None,
    speed: Speeds = None,
    site: Site = None,
    wait: Annotated[str, typer.Option(help="How long to wait until it is polled so.")] = "40s",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Change how a device is polled, and poll it.

    What is not said stays; an empty --profile, --speed, --site or --poller takes back what was said.
    Exit code 1 where it does not answer.
    """
    from netmon_cli.snmp import Wish, change

    every_s = None if interval is None else duration(interval, "--interval")
    wish = Wish(address, name, tuple(credential or ()), None, every_s, poller, profile, tuple(speed or ()), site)
    finish(change(client_at(url, token_file), device, wish, duration(wait, "--wait"), as_json))


@device_app.command("list")
def device_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The devices that are polled."""
    from netmon_cli.snmp import show_all

    finish(show_all(client_at(url, token_file), as_json, paper()))


@device_app.command("show")
def device_show(device: PolledDevice, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """All about one device."""
    from netmon_cli.snmp import show

    finish(show(client_at(url, token_file), device, as_json, paper()))


@device_app.command("poll")
def device_poll(
    device: PolledDevice,
    wait: Annotated[str, typer.Option(help="How long to wait for the answer.")] = "40s",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Poll a device at once.

    Exit code 1 where it does not answer.
    """
    from netmon_cli.snmp import poll

    finish(poll(client_at(url, token_file), device, duration(wait, "--wait"), as_json))


@device_app.command("remove")
def device_remove(device: PolledDevice, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Poll a device no more; its history stays."""
    from netmon_cli.snmp import remove

    finish(remove(client_at(url, token_file), device, as_json))


@credential_app.command("set")
def credential_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, for `netmon device add --credential`.")],
    snmp_version: SnmpVersion = None,
    community: Community = None,
    community_file: CommunityFile = None,
    user: SnmpUser = None,
    auth: Auth = None,
    auth_password_file: AuthPasswordFile = None,
    priv: Priv = None,
    priv_password_file: PrivPasswordFile = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Keep a credential, sealed.

    A secret that is not said is asked for on a terminal.
    """
    from netmon_cli.credentials import Given, ask_for_missing, find_credential, keep

    given = Given(snmp_version, community, community_file, user, auth, auth_password_file, priv, priv_password_file)
    snmp = ask_for_missing(find_credential(given, os.environ) or {}, sys.stdin.isatty())
    finish(keep(client_at(url, token_file), name, snmp, as_json))


@credential_app.command("list")
def credential_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The names of the credentials."""
    from netmon_cli.credentials import show_all

    finish(show_all(client_at(url, token_file), as_json, paper()))


@credential_app.command("remove")
def credential_remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Forget a credential that no device needs."""
    from netmon_cli.credentials import remove

    finish(remove(client_at(url, token_file), name, as_json))


def show_pollers(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """How busy agents are that poll, now and within the hour.

    Exit code 1 where one is late.
    """
    from netmon_cli.pollers import show

    finish(show(client_at(url, token_file), as_json, paper()))
