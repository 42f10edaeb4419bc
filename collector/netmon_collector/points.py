"""Samples that came one by one, for those who listen: which of them a subscription wants, and these as frames."""

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Frame, Group, Places, Points, Times
from netmon_collector.store.match import Matching

_UNKNOWN, _WANTED, _UNWANTED = 0, 1, 2


class Wanted:
    """What one set of matchers accepts of a group that grows; each series is judged once."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._group: Group | None = None
        self._verdicts: npt.NDArray[np.int8] = np.zeros(0, np.int8)

    def of(self, points: Points) -> npt.NDArray[np.bool_]:
        """Which samples are wanted; same length."""
        if self._group is not points.group:
            self._group, self._verdicts = points.group, np.zeros(0, np.int8)
        missing = len(points.group.labels) - len(self._verdicts)
        if missing > 0:
            spare = len(self._verdicts)
            self._verdicts = np.concatenate((self._verdicts, np.zeros(missing + spare, np.int8)))
        verdicts = self._verdicts[points.columns]
        if not verdicts.all():
            for column in np.unique(points.columns[verdicts == _UNKNOWN]).tolist():
                accepted = self._matching.accepts(points.group.labels[column])
                self._verdicts[column] = _WANTED if accepted else _UNWANTED
            verdicts = self._verdicts[points.columns]
        wanted: npt.NDArray[np.bool_] = verdicts == _WANTED
        return wanted


def frames_of(points: Points, chosen: npt.NDArray[np.bool_]) -> list[Frame]:
    """The chosen samples; series that have one sample at the same time are in one frame, any other has its own."""
    places = np.flatnonzero(chosen)
    if not places.size:
        return []
    order = np.lexsort((places, points.times[places], points.columns[places]))
    columns, times = points.columns[places][order], points.times[places][order]
    stays = np.append((columns[1:] != columns[:-1]) | (times[1:] != times[:-1]), True)  # of one time, the last
    columns, times, values = columns[stays], times[stays], points.values[places][order][stays]
    starts = np.append(True, columns[1:] != columns[:-1])
    alone = starts & np.append(starts[1:], True)
    by_time = np.flatnonzero(alone)[np.argsort(times[alone], kind="stable")]
    labels = points.group.labels
    return [
        Frame([labels[one] for one in columns[part].tolist()], times[part[:1]], values[part][None, :])
        for part in _runs(by_time, times[by_time])
    ] + [
        Frame([labels[int(columns[part[0]])]], times[part], values[part][:, None])
        for part in _runs(np.flatnonzero(~alone), columns[~alone])
    ]


def _runs(places: Places, keys: Times) -> list[Places]:
    """The places, cut wherever the key changes."""
    return np.split(places, np.flatnonzero(keys[1:] != keys[:-1]) + 1) if places.size else []
