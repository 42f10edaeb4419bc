"""`netmon store fsck`: looks at every byte of a store that nobody uses."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Paper, count, escape, fit, write_json, write_lines
from netmon_cli.ownership import give
from netmon_cli.store import must_be_store

if TYPE_CHECKING:
    from netmon_collector.store.fsck.finding import Finding


def fsck(folder: Path, repair: bool, as_json: bool, on: Paper) -> Exit:
    """Tells all that is wrong, and with `repair` what still is afterwards. Raises Failure."""
    from netmon_collector.store.base import StoreError, StoreUnavailable
    from netmon_collector.store.fsck import whole

    must_be_store(folder)
    findings = _check(folder, on)
    left = findings
    try:
        if repair and findings:
            asyncio.run(whole.repair(folder, findings))
            give(folder, folder)
            left = _check(folder, on)
    except (StoreError, StoreUnavailable) as error:
        raise Failure(Exit.WRONG, str(error)) from error
    aside = [path.name for path in whole.set_aside(folder)]
    if as_json:
        write_json(
            {
                "findings": [_plain(one) for one in findings],
                "left": [_plain(one) for one in left] if repair else None,
                "set_aside": aside,
            }
        )
    else:
        write_lines(_lines(findings, left, aside, repair))
    return Exit.WRONG if left else Exit.FINE


def _check(folder: Path, on: Paper) -> "list[Finding]":
    from netmon_collector.store.base import StoreUnavailable
    from netmon_collector.store.fsck import whole
    from netmon_collector.store.lock import FolderLock

    def tell(what: str) -> None:
        if on.columns is not None:
            sys.stdout.write(f"\r\x1b[K{fit(escape(what), on.columns - 1)}")
            sys.stdout.flush()

    try:
        lock = FolderLock(folder)
    except StoreUnavailable as error:
        raise Failure(Exit.WRONG, str(error), "Or `netmon backup FOLDER`, and check FOLDER/store.") from error
    try:
        return list(whole.check(folder, tell))
    finally:
        lock.release()
        if on.columns is not None:
            sys.stdout.write("\r\x1b[K")


def _plain(finding: "Finding") -> dict[str, str | int | None]:
    return {"file": finding.file, "offset": finding.offset, "text": finding.text}


def _lines(findings: "list[Finding]", left: "list[Finding]", aside: list[str], repaired: bool) -> list[str]:
    lines = [escape(str(one)) for one in findings]
    if not findings:
        lines.append("nothing is wrong")
    elif not repaired:
        lines.append(f"{count(len(findings), 'thing is', 'things are')} wrong; --repair sets aside what is damaged")
    elif left:
        lines += ["", "still wrong after the repair:", *(escape(str(one)) for one in left)]
    else:
        lines.append("repaired; what was damaged is set aside")
    if aside:
        lines.append(f"set aside, now or before: {', '.join(aside)}")
    return lines
