"""What comes next: forecasts with honest intervals, dates of exhaustion, trends and changes."""

from netmon_analytics.forecast.ensemble import Forecast, ensemble, fill
from netmon_analytics.forecast.exhaustion import Exhaustion, time_until, trend_until
from netmon_analytics.forecast.trend import last_change, mann_kendall, theil_sen

__all__ = [
    "Exhaustion",
    "Forecast",
    "ensemble",
    "fill",
    "last_change",
    "mann_kendall",
    "theil_sen",
    "time_until",
    "trend_until",
]
