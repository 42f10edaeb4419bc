"""What comes next: forecasts with honest intervals, dates of exhaustion, trends, changes, seasons and like shapes."""

from netmon_analytics.forecast.ensemble import Forecast, ensemble, fill
from netmon_analytics.forecast.exhaustion import Exhaustion, time_until, trend_until
from netmon_analytics.forecast.seasons import Season, seasons
from netmon_analytics.forecast.shape import Likeness, similar
from netmon_analytics.forecast.trend import changes, last_change, mann_kendall, theil_sen

__all__ = [
    "Exhaustion",
    "Forecast",
    "Likeness",
    "Season",
    "changes",
    "ensemble",
    "fill",
    "last_change",
    "mann_kendall",
    "seasons",
    "similar",
    "theil_sen",
    "time_until",
    "trend_until",
]
