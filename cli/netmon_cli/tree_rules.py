"""`netmon rules`: rules and alerts, checked, tested and asked about."""

from pathlib import Path
from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, duration, finish, optional_duration

rules_app = typer.Typer(help="Check, test and ask about alert rules.", no_args_is_help=True, rich_markup_mode=None)

RuleFiles = Annotated[list[Path], typer.Argument(metavar="FILE", help="Files in Prometheus' format.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Its name, or its id in `netmon rules list --json`.")]


@rules_app.command("check")
def rules_check(files: RuleFiles, as_json: Json = False) -> None:
    """All that is wrong with rule files, with lines.

    Exit code 2 where a file would not be taken.
    """
    from netmon_cli.rule_files import check

    finish(check(files, as_json))


@rules_app.command("test")
def rules_test(files: RuleFiles, as_json: Json = False) -> None:
    """Run unit tests of rules, in promtool's format.

    Exit code 1 where a test fails.
    """
    from netmon_cli.rule_files import test

    finish(test(files, as_json))


@rules_app.command("list")
def rules_list(
    state: Annotated[str | None, typer.Option(help="Only those that are inactive, pending or firing.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """The rules of a collector, and how they are."""
    from netmon_cli.rules import show_all

    finish(show_all(client_at(url, token_file), state, as_json, paper()))


@rules_app.command("explain")
def rules_explain(rule: RuleName, url: Url = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Why a rule fires or does not: its alerts and last evaluations."""
    from netmon_cli.rules import explain

    finish(explain(client_at(url, token_file), rule, as_json, paper()))


@rules_app.command("backtest")
def rules_backtest(
    rule: RuleName,
    since: Annotated[str, typer.Option(help="How far back, such as 30d.")] = "1d",
    step: Annotated[str | None, typer.Option(help="Time between two evaluations; else the rule's interval.")] = None,
    file: Annotated[Path | None, typer.Option(help="Take the rule from this file, which nobody has saved yet.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """How often, when and how long an alert would have fired."""
    from netmon_cli.rules import backtest

    since_s, step_s = duration(since, "--since"), optional_duration(step, "--step")
    finish(backtest(client_at(url, token_file), rule, since_s, step_s, file, as_json, paper()))
