"""From what inputs read to what the wire carries: series get ids, gathers get layouts, the vanished get a last word."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netmon_agent.inputs.base import Columns, Key, Reading
from netmon_proto.model import STALE, Gather, Kind, Layout, Series


class DuplicateSeries(Exception):
    """An input read the same series twice in one gather."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Gathers, and what changed in the definitions that they stand on.

    The series and layouts in `retired_*` are used by these gathers for the last time.
    """

    gathers: Sequence[Gather]
    series: Sequence[Series] = ()
    layouts: Sequence[Layout] = ()
    retired_series: Sequence[int] = ()
    retired_layouts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class _Readings:
    """The keys of readings that came one after the other, in a quarter of the memory: a poller has a million."""

    names: tuple[str, ...]
    labels: tuple[tuple[tuple[str, str], ...], ...]
    kinds: bytes

    def __iter__(self) -> Iterator[Key]:
        return map(Key, self.names, self.labels, map(Kind, self.kinds))


_Part = tuple[Key, ...] | _Readings


@dataclass(slots=True)
class _Current:
    """What the last gather of one input looked like."""

    parts: tuple[_Part, ...] = ()
    ids: "array[int]" = field(default_factory=lambda: array("Q"))
    """Of the keys of all parts, in their order."""
    layout: int = 0
    live: bool = False


class Columnizer:
    """Turns measurements into gathers, one input at a time.

    While an input hands out the same tuples of keys, a gather costs no work per series. When series vanish, a
    second gather of the same time gives them the stale marker, once.
    """

    def __init__(self, first_series: int, first_layout: int) -> None:
        """Ids are given out from `first_series` and `first_layout` on."""
        self._next_series = first_series
        self._next_layout = first_layout
        self._current: dict[str, _Current] = {}

    def encode(
        self, title: str, job: str, now_ms: int, measurements: Iterable[Columns | Reading], device: str = ""
    ) -> Encoded:
        """Encodes what input `title` read at `now_ms`, of a device or of this host. Raises DuplicateSeries."""
        current = self._current.setdefault(title, _Current())
        parts, values = _flatten(measurements)
        if current.live and len(parts) == len(current.parts) and all(map(_same, parts, current.parts)):
            # An input's own tuple will come again; of readings those that are here stay, and the new ones are let go.
            kept = zip(parts, current.parts, strict=True)
            current.parts = tuple(before if isinstance(new, _Readings) else new for new, before in kept)
            return Encoded([Gather(current.layout, now_ms, values)])
        return self._lay_out(current, (title, job, device), now_ms, parts, values)

    def mark_stale(self, title: str, now_ms: int) -> Encoded:
        """Ends all series of an input that broke; they go on with its next gather."""
        current = self._current.get(title)
        if current is None or not current.live:
            return Encoded([])
        current.live = False
        return Encoded([Gather(current.layout, now_ms, [STALE] * len(current.ids))])

    def forget(self) -> None:
        """Defines everything anew: who kept the definitions has lost them."""
        self._current.clear()

    def _lay_out(
        self,
        current: _Current,
        about: tuple[str, str, str],
        now_ms: int,
        parts: tuple[_Part, ...],
        values: Sequence[float],
    ) -> Encoded:
        keys = [key for part in parts for key in part]
        before = dict(zip((key for part in current.parts for key in part), current.ids, strict=True))
        if keys == list(before):  # the same series in new tuples, or an input that recovered
            current.parts, current.live = parts, True
            return Encoded([Gather(current.layout, now_ms, values)] if keys else [])
        if len(set(keys)) != len(keys):
            raise DuplicateSeries(_first_twice(keys))
        after = {key: before.get(key) or self._new_series_id() for key in keys}
        gone = [number for key, number in before.items() if key not in after]
        gathers: list[Gather] = []
        layouts: list[Layout] = []
        retired_layouts = [current.layout] if before else []
        if after:
            layouts.append(Layout(self._new_layout_id(), *about, list(after.values())))
            gathers.append(Gather(layouts[-1].id, now_ms, values))
        if gone and current.live:
            layouts.append(Layout(self._new_layout_id(), *about, gone))
            gathers.append(Gather(layouts[-1].id, now_ms, [STALE] * len(gone)))
            retired_layouts.append(layouts[-1].id)
        series = [Series(after[key], key.name, dict(key.labels), key.kind) for key in keys if key not in before]
        current.parts, current.ids, current.live = parts, array("Q", after.values()), bool(after)
        current.layout = layouts[0].id if after else 0
        return Encoded(gathers, series, layouts, gone, retired_layouts)

    def _new_series_id(self) -> int:
        self._next_series += 1
        return self._next_series - 1

    def _new_layout_id(self) -> int:
        self._next_layout += 1
        return self._next_layout - 1


def _flatten(measurements: Iterable[Columns | Reading]) -> tuple[tuple[_Part, ...], list[float]]:
    """Keys in parts, and all values. Readings that share their labels share them there: a port has some twenty."""
    parts: list[_Part] = []
    values: list[float] = []
    read: list[tuple[str, tuple[tuple[str, str], ...], Kind]] = []
    shared: dict[int, tuple[Mapping[str, str], tuple[tuple[str, str], ...]]] = {}
    for one in measurements:
        if isinstance(one, Columns):
            if len(one.keys) != len(one.values):
                raise ValueError(f"{len(one.values)} values for {len(one.keys)} series, the first {one.keys[:1]}")
            if read:
                parts.append(_readings(read))
                read = []
            parts.append(one.keys)
            values.extend(one.values)
        else:
            known = shared.get(id(one.labels))
            if known is None:  # kept with its labels, so that no other ones get their id meanwhile
                known = shared[id(one.labels)] = one.labels, tuple(sorted(one.labels.items()))
            read.append((one.name, known[1], one.kind))
            values.append(one.value)
    if read:
        parts.append(_readings(read))
    return tuple(parts), values


def _readings(read: Sequence[tuple[str, tuple[tuple[str, str], ...], Kind]]) -> _Readings:
    names, labels, kinds = zip(*read, strict=True)
    return _Readings(names, labels, bytes(kinds))


def _same(left: _Part, right: _Part) -> bool:
    return left is right or left == right


def _first_twice(keys: Sequence[Key]) -> str:
    def twice() -> Iterator[Key]:
        seen = set()
        for key in keys:
            if key in seen:
                yield key
            seen.add(key)

    key = next(twice())
    labels = ",".join(f'{name}="{value}"' for name, value in key.labels)
    return f"{key.name}{{{labels}}} was read twice in one gather"
