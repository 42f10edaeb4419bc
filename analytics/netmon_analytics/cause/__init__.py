"""Why: the probable causes of what went wrong in a network, and what else they hit."""

from netmon_analytics.cause.evidence import NOBODY, Changed, Earlier, Observation, Observations
from netmon_analytics.cause.judge import Cause, Shown, rank
from netmon_analytics.cause.network import Network
from netmon_analytics.cause.nouns import Change, Fault, Relation, Sign
from netmon_analytics.cause.weights import Weights

__all__ = [
    "NOBODY",
    "Cause",
    "Change",
    "Changed",
    "Earlier",
    "Fault",
    "Network",
    "Observation",
    "Observations",
    "Relation",
    "Shown",
    "Sign",
    "Weights",
    "rank",
]
