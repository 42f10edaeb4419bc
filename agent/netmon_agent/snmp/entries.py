"""What a device lists: ports, addresses, neighbours, parts. A table of facts for each kind (docs/facts.md)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from netmon_agent.snmp.findings import Entry
from netmon_agent.snmp.index import index_parts
from netmon_agent.snmp.joins import joined, outward
from netmon_agent.snmp.reader import Reader, references_in
from netmon_agent.snmp.rules import rows_of
from netmon_agent.snmp.session import Vlans
from netmon_configs.profile import EntryRule, FieldSource
from netmon_configs.reference import Reference
from netmon_proto.model import FactTable

LONGEST_TEXT: Final = 1024
MOST_VLANS: Final = 256
"""So many are asked one by one; each takes some requests."""
_OF_OLD_RINGS: Final = frozenset({"1002", "1003", "1004", "1005"})
"""VLANs that Cisco's devices have for FDDI and Token Ring, whether or not there is any."""
_NOTHING: Final[Mapping[str, str]] = {}


async def entries(
    reader: Reader, rules: Sequence[EntryRule], vlans: Vlans | None = None
) -> tuple[list[Entry], set[str]]:
    """The entries of all rules, and the kinds of which not all could be read."""
    found: list[Entry] = []
    broken: set[str] = set()
    for rule in rules:
        if rule.fallback and any(one.kind == rule.kind for one in found):
            continue
        if rule.in_each is None:
            is_whole = await _of_device(reader, rule, found)
        else:
            is_whole = vlans is None or await _in_each(vlans, rule, found)
        if not is_whole:
            broken.add(outward(rule.kind))
    return joined(found), broken


async def _of_device(reader: Reader, rule: EntryRule, found: list[Entry], known: Mapping[str, str] = _NOTHING) -> bool:
    """Adds what a rule finds, with what is known of it already; whether that is all there is."""
    more = list(_references(rule))
    for index in await rows_of(reader, rule, rule.rows, rule.kind, more, most=rule.most):
        parts = index_parts(index, rule.index)
        if parts is not None:
            found.append(Entry(rule.kind, index, _fields(reader, rule, index, {**known, **parts})))
    return not reader.has_failed([*rule.rows, *more])


async def _in_each(vlans: Vlans, rule: EntryRule, found: list[Entry]) -> bool:
    """Adds what a rule finds in each VLAN that is listed; whether that is all there is.

    A device that is silent in the first of them knows no such way to ask, and is not asked so again.
    """
    listed = dict.fromkeys(one.fields.get("vlan", "") for one in found if one.kind == rule.in_each)
    usual = [vlan for vlan in listed if vlan.isdigit() and vlan not in _OF_OLD_RINGS]
    is_whole = len(usual) <= MOST_VLANS
    for vlan in usual[:MOST_VLANS]:
        if not vlans.can_be_asked:
            return False
        async with vlans.within(vlan) as session:
            reader = Reader(session)
            is_whole &= await _of_device(reader, rule, found, {"vlan": vlan})
            if not reader.answered:
                vlans.can_be_asked = False
    return is_whole


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
