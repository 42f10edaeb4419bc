"""What every model of the service can: learn, go on from a version, look at what comes, and say how good it is."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from netmon_analytics.models.interfaces import Arrays
from netmon_collector.models.shelf import Version
from netmon_collector.models.workshop import Workshop

DRIFTED: Final = {"stability index": 0.25, "error": 2.0}
"""From where a measure of drift says that a model is to be trained again."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a training came to: arrays of a version, and what is to be known of it."""

    arrays: Arrays
    about: dict[str, Any]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model does since it was trained.

    asked, measured: alarms in a week of one series, or the part of the values within the interval; `over` says of
    how much that is measured. drift: by `measure`, None while too little was seen.
    """

    asked: float
    measured: float | None
    over: str
    measure: str
    drift: float | None

    @property
    def has_drifted(self) -> bool:
        return self.drift is not None and self.drift > DRIFTED[self.measure]


class Keeper(Protocol):
    """One model at work. Raises ModelError for what cannot be done, TrainingFailed from `train`."""

    async def train(self, workshop: Workshop, now_ms: int) -> Made:
        """Learns from history in a process of its own; nothing changes by it."""
        ...

    def take_up(self, version: Version, arrays: Arrays) -> None:
        """Goes on from a version."""
        ...

    async def follow(self, now_ms: int) -> None:
        """Looks at what came since it was asked last."""
        ...

    def standing(self) -> Standing | None:
        """None where it was never trained."""
        ...
