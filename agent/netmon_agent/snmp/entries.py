"""What a device lists: ports, addresses, neighbours, parts. A table of facts for each kind (docs/facts.md)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from netmon_agent.snmp.findings import Entry
from netmon_agent.snmp.index import index_parts
from netmon_agent.snmp.joins import joined, outward
from netmon_agent.snmp.reader import Reader, references_in
from netmon_agent.snmp.rules import rows_of
from netmon_configs.profile import EntryRule, FieldSource
from netmon_configs.reference import Reference
from netmon_proto.model import FactTable

LONGEST_TEXT: Final = 1024


async def entries(reader: Reader, rules: Sequence[EntryRule]) -> tuple[list[Entry], set[str]]:
    """The entries of all rules, and the kinds of which not all could be read."""
    found: list[Entry] = []
    broken: set[str] = set()
    for rule in rules:
        if rule.fallback and any(one.kind == rule.kind for one in found):
            continue
        more = list(_references(rule))
        for index in await rows_of(reader, rule, rule.rows, rule.kind, more, rule.most):
            parts = index_parts(index, rule.index)
            if parts is not None:
                found.append(Entry(rule.kind, index, _fields(reader, rule, index, parts)))
        if reader.has_failed([*rule.rows, *more]):
            broken.add(outward(rule.kind))
    return joined(found), broken


def tables(found: Iterable[Entry], rules: Iterable[EntryRule], broken: set[str]) -> tuple[FactTable, ...]:
    """Entries as a table for each kind that was asked for; what is there twice is told once."""
    rows: dict[str, dict[tuple[tuple[str, str], ...], None]] = {outward(rule.kind): {} for rule in rules}
    for one in found:
        rows[one.kind][tuple(one.fields.items())] = None
    return tuple(_table(kind, list(map(dict, rows[kind])), kind not in broken) for kind in rows)


def _table(kind: str, rows: Sequence[Mapping[str, str]], is_complete: bool) -> FactTable:
    names = dict.fromkeys(name for row in rows for name in row)
    return FactTable(kind, {name: tuple(row.get(name, "") for row in rows) for name in names}, is_complete)


def _fields(reader: Reader, rule: EntryRule, index: str, parts: Mapping[str, str]) -> dict[str, str]:
    told = {name: _first(reader, sources, index) for name, sources in rule.fields.items()}
    return {name: text[:LONGEST_TEXT] for name, text in {**parts, **told}.items() if text}


def _first(reader: Reader, sources: Sequence[FieldSource], index: str) -> str:
    """The first source that has something to tell of a row."""
    for source in sources:
        if reader.fits(source.only, index) and (text := source.picked(reader.text(source.text, index))):
            return text
    return ""


def _references(rule: EntryRule) -> Iterator[Reference]:
    for sources in rule.fields.values():
        for source in sources:
            yield from references_in(source.text)
            yield from (condition.of for condition in source.only)
