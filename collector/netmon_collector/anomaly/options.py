"""How series are judged, in collector.yaml."""

from pydantic import Field

from netmon_collector.alerts.calendar_options import Zone
from netmon_configs.options import Options


class AnomalyOptions(Options):
    enabled: bool = True
    max_series: int = Field(default=100_000, ge=1)
    """Series beyond so many are not judged until others are gone; each takes 2 KB of memory and of disk."""

    zone: Zone | None = None
    """By whose clocks a day and a week are; none is those of the collector's machine."""

    zones: dict[str, Zone] = Field(default_factory=dict, max_length=10_000)
    """The same of sites that have others, by their names."""

    weeks_per_alarm: float = Field(default=4.0, ge=0.1, le=520)
    """How many weeks of one series may pass between two false alarms."""
