"""Labels as columns of codes."""

import numpy as np

from netmon_collector.query.series import SeriesSet
from netmon_collector.store.labels import LabelIndex
from netmon_proto.model import Labels


def some_labels() -> list[Labels]:
    dice = np.random.default_rng(1)
    made: list[Labels] = [()]
    for number in range(200):
        tags = {"__name__": f"m{number % 7}", "host": f"h{dice.integers(20)}"}
        if number % 3:
            tags[f"extra{number % 5}"] = f"h{number % 4}"
        made.append(tuple(sorted(tags.items())))
    return list(dict.fromkeys(made))


def test_series_of_an_index_are_the_same_as_read_label_by_label() -> None:
    labels = some_labels()
    index = LabelIndex()
    numbers = index.add(labels)
    parts = [index.view(numbers[:50]), index.view(numbers[50:51]), index.view(numbers[51:])]
    indexed, plain = SeriesSet.of_parts(parts), SeriesSet.of_parts([labels[:50], labels[50:]])
    assert len(indexed) == len(labels)
    assert indexed.labels() == plain.labels() == labels
    assert indexed.order().tolist() == plain.order().tolist()
    assert indexed.only(["host"]).grouped().ids.tolist() == plain.only(["host"]).grouped().ids.tolist()


def test_series_of_two_indexes_do_not_mix() -> None:
    one, other = LabelIndex(), LabelIndex()
    first, second = ((("__name__", "a"), ("x", "1")),), ((("__name__", "b"),),)
    views = [one.view(one.add(first)), other.view(other.add(second))]
    assert SeriesSet.of_parts(views).labels() == [*first, *second]
    assert SeriesSet.of_parts([]).labels() == []
