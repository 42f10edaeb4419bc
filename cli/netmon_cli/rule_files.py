"""`netmon rules check` and `test`: rule files and their unit tests, without a collector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netmon_cli import output
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import count, escape
from netmon_configs.load import ConfigError, read
from netmon_configs.mistakes import Mistake


def check(files: Sequence[Path], as_json: bool) -> Exit:
    """Tells of every mistake in rule files."""
    from netmon_collector.rules.files import parse_rules

    told: list[dict[str, Any]] = []
    lines: list[str] = []
    for path in files:
        mistakes: list[Mistake] = []
        warnings: list[Mistake] = []
        rules = 0
        try:
            found = parse_rules(read(path), str(path))
            warnings, rules = list(found.warnings), sum(len(group.rules) for group in found.groups)
        except ConfigError as error:
            mistakes = error.mistakes
        fine = f"{path}: fine, {count(rules, 'rule', 'rules')}"
        lines += [str(one) for one in mistakes] or [*(f"{one} (taken all the same)" for one in warnings), fine]
        told.append(
            {
                "file": str(path),
                "fine": not mistakes,
                "rules": rules,
                "mistakes": _plain(mistakes),
                "warnings": _plain(warnings),
            }
        )
    if as_json:
        output.write_json({"files": told})
    else:
        output.write_lines([escape(line) for line in lines])
    return Exit.FINE if all(one["fine"] for one in told) else Exit.USAGE


def test(files: Sequence[Path], as_json: bool) -> Exit:
    """Runs unit tests and tells what failed. Raises ConfigError for files that cannot be read."""
    try:
        from netmon_collector.rules.trial.unit_tests import run
    except ImportError as error:
        raise Failure(
            Exit.USAGE, f"the collector is not installed here ({error})", "pip install 'netmon[collector]'"
        ) from None

    verdicts = [(path, verdict) for path in files for verdict in run(path)]
    failed = sum(bool(verdict.failures) for _, verdict in verdicts)
    refused = sum(len(verdict.refused) for _, verdict in verdicts)
    if as_json:
        tests = [
            {
                "file": str(path),
                "name": one.name,
                "passed": not one.failures,
                "failures": one.failures,
                "refused": one.refused,
            }
            for path, one in verdicts
        ]
        output.write_json({"passed": len(verdicts) - failed, "failed": failed, "tests": tests})
        return Exit.WRONG if failed else Exit.FINE
    lines = []
    for path, one in verdicts:
        cases = count(one.cases, "case", "cases")
        lines.append(f"{path}: {one.name}: {'FAILED' if one.failures else 'passed'} ({cases})")
        lines += [f"  {line}" for failure in one.failures for line in failure.splitlines()]
        lines += [f"  refused: {case}" for case in one.refused]
    summary = f"{count(len(verdicts), 'test', 'tests')}, {failed} failed"
    lines.append(summary + (f", {count(refused, 'case', 'cases')} not judged" if refused else ""))
    output.write_lines([escape(line) for line in lines])
    return Exit.WRONG if failed else Exit.FINE


def _plain(mistakes: Sequence[Mistake]) -> list[dict[str, object]]:
    return [{"line": one.line or None, "place": one.place, "text": one.text} for one in mistakes]
