"""Series that have come to have the same labels become one, or are an error."""

import numpy as np

from netmon_collector.query.errors import refuse
from netmon_collector.query.masks import everywhere, is_anywhere, is_everywhere, nowhere
from netmon_collector.query.values import METADATA, Vector


def merged(vector: Vector) -> Vector:
    """Series with the same labels as one. Raises QueryError where two of them have a value at the same step."""
    if vector.series.is_distinct:
        return vector
    groups = vector.series.grouped()
    steps = vector.present.shape[1]
    together = np.zeros((len(groups), steps), np.int64)
    np.add.at(together, groups.ids, vector.present)
    if (together > 1).any():
        refuse("vector cannot contain metrics with the same labelset")
    values = np.zeros((len(groups), steps))
    rows, columns = np.nonzero(vector.present)
    values[groups.ids[rows], columns] = vector.values[rows, columns]
    unnamed = np.zeros(len(groups), np.bool_)
    np.logical_or.at(unnamed, groups.ids, vector.unnamed)
    return Vector(vector.series.take(groups.first), values, together > 0, unnamed, ordered=vector.ordered)


def unnamed(vector: Vector) -> Vector:
    """The vector, all of whose series are to lose their names, in no order that counts."""
    losing = everywhere(len(vector.series))
    if vector.unnamed is losing and not vector.ordered:
        return vector
    return Vector(vector.series, vector.values, vector.present, losing)


def settled(vector: Vector) -> Vector:
    """The vector, whose series have lost the names that they were to lose."""
    if not is_anywhere(vector.unnamed):
        return merged(vector)
    series = vector.series
    if is_everywhere(vector.unnamed):
        series = series.once("nameless", lambda: vector.series.without(METADATA))
    else:
        series = series.cleared(METADATA, vector.unnamed)
    return merged(Vector(series, vector.values, vector.present, nowhere(len(series)), ordered=vector.ordered))
