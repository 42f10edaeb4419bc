"""What was learned of a device."""

from dataclasses import dataclass

from netmon_analytics.combination import Fitted
from netmon_proto.model import Labels


@dataclass(frozen=True, slots=True)
class Learned:
    """Which series of a device go together, which of them are counters, and how. step_s: over how long a mean is taken
    of each. learned_s: when, Unix seconds.
    """

    instance: str
    series: tuple[Labels, ...]
    counters: tuple[bool, ...]
    step_s: float
    learned_s: float
    fitted: Fitted
