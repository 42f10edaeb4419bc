"""Sets of VLANs, which a port or a link carries. As numbers of 4,095 bits: a port may be in all of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HIGHEST: Final = 4094
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


@dataclass(frozen=True, slots=True)
class Vlans:
    """What is carried with a tag, and what without: bit 10 stands for VLAN 10. Nothing at all: nobody tells."""

    tagged: int = 0
    untagged: int = 0

    def __contains__(self, vlan: int) -> bool:
        return bool((self.tagged | self.untagged) >> vlan & 1)

    def __bool__(self) -> bool:
        return bool(self.tagged | self.untagged)

    def common(self, other: "Vlans") -> "Vlans":
        """What a cable carries between two ports: both tag it, or neither does. An end that tells nothing agrees."""
        if not self or not other:
            return self if self else other
        return Vlans(self.tagged & other.tagged, self.untagged & other.untagged)


def bits_of(vlans: Iterable[int]) -> int:
    """VLANs as a number; what is no VLAN is left out."""
    found = 0
    for vlan in vlans:
        if 0 < vlan <= HIGHEST:
            found |= 1 << vlan
    return found


def ranges(bits: int) -> str:
    """VLANs as people write them: `1,10-20`."""
    parts, vlan = [], 0
    while bits >> vlan:
        rest = bits >> vlan
        first = vlan + (rest & -rest).bit_length() - 1
        run = ~(bits >> first)
        vlan = first + (run & -run).bit_length() - 1
        parts.append(str(first) if vlan - first == 1 else f"{first}-{vlan - 1}")
    return ",".join(parts)


def read_ranges(text: str) -> int:
    """The opposite of `ranges`; what cannot be read is left out."""
    found = 0
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match:
            first, last = int(match[1]), int(match[2] or match[1])
            if 0 < first <= last <= HIGHEST:
                found |= (1 << (last + 1)) - (1 << first)
    return found
