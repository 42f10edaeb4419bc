"""What is odd in a stream of samples: one ensemble over many series at once, state in arrays, nothing ahead of time."""

from netmon_analytics.anomaly.constants import Constants
from netmon_analytics.anomaly.detector import Detector
from netmon_analytics.anomaly.explain import Explanation, Pardon, bands, explain, explain_many, pardon, undo
from netmon_analytics.anomaly.judge import Scores
from netmon_analytics.anomaly.kinds import Kind
from netmon_analytics.anomaly.state import COMPONENTS, State

__all__ = [
    "COMPONENTS",
    "Constants",
    "Detector",
    "Explanation",
    "Kind",
    "Pardon",
    "Scores",
    "State",
    "bands",
    "explain",
    "explain_many",
    "pardon",
    "undo",
]
