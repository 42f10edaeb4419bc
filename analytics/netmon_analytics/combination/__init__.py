"""Whether the values of some series fit each other: combinations that are odd though each value is not."""

from netmon_analytics.combination.alarm import Alarms
from netmon_analytics.combination.choice import choose
from netmon_analytics.combination.model import MOST_SERIES, Fitted, Models, fit

__all__ = ["MOST_SERIES", "Alarms", "Fitted", "Models", "choose", "fit"]
