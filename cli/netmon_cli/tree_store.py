"""`netmon store`: what works on stores, running or not."""

import os
from pathlib import Path
from typing import Annotated

import typer

from netmon_cli.output import paper
from netmon_cli.parameters import Json, TokenFile, Url, client_at, finish

store_app = typer.Typer(help="Work on stores.", no_args_is_help=True, rich_markup_mode=None)


@store_app.command("copy")
def store_copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The URL of a store, such as embedded:/path.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of a store, as in collector.yaml.")],
    state: Annotated[Path | None, typer.Option(help="Where the progress is kept; else ~/.local/state/netmon.")] = None,
    as_json: Json = False,
) -> None:
    """Copy all samples of a store into another.

    Goes on where an earlier run was stopped. An embedded store must not be in use.
    """
    from netmon_cli.store import copy
    from netmon_cli.up import standard_state

    finish(copy(source, target, state or standard_state(os.environ), as_json, paper()))


@store_app.command("stats")
def store_stats(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A store's folder, which nobody may be using.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """What a store holds, in detail.

    Of the collector that runs, or in a folder.
    """
    from netmon_cli.stats import of_collector, of_folder

    if folder is not None:
        finish(of_folder(folder, as_json, paper()))
    finish(of_collector(client_at(url, token_file), as_json, paper()))


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

    finish(export(source, target, match, start, end, force, paper(), as_json))


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

    finish(take(source, target, state or standard_state(os.environ), paper(), as_json))


@store_app.command("fsck")
def store_fsck(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The store's folder; nobody may be using it.")],
    repair: Annotated[bool, typer.Option("--repair", help="Set aside what is damaged, make the rest whole.")] = False,
    as_json: Json = False,
) -> None:
    """Check every byte of an embedded store.

    Exit code 1 where something is wrong.
    """
    from netmon_cli.fsck import fsck

    finish(fsck(folder, repair, as_json, paper()))
