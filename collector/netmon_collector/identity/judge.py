"""How sure it is that two sets of witnesses speak of one device, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

from netmon_collector.identity.witness import Witnesses

SAME: Final = 0.95
"""From here on nobody needs to be asked."""
LIKELY: Final = 0.5
"""From here on people are asked."""
OTHER: Final = 0.1
"""Below, what a known device says now contradicts what it said before."""

_ENOUGH_MACS: Final = 0.5
_OF_MASTER: Final = -0.3
"""What a stack takes from its master becomes another's when that fails."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A witness that agrees (`weight` above 0) or contradicts (below), in words."""

    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sameness` from 0 to 1, and the reasons, strongest first."""

    sameness: float
    reasons: tuple[Reason, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(one.text for one in self.reasons)


def compare(one: Witnesses, another: Witnesses, *, same_site: bool = True) -> Verdict:
    """Weighs witnesses as if they were independent: what agrees makes sure, what contradicts takes that away again.

    What only one side tells counts for nothing. Private addresses and names are compared within one site.
    """
    reasons = sorted(_reasons(one, another, same_site), key=lambda reason: -abs(reason.weight))
    agreed = 1.0 - prod(1.0 - reason.weight for reason in reasons if reason.weight > 0)
    kept = prod(1.0 + reason.weight for reason in reasons if reason.weight < 0)
    return Verdict(agreed * kept, tuple(reasons))


def _reasons(one: Witnesses, another: Witnesses, same_site: bool) -> Iterator[Reason]:
    yield from _plain("agent id", one.agent, another.agent, 0.99, -0.3)
    yield from _plain("machine id", one.machine, another.machine, 0.6, -0.6)
    is_stack = len(one.serials | another.serials) > 1 and bool(one.serials & another.serials)
    yield from _plain("SNMP engine id", one.engine, another.engine, 0.7, _OF_MASTER if is_stack else -0.6)
    yield from _plain("base MAC address", one.base, another.base, 0.8, _OF_MASTER if is_stack else -0.8)
    yield from _serials(one, another)
    yield from _macs(one, another)
    if same_site:
        yield from _plain("name", one.name, another.name, 0.3, -0.1)
        yield from _addresses(one, another)
    if one.vendor and another.vendor and one.vendor != another.vendor:
        yield Reason(-0.5, f"vendors differ: {one.vendor} and {another.vendor}")
    elif one.model and another.model and one.model != another.model:
        yield Reason(-0.3, f"models differ: {one.model} and {another.model}")


def _plain(what: str, one: str, another: str, agrees: float, differs: float) -> Iterator[Reason]:
    if one and another:
        same = one == another
        text = f"same {what} {one}" if same else f"{what}s differ: {one} and {another}"
        yield Reason(agrees if same else differs, text)


def _serials(one: Witnesses, another: Witnesses) -> Iterator[Reason]:
    if not one.serials or not another.serials:
        return
    both = one.serials & another.serials
    if both:
        yield Reason(0.8, f"same serial number {_some(both)}")
    else:
        yield Reason(-0.8, f"serial numbers differ: {_some(one.serials)} and {_some(another.serials)}")


def _macs(one: Witnesses, another: Witnesses) -> Iterator[Reason]:
    if not one.macs or not another.macs:
        return
    both = one.macs & another.macs
    share = len(both) / min(len(one.macs), len(another.macs))
    if share >= _ENOUGH_MACS:
        yield Reason(0.9 * share, f"same MAC address of {len(both)} ports, such as {min(both)}")
    elif not both:
        yield Reason(-0.6, f"no MAC address in common: {_some(one.macs)} and {_some(another.macs)}")


def _addresses(one: Witnesses, another: Witnesses) -> Iterator[Reason]:
    if not one.addresses or not another.addresses:
        return
    both = one.addresses & another.addresses
    if both:
        yield Reason(0.3, f"same address {_some(both)}")
    else:
        yield Reason(-0.05, "no address in common")


def _some(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)[:3]) + (", …" if len(values) > 3 else "")
