"""What was found out about an incident, as it is kept and shown."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Finding:
    """A probable cause. devices: where it is. evidence: in words, and by how much each piece changes the logarithm of
    the odds. beside: 0, or which further fault at the same time it is."""

    fault: str
    subject: str
    devices: tuple[str, ...]
    title: str
    score: float
    evidence: tuple[tuple[str, float], ...]
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Toll:
    """What is hit, by names. links: that will be overloaded, and the part of their capacity that they are to carry.
    unwatched: devices that nobody looks at while a poller sees nothing. filling: links that are to be overloaded in the
    coming hours, and not yet."""

    devices: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    needing: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    links: tuple[tuple[str, float], ...] = ()
    unwatched: tuple[str, ...] = ()
    filling: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """All about an incident as of a time. signs: how many were looked at that are there. priority: 0 to 100."""

    number: int
    at_ms: int
    signs: int
    causes: tuple[Finding, ...]
    toll: Toll
    priority: float

    @property
    def cause(self) -> Finding | None:
        """The most probable one."""
        return self.causes[0] if self.causes else None


def pack(findings: Findings) -> bytes:
    return orjson.dumps(asdict(findings))


def unpack(content: bytes) -> Findings:
    plain = orjson.loads(content)
    causes = tuple(
        Finding(
            **{
                **one,
                "devices": tuple(one["devices"]),
                "evidence": tuple((text, worth) for text, worth in one["evidence"]),
            }
        )
        for one in plain["causes"]
    )
    toll: dict[str, Any] = {
        name: tuple(tuple(one) if isinstance(one, list) else one for one in ones)
        for name, ones in plain["toll"].items()
    }
    return Findings(**{**plain, "causes": causes, "toll": Toll(**toll)})
