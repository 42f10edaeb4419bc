"""State as columns: a dataclass whose fields are arrays with one last axis over series."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Rows = NDArray[np.intp]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def column(width: int = 0, dtype: type = np.float32, fill: float = 0.0) -> Any:
    """A field with one number per series, or `width` numbers."""
    return field(metadata={"width": width, "dtype": dtype, "fill": fill})


@dataclass
class Columns:
    """Arrays over the same series. A view of rows shares memory with the whole."""

    @classmethod
    def empty(cls, series: int) -> Self:
        made = {}
        for item in fields(cls):
            meta = item.metadata
            shape = (meta["width"], series) if meta["width"] else (series,)
            made[item.name] = np.full(shape, meta["fill"], meta["dtype"])
        return cls(**made)

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> Self:
        """Raises ValueError where an array is missing or is not what this version keeps."""
        made: dict[str, Array] = {}
        series = None
        for item in fields(cls):
            meta = item.metadata
            given = arrays.get(item.name)
            if given is None or given.dtype != np.dtype(meta["dtype"]) or given.ndim != (2 if meta["width"] else 1):
                raise ValueError(f"state of another version: {item.name} is missing or of another type")
            series = given.shape[-1] if series is None else series
            if given.shape != ((meta["width"], series) if meta["width"] else (series,)):
                raise ValueError(f"state of another version: {item.name} has the shape {given.shape}")
            made[item.name] = np.array(given)
        return cls(**made)

    def arrays(self) -> dict[str, Array]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def view(self, rows: slice) -> Self:
        return type(self)(**{name: array[..., rows] for name, array in self.arrays().items()})

    def take(self, rows: Array) -> Self:
        return type(self)(**{name: array[..., rows] for name, array in self.arrays().items()})

    def put(self, rows: Array, other: Self) -> None:
        for name, array in self.arrays().items():
            array[..., rows] = getattr(other, name)

    def forget(self, rows: Array) -> None:
        """These are as if nothing had come of them."""
        for item in fields(self):
            getattr(self, item.name)[..., rows] = item.metadata["fill"]

    def grown(self, series: int) -> Self:
        """The same with room for more series at the end."""
        made = type(self).empty(series)
        for name, array in self.arrays().items():
            getattr(made, name)[..., : array.shape[-1]] = array
        return made

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays().values())
