"""What clocks show where devices are: days and weeks begin there, and summer time comes and goes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

QUARTER_S: Final = 900.0
"""Clocks are set forward and back at quarters of an hour."""


class Clocks:
    """zone: of devices of no site in `zones`; None is that of this machine. site_of: where a device is, by its name."""

    def __init__(self, zone: tzinfo | None, zones: Mapping[str, tzinfo], site_of: Callable[[str], str]) -> None:
        self._zone = zone
        self._zones = zones
        self._site_of = site_of
        self._known: tuple[float, Sequence[str]] = (-1.0, ())
        self.ahead_s: NDArray[np.int32] = np.zeros(0, np.int32)
        """How far each device's clock is ahead of UTC, in the order of the last `look`."""

    def look(self, devices: Sequence[str], now_s: float) -> None:
        """Costs nothing while there are the same devices and no clock can have been set."""
        known = now_s // QUARTER_S, devices
        if known == self._known:
            return
        self._known = known
        elsewhere = {site: _ahead_s(zone, now_s) for site, zone in self._zones.items()}
        here = _ahead_s(self._zone, now_s)
        sites = map(self._site_of, devices) if elsewhere else ("" for _ in devices)
        self.ahead_s = np.array([elsewhere.get(site, here) for site in sites], np.int32)


def _ahead_s(zone: tzinfo | None, now_s: float) -> int:
    ahead = datetime.fromtimestamp(now_s, UTC).astimezone(zone).utcoffset() or timedelta()
    return round(ahead.total_seconds())
