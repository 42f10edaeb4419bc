"""The few constants of the judgement, and what each kind of fault is expected to show."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from netmon_analytics.cause.nouns import Change, Fault, Relation, Sign


class Level(IntEnum):
    """How sure a sign is to show where a fault is.

    FEW and PART: the fault may show so or in other ways, which is chosen once; at few places or at all of them, or at
    any part of them or all. MOSTLY: as sure as the map is.
    """

    FEW = 0
    PART = 1
    MAYBE = 2
    LIKELY = 3
    MOSTLY = 4
    SURE = 5


class Rarity(IntEnum):
    """How often a kind of fault is the cause, before anything is known."""

    COMMON = 0
    USUAL = 1
    RARE = 2


@dataclass(frozen=True)
class Weights:
    """All constants. What is added up are natural logarithms of odds; halving or doubling one changes little.

    doubt: how often a sign that is sure to show is not there. likely, maybe: how often the other kinds of sign show at
    all. rate: at how many of the places they show then. part: a part of the places is no part of the fault if it is
    smaller. firmness: how many observations this knowledge of rates is worth (the sum of the beta distribution's
    parameters). answered: what it costs beside that, for each doubling of their number, if places answer to which there
    should be no way: an answer is better proof than a silence.
    unexplained: what a sign costs that a cause leaves unexplained; crowd: where so many of them and more are next to
    each other, each further one costs less and less, as another single cause may explain them all. faint: what a sign
    counts among these that often comes by itself, or that was there before.
    usual, rare: how much less often such kinds are the cause. another: the price of a second fault at the same time.
    change: what a change at the subject just before counts at most; else it counts as much as it is unlikely to have
    been there by chance, by how many changes there were on the whole network within window_s.
    late: what it costs at most that the subject's own signs came after those that it is to explain; late_s: after
    how long it costs two thirds of that, and how far times may be off.
    history: what each doubling of the subject's earlier incidents counts.
    temperature: by how much the judgement overrates its evidence, because signs depend on each other.
    """

    doubt: float = 0.05
    likely: float = 0.7
    maybe: float = 0.25
    rate: float = 0.7
    part: float = 0.2
    firmness: float = 4.0
    answered: float = 2.0
    unexplained: float = 5.0
    crowd: float = 20.0
    faint: float = 0.4
    usual: float = 1.0
    rare: float = 2.5
    another: float = 3.0
    change: float = 8.0
    window_s: float = 3600.0
    late: float = 3.0
    late_s: float = 120.0
    history: float = 0.5
    temperature: float = 2.0

    def chance(self, level: Level) -> float:
        """That a kind of sign shows at all."""
        return (self.maybe, self.maybe, self.maybe, self.likely, 1.0 - self.doubt, 1.0)[level]

    def rate_of(self, level: Level) -> float:
        return 1.0 - self.doubt if level >= Level.MOSTLY else self.rate

    def price(self, rarity: Rarity) -> float:
        return (0.0, self.usual, self.rare)[rarity]


FAINT: Final = frozenset({Sign.LATENCY, Sign.LOAD, Sign.ERRORS, Sign.BUSY_LINK, Sign.OTHER})

RARITIES: Final = {
    Fault.LINK: Rarity.COMMON,
    Fault.DEVICE: Rarity.COMMON,
    Fault.CONGESTION: Rarity.USUAL,
    Fault.HOST: Rarity.USUAL,
    Fault.NAMES: Rarity.USUAL,
    Fault.CONFIGURATION: Rarity.COMMON,
    Fault.VIEW: Rarity.USUAL,
    Fault.POWER: Rarity.RARE,
    Fault.ROUTING: Rarity.RARE,
}

CHANGES: Final = {
    Fault.CONFIGURATION: frozenset({Change.CONFIGURATION, Change.SOFTWARE}),
    Fault.DEVICE: frozenset({Change.SOFTWARE, Change.RESTART, Change.HARDWARE}),
    Fault.LINK: frozenset({Change.LINKS, Change.HARDWARE}),
    Fault.HOST: frozenset({Change.SOFTWARE, Change.HARDWARE}),
    Fault.NAMES: frozenset({Change.SOFTWARE, Change.CONFIGURATION}),
}
"""Which changes speak for a kind of fault. One of configuration is never the cause without any."""

Expected = dict[Relation, dict[Sign, Level]]

_GONE: Final = {Sign.UNREACHABLE: Level.MOSTLY, Sign.SERVICE: Level.LIKELY, Sign.NAMES: Level.LIKELY}
_PARTED: Final = {Sign.LINK_DOWN: Level.SURE, Sign.PEER_LOST: Level.LIKELY}
_MOVED: Final[Expected] = {
    Relation.MOVED: {
        Sign.LOSS: Level.PART,
        Sign.LATENCY: Level.PART,
        Sign.BUSY_LINK: Level.FEW,
        Sign.SERVICE: Level.PART,
    }
}
_MISSED: Final = {Sign.NAMES: Level.LIKELY, Sign.SERVICE: Level.LIKELY}


EXPECTED: Final[dict[Fault, Expected]] = {
    Fault.LINK: {
        Relation.OWN: {**_PARTED, Sign.ERRORS: Level.MAYBE},
        Relation.BEHIND: _GONE,
        **_MOVED,
    },
    Fault.DEVICE: {
        Relation.OWN: {Sign.UNREACHABLE: Level.SURE, Sign.RESTART: Level.MAYBE, Sign.SERVICE: Level.LIKELY},
        Relation.FACING: _PARTED,
        Relation.BEHIND: _GONE,
        Relation.NEEDING: _MISSED,
        **_MOVED,
    },
    Fault.POWER: {
        Relation.OWN: {
            Sign.UNREACHABLE: Level.SURE,
            Sign.POWER: Level.LIKELY,
            Sign.RESTART: Level.MAYBE,
            Sign.SERVICE: Level.LIKELY,
        },
        Relation.FACING: _PARTED,
        Relation.BEHIND: _GONE,
        Relation.NEEDING: _MISSED,
        **_MOVED,
    },
    Fault.ROUTING: {
        Relation.OWN: {Sign.PEER_LOST: Level.SURE, Sign.UNREACHABLE: Level.MAYBE, Sign.LOAD: Level.MAYBE},
        Relation.FACING: {Sign.PEER_LOST: Level.SURE},
        Relation.BEHIND: {**dict.fromkeys(_GONE, Level.LIKELY), Sign.LOSS: Level.MAYBE},
        **_MOVED,
    },
    Fault.CONGESTION: {
        Relation.OWN: {Sign.BUSY_LINK: Level.SURE, Sign.ERRORS: Level.MAYBE, Sign.LOSS: Level.LIKELY},
        Relation.CROSSING: {Sign.LOSS: Level.LIKELY, Sign.LATENCY: Level.LIKELY, Sign.SERVICE: Level.MAYBE},
    },
    Fault.CONFIGURATION: {
        Relation.OWN: dict.fromkeys(
            (Sign.LINK_DOWN, Sign.PEER_LOST, Sign.UNREACHABLE, Sign.LOSS, Sign.ERRORS, Sign.LOAD, Sign.SERVICE),
            Level.FEW,
        ),
        Relation.FACING: dict.fromkeys(_PARTED, Level.FEW),
        Relation.BEHIND: dict.fromkeys((*_GONE, Sign.LOSS), Level.PART),
        Relation.CROSSING: dict.fromkeys((Sign.SERVICE, Sign.NAMES, Sign.LOSS), Level.PART),
        Relation.NEEDING: dict.fromkeys(_MISSED, Level.PART),
    },
    Fault.NAMES: {
        Relation.OWN: {Sign.NAMES: Level.SURE, Sign.LOAD: Level.MAYBE, Sign.SERVICE: Level.LIKELY},
        Relation.NEEDING: {Sign.NAMES: Level.SURE},
    },
    Fault.HOST: {
        Relation.OWN: {
            Sign.LOAD: Level.SURE,
            Sign.LATENCY: Level.LIKELY,
            Sign.SERVICE: Level.LIKELY,
            Sign.LOSS: Level.MAYBE,
            Sign.NAMES: Level.MAYBE,
        },
        Relation.NEEDING: _MISSED,
    },
    Fault.VIEW: {
        Relation.OWN: {Sign.LATE: Level.LIKELY, Sign.LOAD: Level.MAYBE},
        Relation.VIEWED: {Sign.UNREACHABLE: Level.SURE, Sign.LATENCY: Level.MAYBE},
    },
}

CHANGED_PORT: Final[Expected] = {
    Relation.OWN: dict.fromkeys(_PARTED, Level.LIKELY),
    Relation.BEHIND: _GONE,
    **_MOVED,
}
"""What a changed node shows where the change has broken one of its links: as a broken one, but its port may be up."""


@dataclass(frozen=True)
class Way:
    """A way in which a kind of fault shows. like: the kind whose subjects it has: a changed node may show as itself, or
    as one of its links."""

    fault: Fault
    like: Fault
    expected: Expected


WAYS: Final = (
    *(Way(fault, fault, expected) for fault, expected in EXPECTED.items()),
    Way(Fault.CONFIGURATION, Fault.LINK, CHANGED_PORT),
)
