"""The netmon command: the whole tree on this page.

Parts are imported inside the commands, so that each starts fast and needs no more than what it uses is installed.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netmon_cli.choices import Form, Kind, Order
from netmon_cli.failure import EXIT_CODES, Exit, Failure
from netmon_cli.output import escape, paper, write_json, write_lines
from netmon_configs.mistakes import ConfigError
from netmon_proto import __version__

if TYPE_CHECKING:
    from netmon_cli.client import Client
    from netmon_collector.state.tokens import Purpose

app = typer.Typer(
    name="netmon",
    help="Network monitoring in one program.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Check or print configuration files.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
token_app = typer.Typer(help="Make tokens for a collector here.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(token_app, name="token")
store_app = typer.Typer(help="Work on stores.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(store_app, name="store")
profile_app = typer.Typer(help="Try profiles of SNMP devices.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(profile_app, name="profile")

dashboards_app = typer.Typer(help="Dashboards for Grafana.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dashboards_app, name="dashboards")
device_app = typer.Typer(help="Poll devices by SNMP.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(device_app, name="device")
credential_app = typer.Typer(help="Keep credentials for devices.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(credential_app, name="credential")

Url = Annotated[
    str | None,
    typer.Option("--url", help="The collector; else NETMON_URL, what `netmon login` saved, http://127.0.0.1:7440."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="A file with the token; else NETMON_TOKEN, NETMON_TOKEN_FILE, what was saved."),
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON, for other programs.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="The configuration file.")]
LogLevel = Annotated[str | None, typer.Option(help="How much to log: debug, info, warning or error.")]
State = Annotated[Path | None, typer.Option("--state", help="The folder that the state is kept in.")]

PolledDevice = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name in `netmon device list`.")]
SnmpVersion = Annotated[str | None, typer.Option("--snmp-version", help="1, 2c or 3; else 2c, with a user 3.")]
Community = Annotated[str | None, typer.Option(help="A community; other users of this machine can see it here.")]
CommunityFile = Annotated[Path | None, typer.Option(help="A file with it; else NETMON_SNMP_COMMUNITY.")]
SnmpUser = Annotated[str | None, typer.Option("--user", help="The user of version 3.")]
Auth = Annotated[str | None, typer.Option(help="md5, sha1, sha224, sha256, sha384 or sha512.")]
AuthPasswordFile = Annotated[Path | None, typer.Option(help="A file with it; else NETMON_SNMP_AUTH_PASSWORD.")]
Priv = Annotated[str | None, typer.Option(help="des, aes128, aes192 or aes256.")]
PrivPasswordFile = Annotated[Path | None, typer.Option(help="A file with it; else NETMON_SNMP_PRIV_PASSWORD.")]


@app.command()
def up(
    state: Annotated[
        Path | None, typer.Option(help="The folder that everything is kept in; else ~/.local/state/netmon.")
    ] = None,
    http: Annotated[str | None, typer.Option(help="Where the API listens; else 127.0.0.1:7440.")] = None,
    grpc: Annotated[str | None, typer.Option(help="Where agents connect to; else 127.0.0.1:7441.")] = None,
    agent_config: Annotated[Path | None, typer.Option(help="The agent's configuration file.")] = None,
    collector_config: Annotated[Path | None, typer.Option(help="The collector's configuration file.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show what the daemons log.")] = False,
) -> None:
    """Run a collector and an agent for this machine."""
    from netmon_cli.up import standard_state, up

    level = "info" if verbose else "warning"
    _end(up(state or standard_state(os.environ), http, grpc, agent_config, collector_config, level, os.environ))


@app.command()
def agent(
    config: ConfigFile = None,
    state: State = None,
    collector: Annotated[str | None, typer.Option(help="Where the collector is, as host:port.")] = None,
    log_level: LogLevel = None,
) -> None:
    """Run the agent, which measures this machine."""
    from netmon_cli.handover import become, overrides

    become("agent", config, overrides(state, log_level, collector={"address": collector}))


@app.command()
def collector(
    config: ConfigFile = None,
    state: State = None,
    http: Annotated[str | None, typer.Option(help="Where the API listens.")] = None,
    grpc: Annotated[str | None, typer.Option(help="Where agents connect to.")] = None,
    log_level: LogLevel = None,
) -> None:
    """Run the collector, which stores and answers."""
    from netmon_cli.handover import become, overrides

    become("collector", config, overrides(state, log_level, http={"listen": http}, grpc={"listen": grpc}))


@app.command()
def login(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Save a collector's address and token.

    Both are kept for this user. The token is asked for, or read from standard input.
    """
    from netmon_cli.login import login

    _end(login(url, token_file, as_json, os.environ))


@app.command()
def status(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """What is up, waits and is stored.

    Exit code 1 where a device is down.
    """
    from netmon_cli.status import show

    _end(show(_client(url, token_file), as_json, paper()))


@app.command()
def devices(
    instance: Annotated[str | None, typer.Argument(help="One device, for its details.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """The devices, or all about one."""
    from netmon_cli.devices import show

    _end(show(_client(url, token_file), instance, as_json, paper()))


@app.command()
def query(
    expression: Annotated[str, typer.Argument(help="""PromQL, such as 'rate(node_disk_read_bytes_total[5m])'.""")],
    since: Annotated[str | None, typer.Option(help="Plot the time since then, such as 6h.")] = None,
    start: Annotated[str | None, typer.Option(help="Plot from there: RFC 3339 or Unix seconds.")] = None,
    end: Annotated[str | None, typer.Option(help="Plot until there: RFC 3339 or Unix seconds; else now.")] = None,
    step: Annotated[str | None, typer.Option(help="Time between two values of a plot; else it is chosen.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Rows of time, labels and value, for other programs.")] = False,
) -> None:
    """What an expression comes to, now or over a time."""
    from netmon_cli.query import Window, show, window

    if since and start:
        raise typer.BadParameter("is one way to say where to start, --start another", param_hint="--since")
    if as_json and as_csv:
        raise typer.BadParameter("is one form, --json another", param_hint="--csv")
    since_s, step_s = _optional_duration(since, "--since"), _optional_duration(step, "--step")
    start_s, end_s = _moment(start, "--start"), _moment(end, "--end")
    client = _client(url, token_file)
    over = None
    if since or start or end or step:
        over = Window(*window(client, since_s, start_s, end_s), step_s)
    form = Form.JSON if as_json else Form.CSV if as_csv else Form.TEXT
    _end(show(client, expression, over, form, paper()))


@app.command()
def top(
    sort: Annotated[Order, typer.Option(help="What comes first: the busiest, or by name.")] = Order.CPU,
    every: Annotated[str, typer.Option(help="Time between two frames.")] = "5s",
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """A live view of how busy devices are; q ends it."""
    from netmon_cli import top

    client = _client(url, token_file)
    if once or as_json:
        _end(top.once(client, sort, as_json, paper()))
    if not sys.stdout.isatty():
        raise Failure(Exit.USAGE, "top draws on a terminal, and this is none", "Use --once.")
    _end(top.live(client, sort, max(1.0, _duration(every, "--every")), paper()))


@app.command()
def doctor(
    state: State = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What is wrong here, and what mends it.

    Looks at this machine, and at the collector. Exit code 1 where there is a problem.
    """
    from netmon_cli.doctor.checkup import show

    _end(show(state, url, token_file, os.environ, as_json, paper()))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="TO", help="A folder, or an archive: *.tar, *.tar.gz or *.tgz.")],
    state: Annotated[Path | None, typer.Option(help="The state folder of a collector that does not run.")] = None,
    config: Annotated[Path | None, typer.Option(help="Its configuration file, with --state.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Copy samples and state of a collector.

    Of one that runs, through its API, with a token of `netmon token new --admin`; else from its folder, with --state.
    """
    from netmon_cli.backup import make, make_at_rest

    if state is not None:
        _end(make_at_rest(target, state, config, force, as_json))
    _end(make(target, _client(url, token_file), force, as_json))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `netmon backup` wrote.")],
    target: Annotated[Path | None, typer.Argument(metavar="[TO]", help="The state folder to make.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check all of it and restore nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder; the former one is kept aside.")] = False,
    as_json: Json = False,
) -> None:
    """Make a state folder of a backup, or check one."""
    from netmon_cli.restore import check, restore

    if verify == (target is not None):
        raise typer.BadParameter("say either --verify, or the folder to restore to", param_hint="TO")
    _end(check(source, as_json) if target is None else restore(source, target, force, as_json))


@app.command()
def version(as_json: Json = False) -> None:
    """The version of netmon and of Python."""
    python = sys.version.split()[0]
    if as_json:
        write_json({"netmon": __version__, "python": python, "platform": sys.platform})
    else:
        write_lines([f"netmon {__version__} (Python {python}, {sys.platform})"])


@config_app.command("check")
def config_check(
    file: Annotated[Path, typer.Argument(help="The file.")],
    kind: Annotated[Kind | None, typer.Option(help="Whose file it is; guessed where it is not said.")] = None,
    as_json: Json = False,
) -> None:
    """All that is wrong with a file, with lines.

    Exit code 2 where a daemon would not start with it.
    """
    from netmon_cli.config import check

    _end(check(file, kind, as_json))


@config_app.command("sample")
def config_sample(kind: Annotated[Kind, typer.Argument(help="Whose file.")]) -> None:
    """Print a file with every option explained."""
    from netmon_cli.config import sample

    _end(sample(kind))


@token_app.command("new")
def token_new(
    state: Annotated[Path | None, typer.Option(help="The collector's state folder; else that of `netmon up`.")] = None,
    join: Annotated[bool, typer.Option("--join", help="For agents on other hosts, instead of the API.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="For all of the API, backups too.")] = False,
    write: Annotated[bool, typer.Option("--write", help="For programs that send samples, and for that alone.")] = False,
    as_json: Json = False,
) -> None:
    """Make a token and show it, this once."""
    from netmon_cli.token import issue
    from netmon_cli.up import standard_state

    if join + admin + write > 1:
        raise typer.BadParameter("a token is for agents or for administrators or for writing", param_hint="--join")
    purpose: Purpose = "join" if join else "admin" if admin else "write" if write else "api"
    _end(issue(state or standard_state(os.environ), purpose, as_json))


@store_app.command("copy")
def store_copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The URL of a store, such as embedded:/path.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of a store, as in collector.yaml.")],
    state: Annotated[Path | None, typer.Option(help="Where the progress is kept; else ~/.local/state/netmon.")] = None,
) -> None:
    """Copy all samples of a store into another.

    Goes on where an earlier run was stopped. An embedded store must not be in use.
    """
    from netmon_cli.store import copy
    from netmon_cli.up import standard_state

    _end(copy(source, target, state or standard_state(os.environ), paper()))


@dashboards_app.command("export")
def dashboards_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made where it is missing.")],
    url: Annotated[str | None, typer.Option("--url", help="The collector as Grafana finds it; else as yours.")] = None,
    as_json: Json = False,
) -> None:
    """Write a data source and dashboards that Grafana provisions itself from."""
    from netmon_cli.access import find_access
    from netmon_cli.dashboards import export

    _end(export(folder, find_access(url, None, os.environ).url, as_json))


@store_app.command("stats")
def store_stats(
    folder: Annotated[Path | None, typer.Argument(help="A store's folder, which nobody may be using.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What a store holds, in detail.

    Of the collector that runs, or in a folder.
    """
    from netmon_cli.stats import of_collector, of_folder

    if folder is not None:
        _end(of_folder(folder, as_json, paper()))
    _end(of_collector(_client(url, token_file), as_json, paper()))


@store_app.command("export")
def store_export(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The URL of a store, such as embedded:/path.")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="*.parquet, or any other name for OpenMetrics.")],
    match: Annotated[str | None, typer.Option(help="A selector: only these series.")] = None,
    start: Annotated[str | None, typer.Option(help="No older samples: RFC 3339, or Unix seconds.")] = None,
    end: Annotated[str | None, typer.Option(help="No newer samples.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write samples into a file for other programs.

    An embedded store must not be in use.
    """
    from netmon_cli.transfer import export

    _end(export(source, target, match, start, end, force, paper(), as_json))


@store_app.command("import")
def store_import(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="*.parquet, or any other name for OpenMetrics.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of a store, as in collector.yaml.")],
    state: Annotated[Path | None, typer.Option(help="Where a queue is kept; else ~/.local/state/netmon.")] = None,
    as_json: Json = False,
) -> None:
    """Put the samples of a file into a store.

    An embedded store must not be in use. Exit code 1 where a line was no good; the others are stored.
    """
    from netmon_cli.transfer import take
    from netmon_cli.up import standard_state

    _end(take(source, target, state or standard_state(os.environ), paper(), as_json))


@store_app.command("fsck")
def store_fsck(
    folder: Annotated[Path, typer.Argument(help="The store's folder; nobody may be using it.")],
    repair: Annotated[bool, typer.Option("--repair", help="Set aside what is damaged, make the rest whole.")] = False,
    as_json: Json = False,
) -> None:
    """Check every byte of an embedded store.

    Exit code 1 where something is wrong.
    """
    from netmon_cli.fsck import fsck

    _end(fsck(folder, repair, as_json, paper()))


@profile_app.command("test")
def profile_test(
    file: Annotated[Path, typer.Argument(help="A capture of the device (.snmprec).")],
    profiles: Annotated[Path | None, typer.Option(help="A folder with profiles of your own.")] = None,
    as_json: Json = False,
) -> None:
    """Which profile a device gets, and what it finds."""
    from netmon_cli.profile import test

    _end(test(file, profiles, as_json, paper()))


@device_app.command("add")
def device_add(
    host: Annotated[str, typer.Argument(help="Name or address, as 10.0.0.1, sw1:1161 or [2001:db8::1]:161.")],
    name: Annotated[str | None, typer.Option(help="What to call it; else as HOST says.")] = None,
    credential: Annotated[str | None, typer.Option(help="One of `netmon credential set`; else public.")] = None,
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
    wait: Annotated[str, typer.Option(help="How long to wait until it is identified.")] = "40s",
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Poll a device from now on, and say what it is.

    Exit code 1 where it does not answer; it is polled all the same.
    """
    from netmon_cli.credentials import Given, ask_for_missing, find_credential
    from netmon_cli.snmp import add

    given = Given(snmp_version, community, community_file, user, auth, auth_password_file, priv, priv_password_file)
    if credential is not None and given != Given():
        raise typer.BadParameter("is one way to say who asks, the options of SNMP another", param_hint="--credential")
    snmp = None if credential is not None else find_credential(given, os.environ)
    if snmp is not None:
        snmp = ask_for_missing(snmp, sys.stdin.isatty())
    client, interval_s, wait_s = _client(url, token_file), _duration(interval, "--interval"), _duration(wait, "--wait")
    _end(add(client, host, name, credential, snmp, interval_s, poller, wait_s, as_json))


@device_app.command("list")
def device_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The devices that are polled."""
    from netmon_cli.snmp import show_all

    _end(show_all(_client(url, token_file), as_json, paper()))


@device_app.command("show")
def device_show(device: PolledDevice, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """All about one device."""
    from netmon_cli.snmp import show

    _end(show(_client(url, token_file), device, as_json))


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

    _end(poll(_client(url, token_file), device, _duration(wait, "--wait"), as_json))


@device_app.command("remove")
def device_remove(device: PolledDevice, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Poll a device no more; its history stays."""
    from netmon_cli.snmp import remove

    _end(remove(_client(url, token_file), device, as_json))


@credential_app.command("set")
def credential_set(
    name: Annotated[str, typer.Argument(help="Its name, for `netmon device add --credential`.")],
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
    _end(keep(_client(url, token_file), name, snmp, as_json))


@credential_app.command("list")
def credential_list(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """The names of the credentials."""
    from netmon_cli.credentials import show_all

    _end(show_all(_client(url, token_file), as_json, paper()))


@credential_app.command("remove")
def credential_remove(
    name: Annotated[str, typer.Argument(help="Its name.")],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Forget a credential that no device needs."""
    from netmon_cli.credentials import remove

    _end(remove(_client(url, token_file), name, as_json))


def run(arguments: Sequence[str]) -> int:
    """Runs one command; gives its exit code."""
    try:
        app(args=list(arguments), prog_name="netmon")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.FINE
    except Failure as failure:
        return _complain(str(failure), failure.exit_code)
    except ConfigError as error:
        return _complain(str(error), Exit.USAGE)
    return Exit.FINE


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character must not end a command
    sys.exit(run(sys.argv[1:]))


def _complain(text: str, exit_code: Exit) -> Exit:
    first, *more = [escape(line) for line in text.splitlines()]
    print("\n".join([f"netmon: {first}", *(f"  {line}" for line in more)]), file=sys.stderr)  # noqa: T201
    return exit_code


def _end(exit_code: Exit) -> None:
    raise typer.Exit(exit_code)


def _client(url: str | None, token_file: Path | None) -> "Client":
    from netmon_cli.access import find_access
    from netmon_cli.client import Client

    return Client(find_access(url, token_file, os.environ))


def _duration(text: str, option: str) -> float:
    from netmon_configs.options import parse_duration_s

    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _optional_duration(text: str | None, option: str) -> float | None:
    return None if text is None else _duration(text, option)


def _moment(text: str | None, option: str) -> float | None:
    from netmon_api.times import parse_time_ms

    try:
        return None if text is None else parse_time_ms(text) / 1000
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
