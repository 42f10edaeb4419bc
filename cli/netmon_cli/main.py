"""The netmon command: the tree, with what works on stores and devices on pages of its own (`tree_*.py`).

Parts are imported inside the commands, so that each starts fast and needs no more than what it uses is installed.
"""

import os
import sys
from collections.abc import Sequence
from errno import ENOSPC
from pathlib import Path
from typing import Annotated

import typer

from netmon_cli.choices import Form, Order, Severity
from netmon_cli.failure import EXIT_CODES, Exit, Failure
from netmon_cli.open_files import allow_many
from netmon_cli.output import escape, paper, write_json, write_lines
from netmon_cli.parameters import (
    ConfigFile,
    Json,
    LogLevel,
    State,
    TokenFile,
    Url,
    client_at,
    duration,
    finish,
    moment,
    optional_duration,
)
from netmon_cli.tree_alerts import maintenance_app, show_alerts, silence_app
from netmon_cli.tree_analytics import add_commands as add_analytics
from netmon_cli.tree_checks import check_app
from netmon_cli.tree_devices import credential_app, device_app, show_pollers
from netmon_cli.tree_discovery import add_commands as add_discovery_commands
from netmon_cli.tree_heartbeats import heartbeat_app
from netmon_cli.tree_incidents import incident_app, rehearse_outages, show_incidents, show_why
from netmon_cli.tree_map import add_commands as add_map_commands
from netmon_cli.tree_oncall import oncall_app
from netmon_cli.tree_profiles import mib, profile_app
from netmon_cli.tree_receivers import receivers_app
from netmon_cli.tree_rules import rules_app
from netmon_cli.tree_setup import config_app, dashboards_app, token_app
from netmon_cli.tree_store import store_app
from netmon_configs.mistakes import ConfigError
from netmon_proto import __version__

app = typer.Typer(
    name="netmon",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_app, name="config")
app.add_typer(token_app, name="token")
app.add_typer(store_app, name="store")
app.add_typer(profile_app, name="profile")
app.add_typer(dashboards_app, name="dashboards")
app.add_typer(device_app, name="device")
app.add_typer(credential_app, name="credential")
app.add_typer(check_app, name="check")
app.add_typer(heartbeat_app, name="heartbeat")
app.add_typer(rules_app, name="rules")
app.add_typer(silence_app, name="silence")
app.add_typer(receivers_app, name="receivers")
app.add_typer(maintenance_app, name="maintenance")
app.add_typer(incident_app, name="incident")
app.add_typer(oncall_app, name="oncall")


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        version()
        raise typer.Exit


@app.callback()
def netmon(
    _: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="As `netmon version`.")
    ] = False,
) -> None:
    """Network monitoring in one program."""


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
    finish(up(state or standard_state(os.environ), http, grpc, agent_config, collector_config, level, os.environ))


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

    finish(login(url, token_file, as_json, os.environ))


@app.command()
def status(url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """What is up, waits and is stored.

    Exit code 1 where a device is down.
    """
    from netmon_cli.status import show

    finish(show(client_at(url, token_file), as_json, paper()))


@app.command()
def devices(
    instance: Annotated[str | None, typer.Argument(metavar="DEVICE", help="One device, for its details.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """The devices, or all about one."""
    from netmon_cli.devices import show

    finish(show(client_at(url, token_file), instance, as_json, paper()))


@app.command()
def events(
    device: Annotated[list[str] | None, typer.Option(help="Of this device; may be given again.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Of this kind, such as linkDown; may be given again.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="As grave as this, or graver.")] = None,
    text: Annotated[str | None, typer.Option(help="With this in their text.")] = None,
    since: Annotated[str | None, typer.Option(help="From the time since then, such as 1h.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most, the newest.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show what comes from now on, until Ctrl-C.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What happened: traps, lines of syslog and more."""
    from netmon_cli import events as log

    client = client_at(url, token_file)
    filters = log.Filters(device or (), kind or (), severity, text, optional_duration(since, "--since"))
    if follow:
        finish(log.follow(client, filters, as_json, paper()))
    finish(log.show(client, filters, limit, as_json, paper()))


@app.command()
def reachability(
    device: Annotated[
        str | None, typer.Argument(metavar="DEVICE", help="One device, by its name in `netmon devices`.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Which devices can be reached, and what each witness says.

    Exit code 1 where a device is down.
    """
    from netmon_cli.reachability import show

    finish(show(client_at(url, token_file), device, as_json, paper()))


@app.command()
def query(
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help="""PromQL, such as 'rate(node_disk_read_bytes_total[5m])'.""")
    ],
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
    since_s, step_s = optional_duration(since, "--since", 0.1), optional_duration(step, "--step", 0.1)
    start_s, end_s = moment(start, "--start"), moment(end, "--end")
    client = client_at(url, token_file)
    over = None
    if since or start or end or step:
        over = Window(*window(client, since_s, start_s, end_s), step_s)
    form = Form.JSON if as_json else Form.CSV if as_csv else Form.TEXT
    finish(show(client, expression, over, form, paper()))


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

    client = client_at(url, token_file)
    if once or as_json:
        finish(top.once(client, sort, as_json, paper()))
    if not sys.stdout.isatty():
        raise Failure(Exit.USAGE, "top draws on a terminal, and this is none", "Use --once.")
    finish(top.live(client, sort, max(1.0, duration(every, "--every")), paper()))


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

    finish(show(state, url, token_file, os.environ, as_json, paper()))


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
        finish(make_at_rest(target, state, config, force, as_json))
    finish(make(target, client_at(url, token_file), force, as_json))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `netmon backup` wrote.")],
    target: Annotated[Path | None, typer.Argument(metavar="TO", help="The state folder to make.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check all of it and restore nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder; the former one is kept aside.")] = False,
    as_json: Json = False,
) -> None:
    """Make a state folder of a backup, or check one."""
    from netmon_cli.restore import check, restore

    if verify == (target is not None):
        raise typer.BadParameter("say either --verify, or the folder to restore to", param_hint="TO")
    finish(check(source, as_json) if target is None else restore(source, target, force, as_json))


@app.command()
def version(as_json: Json = False) -> None:
    """The version of netmon and of Python."""
    python = sys.version.split()[0]
    if as_json:
        write_json({"netmon": __version__, "python": python, "platform": sys.platform})
    else:
        write_lines([f"netmon {__version__} (Python {python}, {sys.platform})"])


app.command("alerts")(show_alerts)
app.command("incidents")(show_incidents)
app.command("why")(show_why)
app.command("poller")(show_pollers)
app.command("rehearse")(rehearse_outages)
app.command()(mib)
add_map_commands(app)
add_analytics(app)
add_discovery_commands(app)


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
    except UnicodeEncodeError as error:  # of an argument on its way to the collector
        return _complain(f"{error.object!a} is not UTF-8 text", Exit.USAGE)
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        return _complain(f"the output cannot be written: {error.strerror}", Exit.WRONG)
    return Exit.FINE


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character must not end a command
    allow_many()
    sys.exit(run(sys.argv[1:]))


def _complain(text: str, exit_code: Exit) -> Exit:
    first, *more = [escape(line) for line in text.splitlines()]
    print("\n".join([f"netmon: {first}", *(f"  {line}" for line in more)]), file=sys.stderr)  # noqa: T201
    return exit_code
