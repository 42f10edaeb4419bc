"""Which of what a sweep finds is polled without anybody being asked: rules of people."""

import ipaddress
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from netmon_proto.model import Found

TOLD: Final = ("name", "vendor", "model", "os", "profile")
FIELDS: Final = ("network", *TOLD)
Rule = Mapping[str, str]
"""A network for `network`, patterns such as `sw-*` for what a device told of itself; all of them must fit."""


class BadRule(ValueError):
    """A rule that can't be meant so; says why."""


def parse(text: str) -> dict[str, str]:
    """A rule as people write it: `vendor=cisco,name=sw-*`. Raises BadRule."""
    pairs = [part.partition("=") for part in text.split(",")]
    return checked({name.strip(): value.strip() for name, _, value in pairs})


def checked(rule: Rule) -> dict[str, str]:
    """The rule, if it is one. Raises BadRule."""
    for name, value in rule.items():
        if name not in FIELDS:
            raise BadRule(f"{name[:40]!r} is nothing to go by: it can be {', '.join(FIELDS)}")
        if not value:
            raise BadRule(f"{name} needs a value, as {name}=…")
    if not rule:
        raise BadRule("a rule needs something to go by, such as vendor=cisco")
    if "network" in rule:
        try:
            ipaddress.ip_network(rule["network"], strict=False)
        except ValueError:
            raise BadRule(f"{rule['network'][:64]!r} is no network: write it as 10.0.0.0/24") from None
    return dict(rule)


def fits(rules: Iterable[Rule], found: Found) -> bool:
    """Whether any rule is for what was found."""
    return any(_fits(rule, found) for rule in rules)


def _fits(rule: Rule, found: Found) -> bool:
    for name, wanted in rule.items():
        if name == "network":
            if ipaddress.ip_address(found.address) not in ipaddress.ip_network(wanted, strict=False):
                return False
        elif not fnmatchcase(found.told.get(name, "").lower(), wanted.lower()):
            return False
    return True
