"""All checks of a store's folder, in order, and the repair of what they find."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from netmon_collector.store.chunkfile import Name
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.entries import Entry
from netmon_collector.store.fsck.files import check_catalogs, check_chunks, check_log, openable
from netmon_collector.store.fsck.finding import Finding
from netmon_collector.store.fsck.quiet import QuietBook
from netmon_collector.store.fsck.rollups import check_rollups
from netmon_collector.store.shelf import Shelf


def check(folder: Path, tell: Callable[[str], None] = lambda _: None) -> Iterator[Finding]:
    """Everything that is wrong in a folder that nobody writes to; `tell` is told which file is looked at."""
    known: dict[int, Entry] = {}
    hours: set[int] = set()
    yield from check_catalogs(sorted(folder.glob("*.catalog")), known)
    for path in sorted(folder.glob("wal-*.log")):
        tell(path.name)
        yield from check_log(path, known, hours)
    for path in sorted(folder.glob("*.chunks")):
        tell(path.name)
        name = Name.parse(path.name)
        if name is None:
            yield Finding(path.name, None, "is no name of a file of the store")
        else:
            yield from check_chunks(path, name, known)
    tell("rollups")
    shelf = Shelf(folder, QuietBook())
    shelf.put(openable(folder))
    yield from check_rollups(shelf, hours)


def set_aside(folder: Path) -> list[Path]:
    """Copies of what was found damaged, now or before."""
    return sorted(folder.glob("*.damaged"))


async def repair(folder: Path, findings: Sequence[Finding]) -> None:
    """Sets aside what is damaged, as the store itself does, and makes files anew without it; then the rollups too that
    only miss what was set aside here. Raises StoreUnavailable, StoreError.
    """
    mended: set[int] = set()
    wrong = _windows(findings)
    while True:
        await _mend(folder, wrong)
        mended |= wrong
        wrong = _windows(check(folder)) - mended
        if not wrong:
            return


async def _mend(folder: Path, windows: set[int]) -> None:
    store = EmbeddedStore.open(folder)
    try:
        await store.mend(windows)
    finally:
        await store.close()


def _windows(findings: Iterable[Finding]) -> set[int]:
    return {finding.window for finding in findings if finding.window is not None}
