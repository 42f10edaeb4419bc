"""A beginning for a profile: what a device answers, sorted into tables and single objects, and written as YAML."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netmon_agent.snmp.session import Value
from netmon_agent.snmp.values import as_number, as_text
from netmon_cli.mibs import MibObject, Names

ENTERPRISES = "1.3.6.1.4.1"
MOST_OBJECTS = 400
_CLASSES = [
    (r"temp", "temperature"), (r"humid", "humidity"), (r"fan.*(speed|rpm)|rpm", "fanspeed"), (r"volt", "voltage"),
    (r"curr|amper", "current"), (r"power|watt", "power"), (r"freq", "frequency"), (r"dbm|optic.*(rx|tx)", "dbm"),
]  # fmt: skip
_SEVERITIES = [
    (r"unknown|other|notavail|invalid|undef", "unknown"),
    (r"warn|degrad|minor|slow|standby|partial", "warning"),
    (r"fail|crit|down|fault|bad|stop|err|alarm|lost|major|abnormal|nonop", "critical"),
    (r"ok|up|on|normal|good|run|activ|present|enabl|online|connect|operational|ready", "ok"),
]
_FACTS = [("serial", r"serial"), ("model", r"model|product.?name"), ("version", r"version|firmware|release|sw.?rev")]
_DIVISORS = [(r"0\.01|1/100|hundredth|centi", 100), (r"0\.1|1/10|tenth|deci", 10), (r"0\.001|milli", 1000)]


@dataclass(slots=True)
class Object:
    """A single object, or a column: its name here, what MIBs know of it, and values by index."""

    oid: str
    name: str
    known: MibObject | None
    values: dict[str, Value] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What tells its meaning, in small letters."""
        return f"{self.name} {self.known.units if self.known else ''}".lower()

    @property
    def is_number(self) -> bool:
        return all(isinstance(value, int) for value in self.values.values())

    @property
    def counts(self) -> str:
        """The kind of metric that it is."""
        syntax = self.known.syntax if self.known else ""
        return "counter64" if syntax == "Counter64" else "counter" if syntax in ("Counter", "Counter32") else "gauge"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a device answers below its vendor's number."""

    descr: str
    object_id: str
    scalars: Sequence[Object]
    tables: Mapping[str, Sequence[Object]]


def survey(values: Mapping[str, Value], names: Names) -> Survey:
    """Sorts the values of a walk, given by whole OIDs."""
    descr, object_id = (as_text(values.get(f"1.3.6.1.2.1.1.{n}.0", b"")) for n in (1, 2))
    enterprise = ".".join(object_id.split(".")[:7])
    own = {oid: value for oid, value in values.items() if oid.startswith(f"{enterprise}.")} if enterprise else {}
    rows: dict[str, set[str]] = {}
    for oid in own:
        for entry, column, index in _splits(oid):
            rows.setdefault(entry, set()).add(f"{column} {index}")
    below = Counter(oid.rpartition(".")[0] for oid in own)
    taken = {"index", "vendor"}
    scalars: dict[str, Object] = {}
    tables: dict[str, dict[str, Object]] = {}
    for oid, value in own.items():
        if _is_single(oid, enterprise, below):
            scalars[oid] = Object(oid, _name(oid, names, taken), _known(oid, names), {"0": value})
            continue
        entry, column, index = _split(oid, names, rows)
        found = tables.setdefault(entry, {})
        place = f"{entry}.{column}"
        if place not in found:
            found[place] = Object(place, _name(place, names, taken), _known(place, names))
        found[place].values[index] = value
    return Survey(
        descr, object_id, list(scalars.values()), {entry: list(one.values()) for entry, one in tables.items()}
    )


def _is_single(oid: str, enterprise: str, below: Mapping[str, int]) -> bool:
    """Whether it is no row of a table: it ends in .0, alone, and has no 0 on the way, as no object has one."""
    return oid.endswith(".0") and below[oid[:-2]] == 1 and ".0." not in oid[len(enterprise) :]


def _splits(oid: str) -> Iterable[tuple[str, str, str]]:
    """Where a table's entry might end: SMI numbers it 1, below the table."""
    arcs = oid.split(".")
    for place in range(8, len(arcs) - 2):
        if arcs[place] == "1":
            yield ".".join(arcs[: place + 1]), arcs[place + 1], ".".join(arcs[place + 2 :])


def _split(oid: str, names: Names, rows: Mapping[str, set[str]]) -> tuple[str, str, str]:
    found = names.of(oid)
    if found is not None and found[1]:
        entry, _, column = found[0].oid.rpartition(".")
        return entry, column, found[1]
    fitting = [one for one in _splits(oid) if len(rows[one[0]]) > 1]
    if fitting:
        return fitting[0]
    entry, column, index = oid.rsplit(".", 2)
    return entry, column, index


def _known(oid: str, names: Names) -> MibObject | None:
    found = names.of(oid)
    return found[0] if found is not None and found[1] in ("", "0") else None


def _name(oid: str, names: Names, taken: set[str]) -> str:
    """What MIBs call it, else its numbers; another name where two MIBs have the same."""
    known, numbers = _known(oid, names), "_".join(["object", *oid.removesuffix(".0").split(".")[7:]])
    name = numbers if known is None or known.name in taken else known.name
    taken.add(name)
    return name


def profile_of(found: Survey, source: str) -> str:
    """A profile as YAML, with a value of each object beside it. It is right as it is, and to be looked through."""
    vendor = ".".join(found.object_id.split(".")[:7])
    title = " ".join(found.descr.split())[:60] or "A device"
    os = re.sub(r"[^a-z0-9_.-]+", "-", title.split(" ")[0].lower()).strip("-._") or "device"
    objects = [*found.scalars, *(one for table in found.tables.values() for one in table)][:MOST_OBJECTS]
    kept = {one.oid for one in objects}
    tables = [[one for one in table if one.oid in kept] for table in found.tables.values()]
    lines = [f"# A beginning, made by `netmon profile new` of {_comment(source)}. Look through all of it."]
    lines += [f"title: {_q(title)}", "objects:", f"  vendor: {vendor}"]
    lines += [f"  {one.name}: vendor.{one.oid[len(vendor) + 1 :]}  # {_example(one)}".rstrip(" #") for one in objects]
    lines += ["systems:", f"  - os: {os}", f"    vendor: {_q('Enterprise ' + vendor.rpartition('.')[2])}"]
    lines += ["    match:", f"      sysObjectID: {found.object_id}"]
    lines += _facts([one for one in found.scalars if one.oid in kept])
    sensors = [line for table in tables for line in _sensors(table)]
    lines += ["sensors:", *sensors] if sensors else []
    metrics = [line for table in tables for line in _metrics(table)] + _single(found.scalars, kept)
    lines += ["metrics:", *metrics] if metrics else []
    return "\n".join(lines) + "\n"


def _facts(scalars: Sequence[Object]) -> list[str]:
    """Texts that are called serial, model or version."""
    lines = []
    for fact, pattern in _FACTS:
        match = next((one for one in scalars if not one.is_number and re.search(pattern, one.words)), None)
        if match is not None:
            lines.append(f'  {fact}: "{{{match.name}}}"')
    return ["device:", *lines] if lines else []


def _sensors(table: Sequence[Object]) -> list[str]:
    """Columns with values in words, and those whose name or unit says what they measure."""
    label, lines = _label(table), []
    for one in table:
        states = dict(one.known.words) if one.known else {}
        if states and one.is_number and re.search(r"stat|health|alarm|oper|cond", one.words):
            shown = ", ".join(f'"{number}": {_severity(word)} {word}' for number, word in sorted(states.items()))
            lines += ["  - class: state", f"    value: {one.name}", f'    name: "{label}"', f"    states: {{{shown}}}"]
            continue
        kind = next((name for pattern, name in _CLASSES if re.search(pattern, one.words)), None)
        if kind is not None and not states and one.is_number and one.counts == "gauge":
            divisor = next((size for pattern, size in _DIVISORS if re.search(pattern, one.words)), None)
            lines += [f"  - class: {kind}", f"    value: {one.name}", f'    name: "{label}"']
            lines += [f"    divisor: {divisor}"] if divisor else []
    return lines


def _metrics(table: Sequence[Object]) -> list[str]:
    """Numbers that no sensor stands for, with the table's first text as a label."""
    taken = "\n".join(_sensors(table))
    numbers = [one for one in table if one.is_number and f"value: {one.name}\n" not in f"{taken}\n"]
    if not numbers:
        return []
    text = next((one for one in table if not one.is_number), None)
    labels = 'index: "{index}"' + (f', {text.name}: "{{{text.name}}}"' if text else "")
    return [f"  - labels: {{{labels}}}", "    values:", *(f"      {one.name}: {one.counts}" for one in numbers)]


def _single(scalars: Sequence[Object], kept: set[str]) -> list[str]:
    numbers = [one for one in scalars if one.oid in kept and one.is_number]
    return ["  - values:", *(f"      {one.name}: {one.counts}" for one in numbers)] if numbers else []


def _label(table: Sequence[Object]) -> str:
    texts = [one for one in table if not one.is_number and as_number(next(iter(one.values.values()), 0)) is None]
    named = next((one for one in texts if re.search(r"name|descr|label", one.words)), next(iter(texts), None))
    return f"{{{named.name}}}" if named else f"{table[0].name} {{index}}"


def _severity(word: str) -> str:
    return next((severity for pattern, severity in _SEVERITIES if re.search(pattern, word.lower())), "unknown")


def _example(one: Object) -> str:
    value = next(iter(one.values.values()), "")
    return f"{len(one.values)} x {_comment(as_text(value))}" if len(one.values) > 1 else _comment(as_text(value))


def _comment(text: str) -> str:
    """Text from a device, fit for a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:60].strip()


def _q(text: str) -> str:
    return json.dumps("".join(letter if letter.isprintable() else " " for letter in text), ensure_ascii=False)
