"""`netmon store export` and `import`: history as files that other programs read, and back."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Paper, count, escape, write_json, write_lines
from netmon_cli.store import bar, must_be_there, opened, say, store_url, wipe

if TYPE_CHECKING:
    from netmon_collector.store.base import Matcher
    from netmon_collector.store.transfer import openmetrics, parquet
    from netmon_collector.store.transfer.columns import Tally, Tell
    from netmon_collector.store.url import StoreUrl

_UNFINISHED = ".partial"


def export(
    source: str, target: Path, selector: str | None, start: str | None, end: str | None, force: bool, on: Paper,
    as_json: bool,
) -> Exit:  # fmt: skip
    """Writes samples of a store into a file, whole or not at all. Raises Failure."""
    url, matchers = store_url(source, "FROM"), _matchers(selector)
    bounds = (_time(start, "--start", -(2**53)), _time(end, "--end", 2**53))
    if target.exists() and not target.is_file():
        raise Failure(Exit.USAGE, f"{target} is no file", "What is written takes its place: name a file.")
    if target.exists() and not force:
        raise Failure(Exit.USAGE, f"{target} is there already", "Name another file, or give --force.")
    unfinished = target.with_name(target.name + _UNFINISHED)
    try:
        with unfinished.open("wb") as file, _explained(target):
            tally = asyncio.run(_export(url, target, file, matchers, bounds, _bar(on)))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    except OSError as error:
        raise Failure(Exit.WRONG, f"cannot write {target}: {error.strerror or error}") from error
    except KeyboardInterrupt:
        wipe(on)
        return Exit.INTERRUPTED
    finally:
        unfinished.unlink(missing_ok=True)
    wipe(on)
    return _tell_export(tally, target, as_json)


async def _export(
    url: "StoreUrl", target: Path, file: BinaryIO, matchers: "Sequence[Matcher]", bounds: tuple[int, int], tell: "Tell"
) -> "Tally":
    from netmon_collector.store.transfer.columns import read

    must_be_there(url)
    writer = _writer(target, file)
    with tempfile.TemporaryDirectory() as folder:
        async with opened(url, Path(folder)) as store:
            async for columns in read(store, matchers, await store.days(), bounds, tell):
                writer.add(columns)
    writer.finish()
    return writer.tally


def _writer(target: Path, file: BinaryIO) -> "openmetrics.Writer | parquet.Writer":
    if target.suffix == ".parquet":
        from netmon_collector.store.transfer import parquet

        return parquet.Writer(file)
    from netmon_collector.store.transfer import openmetrics

    return openmetrics.Writer(file)


def take(source: Path, target: str, state: Path, on: Paper, as_json: bool) -> Exit:
    """Puts the samples of a file into a store; tells lines that are no good. Raises Failure."""
    from netmon_collector.store.transfer.columns import Tally

    url, tally = store_url(target, "TO"), Tally()
    try:
        with _explained(source):
            asyncio.run(_take(source, url, state, tally, on))
    except OSError as error:
        raise Failure(Exit.WRONG, f"{source}: {error.strerror or error}") from error
    except KeyboardInterrupt:
        wipe(on)
        write_lines(["Stopped. Run the same command again: what is there already is not doubled."])
        return Exit.INTERRUPTED
    wipe(on)
    return _tell_take(tally, as_json)


async def _take(source: Path, url: "StoreUrl", state: Path, tally: "Tally", on: Paper) -> None:
    from netmon_collector.store.outside.store import OutsideStore
    from netmon_collector.store.transfer.importing import READ_SAMPLES, batches, put

    reader, tell = _reader(source, tally), _bar(on)
    async with opened(url, state / "import") as store:
        for columns in batches(reader.batches(READ_SAMPLES)):
            await put(store, columns)
            tally.samples += len(columns.places)
            tell(reader.done)
        if isinstance(store, OutsideStore):
            say("waiting until the server has all of it for sure", on)
            await store.delivered()


def _reader(source: Path, tally: "Tally") -> "openmetrics.Reader | parquet.Reader":
    if source.suffix == ".parquet":
        from netmon_collector.store.transfer import parquet

        return parquet.Reader(source, tally)
    from netmon_collector.store.transfer import openmetrics

    return openmetrics.Reader(source, tally)


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Says of a file what is wrong with it, and of a store why it cannot be used."""
    from netmon_collector.store.base import StoreError, StoreUnavailable
    from netmon_collector.store.transfer.columns import Unreadable

    try:
        yield
    except Unreadable as error:
        raise Failure(Exit.WRONG, f"{file}: {error}") from error
    except (StoreError, StoreUnavailable) as error:
        raise Failure(Exit.WRONG, str(error)) from error


def _matchers(selector: str | None) -> "Sequence[Matcher]":
    from netmon_collector.query.selector import parse_selector

    try:
        return [] if selector is None else parse_selector(selector)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--match {error}") from None


def _time(text: str | None, option: str, otherwise_ms: int) -> int:
    from netmon_api.times import parse_time_ms

    try:
        return otherwise_ms if text is None else parse_time_ms(text)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{option} {error}") from None


def _bar(on: Paper) -> Callable[[float], None]:
    return lambda fraction: say(f"{bar(min(fraction, 1.0), on)} {min(fraction, 1.0):4.0%}", on)


def _tell_export(tally: "Tally", target: Path, as_json: bool) -> Exit:
    if as_json:
        write_json({"samples": tally.samples, "left_out": tally.left_out})
        return Exit.FINE
    lines = [f"wrote {count(tally.samples, 'sample', 'samples')} to {target}"]
    if tally.left_out:
        lines.append(f"left out {count(tally.left_out, 'sample', 'samples')} that the format cannot hold")
    write_lines(lines)
    return Exit.FINE


def _tell_take(tally: "Tally", as_json: bool) -> Exit:
    if as_json:
        write_json({"samples": tally.samples, "rejected": tally.rejected, "told": tally.told})
    else:
        more = [f"and {count(tally.rejected - len(tally.told))} more"] if tally.rejected > len(tally.told) else []
        rejected = [f"rejected {count(tally.rejected, 'line', 'lines')}:", *tally.told, *more] if tally.rejected else []
        stored = f"stored {count(tally.samples, 'sample', 'samples')}"
        write_lines([escape(line) for line in (stored, *rejected)])
    return Exit.WRONG if tally.rejected else Exit.FINE
