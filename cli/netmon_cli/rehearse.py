"""`netmon rehearse`: whole outages played without a collector, and whether people were told what they should be."""

import logging
from collections.abc import Sequence
from pathlib import Path

from netmon_cli import output
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import count, escape


def rehearse(files: Sequence[Path], as_json: bool) -> Exit:
    """Plays scenarios and tells what was otherwise than they say. Raises ConfigError for files that cannot be read."""
    try:
        from netmon_collector.alerts.rehearsal import play
    except ImportError as error:
        raise Failure(
            Exit.USAGE, f"the collector is not installed here ({error})", "pip install 'netmon[collector]'"
        ) from None

    logging.disable(logging.CRITICAL)  # what parts say of an outage that is none
    try:
        found = [play.rehearse(path) for path in files]
    finally:
        logging.disable(logging.NOTSET)
    failed = sum(bool(one.failures) for one in found)
    if as_json:
        scenarios = [
            {"file": str(one.path), "passed": not one.failures, "sent": one.sent, "failures": list(one.failures)}
            for one in found
        ]
        output.write_json({"passed": len(found) - failed, "failed": failed, "scenarios": scenarios})
        return Exit.WRONG if failed else Exit.FINE
    lines = []
    for one in found:
        messages = count(one.sent, "message", "messages")
        lines.append(f"{one.path}: {'FAILED' if one.failures else 'passed'} ({messages})")
        lines += [f"  {line}" for line in one.failures]
    lines.append(f"{count(len(found), 'scenario', 'scenarios')}, {failed} failed")
    output.write_lines([escape(line) for line in lines])
    return Exit.WRONG if failed else Exit.FINE
