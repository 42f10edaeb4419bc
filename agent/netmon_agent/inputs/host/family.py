"""What a family of host metrics is, and how its series get their keys."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import is_not, itemgetter
from typing import Any, cast

from netmon_agent.inputs.base import Columns, Key
from netmon_proto.model import Kind

Picker = Callable[[Sequence[Any]], Sequence[Any]]

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_:]")
_LABEL_BYTES = 4096  # the protocol's bound on a label's value


class NoData(Exception):
    """This machine has nothing of the kind: no such hardware, or a kernel without it."""


class Family(ABC):
    """Metrics that are read together, named as node_exporter names its collector.

    `gather` returns all its series or raises: NoData where the machine has none, anything else where reading failed.
    The caller isolates, times and logs; a family does none of it. It is called from one thread at a time.
    """

    @abstractmethod
    def gather(self) -> Columns:
        """Reads once. Hands out the same tuple of keys while the series stay the same; keys are sorted."""

    def close(self) -> None:
        """Lets go of what the family holds; nothing is gathered afterwards."""
        return  # most families hold nothing


def gauge(name: str, /, **labels: str) -> Key:
    return _key(name, labels, Kind.GAUGE)


def counter(name: str, /, **labels: str) -> Key:
    return _key(name, labels, Kind.COUNTER)


def untyped(name: str, /, **labels: str) -> Key:
    """For the two collectors of node_exporter that do not tell counters from gauges: netstat and vmstat."""
    return _key(name, labels, Kind.UNKNOWN)


def _key(name: str, labels: Mapping[str, str], kind: Kind) -> Key:
    clean = _NOT_IN_A_NAME.sub("_", name)[:256]
    return Key(clean, tuple(sorted((label, _label_value(value)) for label, value in labels.items())), kind)


def _label_value(value: str) -> str:
    """Valid UTF-8 within the protocol's bound, whatever a file said: one bad name must not cost the whole batch."""
    return value.encode("utf-8", "replace")[:_LABEL_BYTES].decode("utf-8", "ignore")


def text(raw: bytes) -> str:
    """What a file says, as a label's value."""
    return raw.decode("utf-8", "replace")


def picker(positions: Sequence[int]) -> Picker:
    """A function that takes the items at `positions` out of a sequence, in one call of C."""
    if len(positions) > 1:
        return cast(Picker, itemgetter(*positions))
    return lambda items: [items[position] for position in positions]


class Keys:
    """Turns a mapping of keys to values into columns; equal keys in equal order are the same tuple again."""

    def __init__(self) -> None:
        self._order: tuple[Key, ...] = ()
        self._keys: tuple[Key, ...] = ()
        self._pick = picker(())

    def columns(self, series: Mapping[Key, float]) -> Columns:
        order = tuple(series)
        if order != self._order:
            positions = sorted(range(len(order)), key=order.__getitem__)
            self._order = order
            self._keys = tuple(order[position] for position in positions)
            self._pick = picker(positions)
        return Columns(self._keys, self._pick(tuple(series.values())))


class Merge:
    """Turns the columns of several files into those of one family; while all keys stay the same, so do the merged."""

    def __init__(self) -> None:
        self._parts: tuple[tuple[Key, ...], ...] = ()
        self._keys: tuple[Key, ...] = ()
        self._pick = picker(())

    def columns(self, *parts: Columns) -> Columns:
        values = list(chain.from_iterable(part.values for part in parts))
        if len(parts) != len(self._parts) or any(map(is_not, (part.keys for part in parts), self._parts)):
            self._parts = tuple(part.keys for part in parts)
            positions = {key: at for at, key in enumerate(chain.from_iterable(self._parts))}
            self._keys = tuple(sorted(positions))
            self._pick = picker([positions[key] for key in self._keys])
        return Columns(self._keys, self._pick(values))
