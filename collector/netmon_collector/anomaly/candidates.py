"""Which device is to be learned next, and which of its series may be worth a look together."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from netmon_analytics.anomaly import Kind
from netmon_analytics.anomaly.state import Basics
from netmon_collector.anomaly.roster import Roster, name_of
from netmon_proto.model import Labels

DAY_S: Final = 86_400.0
SILENT_S: Final = 3600.0
MOST_CANDIDATES: Final = 32
MOST_OF_A_METRIC: Final = 4
AGAIN_S: Final = DAY_S
"""A device is learned again after this time, and tried again where there was too little."""


def next_device(
    roster: Roster, basics: Basics, looked_s: Mapping[str, float], now_s: float, is_wanted: Callable[[str], bool]
) -> str | None:
    """The device of a day's age that was not looked at for longest; None where each was today."""
    family = roster.families["instance"]
    series = len(roster.labels)
    old = (now_s - basics.first_s[:series] >= DAY_S) & (now_s - basics.last_s[:series] < SILENT_S)
    count = family.count(np.flatnonzero(old))
    due = [
        name
        for name, number in zip(family.values, count.tolist(), strict=True)
        if name and number and now_s - looked_s.get(name, -np.inf) >= AGAIN_S and is_wanted(name)
    ]
    return min(due, key=lambda name: looked_s.get(name, -np.inf), default=None)


def candidates(roster: Roster, basics: Basics, instance: str, now_s: float) -> dict[Labels, bool]:
    """Series of a device, each with whether it is a counter: of each metric those that move most, the metrics that move
    most first.
    """
    rows = np.flatnonzero(roster.families["instance"].are_in({instance}))
    lively = (basics.kind[rows] != Kind.STATE) & (basics.usual[rows] > 0) & (now_s - basics.last_s[rows] < SILENT_S)
    by_name: dict[str, list[int]] = {}
    moves = basics.usual.astype(np.float64) * basics.unit
    for row in sorted(rows[lively].tolist(), key=lambda row: -moves[row]):
        by_name.setdefault(name_of(roster.labels[row]), []).append(row)
    by_name.pop("", None)
    share = basics.usual / np.maximum(basics.magnitude, 1e-9)
    names = sorted(by_name, key=lambda name: -max(share[row] for row in by_name[name]))
    ordered = [
        by_name[name][place] for place in range(MOST_OF_A_METRIC) for name in names if place < len(by_name[name])
    ]
    return {roster.labels[row]: bool(basics.kind[row] == Kind.COUNTER) for row in ordered[:MOST_CANDIDATES]}
