"""`netmon store`: work on stores while no collector uses them."""

import asyncio
import contextlib
import hashlib
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Paper, count, escape, fit, write_json, write_lines
from netmon_cli.ownership import give, owner_to_be

if TYPE_CHECKING:
    from netmon_collector.store.copying import Standing
    from netmon_collector.store.embedded import EmbeddedStore
    from netmon_collector.store.outside.store import OutsideStore
    from netmon_collector.store.url import StoreUrl

QUEUE_BYTES = 1 << 30
BAR_COLUMNS = 24


def copy(source: str, target: str, state: Path, as_json: bool, on: Paper) -> Exit:
    """Copies all samples of one store into another; goes on where an earlier run was stopped. Raises Failure."""
    from netmon_collector.store.base import StoreError, StoreUnavailable

    urls = store_url(source, "FROM"), store_url(target, "TO")
    if urls[0] == urls[1]:
        raise Failure(Exit.USAGE, "FROM and TO are the same store")
    on = replace(on, columns=None) if as_json else on
    name = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:16]
    try:
        samples, missing = asyncio.run(_copy(*urls, state / "copy" / name, on))
    except (StoreError, StoreUnavailable) as error:
        raise Failure(Exit.WRONG, str(error), "Run the same command again to go on from here.") from error
    except KeyboardInterrupt:
        wipe(on)
        if not as_json:
            write_lines(["Stopped. Run the same command again to go on from here."])
        return Exit.INTERRUPTED
    wipe(on)
    if as_json:
        write_json({"samples": samples, "left_out": missing})
        return Exit.FINE
    not_taken = f", of which the server did not take {missing:,}" if missing else ""
    write_lines([f"copied {count(samples, 'sample', 'samples')}{not_taken}"])
    return Exit.FINE


async def _copy(source: "StoreUrl", target: "StoreUrl", folder: Path, on: Paper) -> tuple[int, int]:
    """How many samples were copied, and how many of them a server cannot hold or refused."""
    from netmon_collector.store.copying import Copy, Progress
    from netmon_collector.store.outside.store import OutsideStore

    must_be_there(source)
    progress = Progress.load(folder / "progress.json")
    async with opened(source, folder / "from") as origin, opened(target, folder / "to") as destination:
        days = await origin.days()
        samples = await Copy(origin, destination, progress, lambda standing: _draw(standing, on)).run(days)
        missing = 0
        if isinstance(destination, OutsideStore):
            say("waiting until the server has all of it for sure", on)
            await destination.delivered()
            missing = destination.stats().left_out + destination.stats().rejected
    shutil.rmtree(folder)  # the queue is empty, and the next copy begins anew
    return samples, missing


@contextlib.asynccontextmanager
async def opened(url: "StoreUrl", folder: Path) -> "AsyncIterator[EmbeddedStore | OutsideStore]":
    """A store; one on a server has its queue in the folder. Raises StoreUnavailable."""
    from netmon_collector.store.embedded import EmbeddedStore
    from netmon_collector.store.opening import open_outside

    embedded = url.kind == "embedded"
    folder = _folder(url) if embedded else folder
    like = owner_to_be(folder)
    store = EmbeddedStore.open(folder) if embedded else open_outside(url, folder, queue_bytes=QUEUE_BYTES)
    try:
        yield store
    finally:
        await store.close()
        give(folder, like)  # to the collector's user, who could not open what is root's


def must_be_there(url: "StoreUrl") -> None:
    """Raises Failure where an embedded store is not there."""
    if url.kind == "embedded":
        must_be_store(_folder(url))


def must_be_store(folder: Path) -> None:
    """Raises Failure for a folder that no embedded store was ever in; to open it would make one."""
    if not any(folder.glob("*.catalog")) and not any(folder.glob("wal-*.log")):
        raise Failure(Exit.USAGE, f"{folder} is no store", "It is the folder `store` of a collector's state folder.")


def _folder(url: "StoreUrl") -> Path:
    from netmon_collector.config import CollectorConfig

    return Path(url.address) if url.address else CollectorConfig().state / "store"


def store_url(text: str, what: str) -> "StoreUrl":
    """A store's URL, given as an argument of that name. Raises Failure."""
    from netmon_collector.store.url import parse_store_url

    try:
        return parse_store_url(text)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{what} {error}") from None


def _draw(standing: "Standing", on: Paper) -> None:
    """How a copy stands."""
    day = datetime.fromtimestamp(standing.day_ms / 1000, UTC).date().isoformat()
    waits = f", waits: {escape(standing.waits_for)}" if standing.waits_for else ""
    done = f"{bar(standing.fraction, on)} {standing.fraction:4.0%}"
    say(f"{done}  {day}  {count(standing.samples, 'sample', 'samples')}{waits}", on)


def bar(fraction: float, on: Paper) -> str:
    """How much is done, as a bar."""
    full = round(fraction * BAR_COLUMNS)
    return ("█" if on.blocks else "#") * full + ("░" if on.blocks else "-") * (BAR_COLUMNS - full)


def say(line: str, on: Paper) -> None:
    """A line in place of the one before, on a terminal only."""
    if on.columns is not None:
        sys.stdout.write(f"\r\x1b[K{fit(line, on.columns - 1)}")
        sys.stdout.flush()


def wipe(on: Paper) -> None:
    """Takes that line away."""
    if on.columns is not None:
        sys.stdout.write("\r\x1b[K")
