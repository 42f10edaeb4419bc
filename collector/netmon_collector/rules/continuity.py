"""Which rule of a file is which of those that there were before it changed, or before a restart."""

from collections.abc import Mapping, Sequence
from itertools import count

from netmon_collector.rules.model import Group, Rule
from netmon_proto.model import Labels


def keys_of(group: Group, known: Mapping[str, Rule], kept: Mapping[str, Sequence[Labels]]) -> list[str]:
    """The keys by which the rules of a group are known: of its file, its name, theirs, and a number.

    Of several rules of one name each has the number that one with the same labels had, wherever it stands in the group
    by now; `known` are the rules that were at work. After a restart their alerts tell: `kept` are the labels of these.
    """
    numbers: dict[str, list[str]] = {}
    for key in (*known, *kept):
        numbers.setdefault(key.rpartition(";")[0], []).append(key)
    stems = [f"{group.key};{rule.name}" for rule in group.rules]
    found: dict[int, str] = {}
    for place, rule in sorted(enumerate(group.rules), key=lambda one: -len(one[1].labels)):
        free = numbers.get(stems[place], [])
        mine = next((key for key in free if _is(rule, known.get(key), kept.get(key, ()))), None)
        if mine is not None:
            free.remove(mine)
            found[place] = mine
    taken = set(found.values())
    for place, stem in enumerate(stems):
        if place not in found:
            found[place] = next(key for number in count(1) if (key := f"{stem};{number}") not in taken)
            taken.add(found[place])
    return [found[place] for place in range(len(stems))]


def _is(rule: Rule, before: Rule | None, alerts: Sequence[Labels]) -> bool:
    if before is not None:
        return (before.is_alert, before.labels) == (rule.is_alert, rule.labels)
    plain = {pair for pair in rule.labels if "{{" not in pair[1] and pair[1]}
    return rule.is_alert and any(plain.issubset(labels) for labels in alerts)
