"""What notifications and their objects are called, and how grave a notification is: as the profiles have it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from netmon_configs.profile import Profile
from netmon_proto.model import Severity

UNKNOWN: Final = Severity.NOTICE
"""Of a notification that no profile knows."""

_STATUS = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
_BGP = {1: "idle", 2: "connect", 3: "active", 4: "opensent", 5: "openconfirm", 6: "established"}
_OSPF_NEIGHBOUR = dict(enumerate("down attempt init twoWay exchangeStart exchange loading full".split(), 1))
_OSPF_INTERFACE = dict(enumerate("down loopback waiting pointToPoint dr bdr other".split(), 1))
_MEANINGS: Final[Mapping[str, Mapping[int, str]]] = {
    "ifAdminStatus": _STATUS,
    "ifOperStatus": _STATUS,
    "bgpPeerState": _BGP,
    "ospfNbrState": _OSPF_NEIGHBOUR,
    "ospfIfState": _OSPF_INTERFACE,
}


class Names:
    """Names by OID. What many notifications have in common is looked up once."""

    def __init__(self, profiles: Iterable[Profile] = ()) -> None:
        self._objects: dict[str, str] = {}
        self._severities: dict[str, Severity] = {}
        for profile in profiles:
            for name, oid in profile.objects.items():
                self._objects.setdefault(oid, name)
            for name, severity in profile.notifications.items():
                if name in profile.objects:
                    self._severities[profile.objects[name]] = Severity[severity.upper()]
                    self._objects[profile.objects[name]] = name
        self.named = lru_cache(maxsize=8192)(self._named)
        self.notification = lru_cache(maxsize=8192)(self._notification)

    def _named(self, oid: str) -> tuple[str, str]:
        """An object's name and its index; of one that nobody knows, its OID."""
        end = len(oid)
        while end > 0:
            if (name := self._objects.get(oid[:end])) is not None:
                return name, oid[end + 1 :]
            end = oid.rfind(".", 0, end)
        return oid, ""

    def _notification(self, oid: str) -> tuple[str, Severity]:
        """A notification's name and how grave it is.

        The 0 before the last number comes and goes when version 1 is translated (RFC 3584, sections 3.1 and 3.2).
        """
        head, _, last = oid.rpartition(".")
        other = f"{head[:-2]}.{last}" if head.endswith(".0") else f"{head}.0.{last}"
        for one in (oid, other):
            if one in self._severities:
                return self._objects[one], self._severities[one]
        return oid, UNKNOWN


def meaning(name: str, value: object) -> str | None:
    """What a number stands for, of the few objects where that is told at a glance; else None."""
    return _MEANINGS[name].get(value) if name in _MEANINGS and isinstance(value, int) else None
