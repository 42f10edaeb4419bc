"""Who a device is: the system whose match fits best, and its model, version and serial number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netmon_agent.snmp.findings import Identity
from netmon_agent.snmp.reader import Reader, references_in
from netmon_agent.snmp.values import as_number, as_text
from netmon_configs.library import Library
from netmon_configs.profile import Facts, Match, Source, System
from netmon_configs.reference import Reference

SYSTEM = {
    "descr": "1.3.6.1.2.1.1.1.0",
    "object_id": "1.3.6.1.2.1.1.2.0",
    "uptime": "1.3.6.1.2.1.1.3.0",
    "contact": "1.3.6.1.2.1.1.4.0",
    "name": "1.3.6.1.2.1.1.5.0",
    "location": "1.3.6.1.2.1.1.6.0",
}
UNKNOWN = "generic"
_GETS, _DESCR = 10_000, 1_000
"""Weights: a system known by an object of its own beats one known by its description, that one beats a bare OID."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A system that fits, how well, and why."""

    profile: str
    system: System | None
    weight: int
    reasons: tuple[str, ...]


async def greet(reader: Reader) -> Identity:
    """Asks the device for its system group, which tells whether it is the one of before. Of no profile yet."""
    await reader.load([Reference(oid) for oid in SYSTEM.values()], "system", always=True)
    raw = {name: reader.value(Reference(oid), "0") for name, oid in SYSTEM.items()}
    seen = {name: "" if value is None else as_text(value) for name, value in raw.items() if name != "uptime"}
    uptime = None if raw["uptime"] is None else as_number(raw["uptime"])
    return Identity(
        UNKNOWN,
        vendor="",
        os=UNKNOWN,
        name=seen["name"],
        descr=seen["descr"],
        object_id=seen["object_id"],
        location=seen["location"],
        contact=seen["contact"],
        uptime_s=None if uptime is None else uptime / 100,
    )


async def identify(reader: Reader, library: Library, greeted: Identity, forced: str = "") -> Identity:
    """Finds the profile of a device that has been greeted, and asks for what stands in that device's own tables.

    A profile that is forced wins over all that would fit; of its systems the one that fits counts, else the first.
    """
    choice = await choose(reader, library, greeted.object_id, greeted.descr, forced)
    profile = choice.profile if choice else UNKNOWN
    own = [choice.system.device] if choice and choice.system else []
    facts = await _facts(reader, [*own, *(layer.device for layer in library.layers[profile])])
    return replace(
        greeted,
        profile=profile,
        vendor=choice.system.vendor if choice and choice.system else "",
        os=choice.system.os if choice and choice.system else UNKNOWN,
        model=facts["model"],
        version=facts["version"],
        serial=facts["serial"],
        reasons=choice.reasons if choice else ("no profile knows this device",),
    )


async def choose(reader: Reader, library: Library, object_id: str, descr: str, forced: str = "") -> Choice | None:
    """The system that fits best; extra objects are asked only where all else of a match fits, all in one go."""
    fitting = [
        (name, system, match, reasons)
        for name, system in library.systems()
        for match in system.match
        if name == (forced or name) and (reasons := _fits(match, object_id, descr)) is not None
    ]
    wanted = [Reference(oid) for _, _, match, _ in fitting for oid in match.gets]
    await reader.load(wanted, "identity")
    choices: list[Choice] = []
    for name, fits, match, reasons in fitting:
        asked = _answers(reader, match)
        if asked is not None:
            choices.append(Choice(name, fits, _weight(match, object_id), (*reasons, *asked)))
    best = max(choices, key=lambda choice: choice.weight, default=None)
    if not forced:
        return best
    system = best.system if best else next(iter(library.layers[forced][0].systems), None)
    return Choice(forced, system, 0, ("it was told to be", *(best.reasons if best else ())))


def _fits(match: Match, object_id: str, descr: str) -> tuple[str, ...] | None:
    reasons = []
    if match.object_id:
        glob = _longest(match.object_id, object_id)
        if glob is None:
            return None
        reasons.append(f"sysObjectID {object_id} is {glob}")
    if match.descr:
        pattern = next((one for one in match.descr if one.search(descr)), None)
        if pattern is None:
            return None
        reasons.append(f"sysDescr has {pattern.pattern!r}")
    if any(one.search(descr) for one in match.except_descr):
        return None
    return tuple(reasons) if reasons or match.gets else None


def _longest(globs: Sequence[str], object_id: str) -> str | None:
    fitting = [glob for glob in globs if _is_below(glob, object_id)]
    return max(fitting, key=len, default=None)


def _is_below(glob: str, object_id: str) -> bool:
    if not glob.endswith("*"):
        return glob == object_id
    beginning = glob[:-1]
    return object_id.startswith(beginning) or object_id == beginning.rstrip(".")


def _answers(reader: Reader, match: Match) -> tuple[str, ...] | None:
    reasons = []
    for oid, pattern in match.gets.items():
        reference = Reference(oid)
        row = next(iter(reader.rows(reference)), None)
        value = None if row is None else reader.value(reference, row)
        if value is None or pattern.search(as_text(value)) is None:
            return None
        reasons.append(f"{oid} is {as_text(value)[:60]!r}")
    return tuple(reasons)


def _weight(match: Match, object_id: str) -> int:
    glob = _longest(match.object_id, object_id)
    arcs = 0 if glob is None else 2 * glob.rstrip(".*").count(".") + (not glob.endswith("*"))
    return _GETS * bool(match.gets) + _DESCR * bool(match.descr) + arcs


async def _facts(reader: Reader, sources: Sequence[Facts]) -> dict[str, str]:
    found = dict.fromkeys(("model", "version", "serial"), "")
    for name in found:
        for facts in sources:
            text = await _first(reader, getattr(facts, name))
            if text:
                found[name] = text
                break
    return found


async def _first(reader: Reader, sources: Sequence[Source]) -> str:
    for source in sources:
        references = references_in(source.text)
        await reader.load(references, "identity")
        for text in _candidates(reader, source, references):
            if picked := source.picked(text):
                return picked
    return ""


def _candidates(reader: Reader, source: Source, references: Sequence[Reference]) -> Iterator[str]:
    """The source's text for each row of the table that it reads; one, where it reads single objects."""
    table = next((reference for reference in references if not reference.is_scalar), None)
    for index in reader.rows(table) if table else ["0"]:
        yield reader.text(source.text, index)
