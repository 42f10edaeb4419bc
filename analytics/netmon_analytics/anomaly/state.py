"""All that is remembered of the series: arrays with one last axis over them, nothing else."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from netmon_analytics.anomaly.columns import Array, Bytes, Columns, Float32, Float64, Int32, column
from netmon_analytics.anomaly.habit import Habit
from netmon_analytics.anomaly.novelty import Novelty
from netmon_analytics.anomaly.occasions import Occasions
from netmon_analytics.anomaly.season import Season
from netmon_analytics.anomaly.stretch import Stretch
from netmon_analytics.anomaly.tail import Tail

VERSION = 4
WITHOUT_OCCASIONS = 3
"""A version that kept all else as this one does."""
COMPONENTS = ("deviation", "spread", "novelty", "flat")


@dataclass
class Basics(Columns):
    kind: Bytes = column(dtype=np.uint8)
    first_s: Float64 = column(dtype=np.float64, fill=np.nan)
    last_s: Float64 = column(dtype=np.float64, fill=np.nan)
    raw: Float64 = column(dtype=np.float64, fill=np.nan)  # the last value of a counter
    origin: Float64 = column(dtype=np.float64)
    unit: Float64 = column(dtype=np.float64, fill=1)
    magnitude: Float32 = column()  # mean of the absolute value, in units
    warm: Bytes = column(dtype=np.uint8)
    restless: Float32 = column()  # mean root of changes over the last hour
    bar: Float32 = column()  # what this series' own alarms have added to the score that it needs
    peak: Float32 = column()  # the highest score of the hour
    far: Float32 = column(fill=3.87)  # what the highest score of an hour exceeds once in two days
    held: Float32 = column()  # the newest lately: only what is newer is news
    held_s: Float32 = column()  # for how long
    alarmed: Float32 = column()  # whether this hour had an alarm
    alarm_s: Float64 = column(dtype=np.float64, fill=np.nan)  # the last value that alarmed
    began_s: Float64 = column(dtype=np.float64, fill=np.nan)  # when that alarm began
    before_s: Float64 = column(dtype=np.float64, fill=np.nan)  # and the one before
    fine: Float32 = column(width=len(COMPONENTS))  # scores that people have called fine
    score: Float32 = column()  # of the last value, also beyond the highest that is told
    expected: Float32 = column(fill=np.nan)  # of the last value, from the origin and in the unit
    usual: Float32 = column()  # how far values usually are from that
    part: Bytes = column(dtype=np.uint8)  # which component gave it
    half_knot: Int32 = column(dtype=np.int32)
    ahead_s: Int32 = column(dtype=np.int32)  # of UTC, the clocks where the series is from
    log_unit: Float32 = column(fill=1)


@dataclass
class State:
    basics: Basics
    slow: Season
    fast: Season
    log: Season
    deviation: Tail
    spread: Tail
    new: Tail
    novelty: Novelty
    novelty_of_size: Novelty  # of the logarithm
    stretch: Stretch
    habit: Habit
    occasions: Occasions

    @classmethod
    def empty(cls, series: int) -> Self:
        return cls(
            Basics.empty(series),
            Season.empty(series),
            Season.empty(series),
            Season.empty(series),
            Tail.empty(series),
            Tail.empty(series),
            Tail.empty(series),
            Novelty.empty(series),
            Novelty.empty(series),
            Stretch.empty(series),
            Habit.empty(series),
            Occasions.empty(series),
        )

    @property
    def parts(self) -> dict[str, Columns]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @property
    def series(self) -> int:
        return len(self.basics.kind)

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.parts.values())

    def view(self, rows: slice) -> Self:
        return type(self)(**{name: part.view(rows) for name, part in self.parts.items()})  # type: ignore[arg-type]

    def take(self, rows: Array) -> Self:
        return type(self)(**{name: part.take(rows) for name, part in self.parts.items()})  # type: ignore[arg-type]

    def put(self, rows: Array, other: Self) -> None:
        for name, part in self.parts.items():
            part.put(rows, other.parts[name])

    def forget(self, rows: Array) -> None:
        for part in self.parts.values():
            part.forget(rows)

    def arrays(self) -> dict[str, Array]:
        """What `from_arrays` needs to go on as if nothing had happened."""
        named = {f"{name}/{key}": array for name, part in self.parts.items() for key, array in part.arrays().items()}
        return {"version": np.array([VERSION]), **named}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> Self:
        """Raises ValueError where they are not what this version keeps."""
        version = int(arrays["version"][0]) if "version" in arrays else None
        if version == WITHOUT_OCCASIONS and "basics/kind" in arrays:
            none = Occasions.empty(len(arrays["basics/kind"])).arrays()
            arrays = arrays | {f"occasions/{key}": array for key, array in none.items()}
        elif version != VERSION:
            raise ValueError("state of another version")
        whole = cls.empty(0)
        made = {
            name: type(part).from_arrays(
                {key.partition("/")[2]: array for key, array in arrays.items() if key.startswith(f"{name}/")}
            )
            for name, part in whole.parts.items()
        }
        if len({next(iter(part.arrays().values())).shape[-1] for part in made.values()}) != 1:
            raise ValueError("state whose parts have different numbers of series")
        return cls(**made)  # type: ignore[arg-type]
