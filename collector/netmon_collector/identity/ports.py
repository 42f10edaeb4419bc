"""Knows the ports of a device again: their numbers change at restarts, and cards move between slots.

The key of a port is the name that it had at first; its history goes on under it. Metrics are told apart by ifName, so
what is called the same is the same port, whatever its number. Of those that remain, the same hardware is the same port.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PortFacts:
    """A port as its device tells of it now; `entity` is the serial number of the part that it is on."""

    index: int
    name: str = ""
    descr: str = ""
    alias: str = ""
    mac: str = ""
    entity: str = ""


@dataclass(frozen=True, slots=True)
class KnownPort:
    """A port with its key, which never changes; `last_seen_ms` tells whether it is there still."""

    key: str
    facts: PortFacts
    first_seen_ms: int
    last_seen_ms: int


Sign = Callable[[PortFacts], tuple[str, ...]]

_SIGNS: Final[Sequence[Sign]] = (
    lambda one: (one.name, one.mac),
    lambda one: (one.name,),
    lambda one: (one.entity, one.mac),
    lambda one: (one.mac, one.descr),
    lambda one: (one.mac,),
    lambda one: (one.alias, one.descr),
    lambda one: (one.alias,),
    lambda one: (one.descr, str(one.index)),
    lambda one: (one.descr,),
)
"""By what a port is known, best first. A sign counts where all of it is told, by one port before and by one now."""

MOST_GONE: Final = 1_000
"""Ports of a device that are remembered though they are not there any more."""
_LONGEST_KEY: Final = 200


def know_again(
    known: Mapping[str, KnownPort], now: Iterable[PortFacts], now_ms: int
) -> tuple[dict[str, KnownPort], dict[int, str]]:
    """The known ports, brought up to date, and the key of each port of now by its number; of those gone, the last."""
    found: dict[int, str] = {}
    facts = {one.index: one for one in now}
    for sign in _SIGNS:
        taken = set(found.values())
        before = _unique((sign(one.facts), key) for key, one in known.items() if key not in taken)
        after = _unique((sign(one), index) for index, one in facts.items() if index not in found)
        for told, index in after.items():
            if told in before and _may_be(known[before[told]].facts, facts[index]):
                found[index] = before[told]
    found.update(_by_number(known, facts, found))
    ports = dict(known)
    for index in sorted(facts.keys() - found.keys()):
        found[index] = _new_key(facts[index], ports)
        ports[found[index]] = KnownPort(found[index], facts[index], now_ms, now_ms)
    for index, key in found.items():
        ports[key] = replace(ports[key], facts=facts[index], last_seen_ms=now_ms)
    present = set(found.values())
    gone = sorted((one for key, one in ports.items() if key not in present), key=lambda one: one.last_seen_ms)
    for one in gone[:-MOST_GONE]:
        del ports[one.key]
    return ports, found


def _may_be(before: PortFacts, now: PortFacts) -> bool:
    """A port that has a name of its own is not another port's because of what people wrote on both."""
    has_other_name = bool(before.name and now.name and before.name != now.name)
    return not has_other_name or bool(before.mac and before.mac == now.mac)


def _by_number(
    known: Mapping[str, KnownPort], facts: Mapping[int, PortFacts], found: Mapping[int, str]
) -> dict[int, str]:
    """Ports of which nothing but the number is told, or what they tell is told by others too: by their number."""
    taken = set(found.values())
    by_index = {one.facts.index: one for key, one in known.items() if key not in taken}
    matched = {}
    for index, one in facts.items():
        before = by_index.get(index)
        if index not in found and before is not None and _look(before.facts) == _look(one):
            matched[index] = before.key
    return matched


def _look(one: PortFacts) -> tuple[str, ...]:
    return one.name, one.descr, one.mac


def _unique(pairs: Iterable[tuple[tuple[str, ...], T]]) -> dict[tuple[str, ...], T]:
    by_sign: defaultdict[tuple[str, ...], list[T]] = defaultdict(list)
    for sign, value in pairs:
        if all(sign):
            by_sign[sign].append(value)
    return {sign: values[0] for sign, values in by_sign.items() if len(values) == 1}


def _new_key(facts: PortFacts, known: Mapping[str, object]) -> str:
    stem = (facts.name or facts.descr or f"port {facts.index}")[:_LONGEST_KEY]
    candidates = chain([stem], (f"{stem} ({number})" for number in count(2)))
    return next(one for one in candidates if one not in known)
