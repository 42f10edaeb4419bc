"""`netmon profile` and `netmon mib`: what netmon knows of kinds of devices, and how to teach it another."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, finish
from netmon_cli.tree_devices import (
    Auth,
    AuthPasswordFile,
    Community,
    CommunityFile,
    Priv,
    PrivPasswordFile,
    SnmpUser,
    SnmpVersion,
)

if TYPE_CHECKING:
    from netmon_cli.credentials import Given

profile_app = typer.Typer(help="Look at what SNMP devices are taken for.", no_args_is_help=True, rich_markup_mode=None)

Mibs = Annotated[list[Path] | None, typer.Option("--mibs", help="A MIB file, or a folder with some; again for more.")]


@profile_app.command("test")
def profile_test(
    device: Annotated[str, typer.Argument(metavar="HOST|FILE", help="A device to ask, or a capture (.snmprec).")],
    profiles: Annotated[Path | None, typer.Option(help="A folder with profiles of your own.")] = None,
    snmp_version: SnmpVersion = None,
    community: Community = None,
    community_file: CommunityFile = None,
    user: SnmpUser = None,
    auth: Auth = None,
    auth_password_file: AuthPasswordFile = None,
    priv: Priv = None,
    priv_password_file: PrivPasswordFile = None,
    as_json: Json = False,
) -> None:
    """Which profile a device gets, and what it finds.

    It is asked from this machine, without the collector.
    """
    from netmon_cli.credentials import Given
    from netmon_cli.profile import is_capture, test

    given = Given(snmp_version, community, community_file, user, auth, auth_password_file, priv, priv_password_file)
    snmp = None if is_capture(device) else _asked_for(given)
    finish(test(device, profiles, snmp, as_json, paper()))


@profile_app.command("new")
def profile_new(
    device: Annotated[str, typer.Argument(metavar="HOST|FILE", help="A device to walk, or a capture (.snmprec).")],
    mibs: Mibs = None,
    save: Annotated[Path | None, typer.Option(help="Keep what the device answered as a capture.")] = None,
    snmp_version: SnmpVersion = None,
    community: Community = None,
    community_file: CommunityFile = None,
    user: SnmpUser = None,
    auth: Auth = None,
    auth_password_file: AuthPasswordFile = None,
    priv: Priv = None,
    priv_password_file: PrivPasswordFile = None,
    as_json: Json = False,
) -> None:
    """Propose a profile for a device that netmon does not know.

    It is made of what the device answers, which is asked from this machine, without the collector. The profile is
    printed; it is right as it is, and a beginning.
    """
    from netmon_cli.credentials import Given
    from netmon_cli.profile_new import propose

    given = Given(snmp_version, community, community_file, user, auth, auth_password_file, priv, priv_password_file)
    finish(propose(device, mibs or [], save, None if Path(device).is_file() else _asked_for(given), as_json))


def _asked_for(given: "Given") -> dict[str, str] | None:
    """The credential that was given, whole; None where none was. Raises Failure."""
    from netmon_cli.credentials import ask_for_missing, find_credential

    found = find_credential(given, os.environ)
    return None if found is None else ask_for_missing(found, sys.stdin.isatty())


def mib(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A capture of a device (.snmprec).")],
    mibs: Mibs = None,
    as_json: Json = False,
) -> None:
    """Name what a device answered, by its vendor's MIBs."""
    from netmon_cli.profile_new import name_walk

    finish(name_walk(file, mibs or [], as_json))
