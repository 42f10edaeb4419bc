"""From pieces of series, of a server and of our queue, to frames."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from netmon_collector.store.base import Frame, Times, Values
from netmon_collector.store.outside.base import Piece
from netmon_proto.model import Labels


def frames(pieces: Iterable[Piece]) -> list[Frame]:
    """One frame for all series with exactly the same times."""
    by_series: defaultdict[Labels, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if len(piece.times):
            by_series[piece.labels].append(piece)
    alike: defaultdict[bytes, list[tuple[Labels, Values]]] = defaultdict(list)
    for labels, parts in by_series.items():
        times, values = _one(parts)
        alike[times.tobytes()].append((labels, values))
    return [
        Frame([labels for labels, _ in members], np.frombuffer(times, np.int64), _side_by_side(members))
        for times, members in alike.items()
    ]


def _side_by_side(members: Sequence[tuple[Labels, Values]]) -> Values:
    """The values of all series, a series at a time: one call for all would hold up every other thread."""
    values = np.empty((len(members), len(members[0][1])))
    for place, (_, own) in enumerate(members):
        values[place] = own
    return values.T


def _one(parts: list[Piece]) -> tuple[Times, Values]:
    """A series from its pieces: times strictly increasing, of two samples at one time that of the higher order."""
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    if np.all(times[1:] > times[:-1]):
        return times, values
    orders = np.concatenate([part.orders for part in parts])
    sorting = np.lexsort((orders, times))
    times, values = times[sorting], values[sorting]
    last = np.append(times[1:] != times[:-1], True)
    return times[last], values[last]
