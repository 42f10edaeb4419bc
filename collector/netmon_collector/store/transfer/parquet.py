"""Parquet: a row for each sample, with the columns name, labels, time and value."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from netmon_collector.store.base import is_absent
from netmon_collector.store.transfer.columns import Columns, Tally, Unreadable
from netmon_proto.model import NAME, Labels
from netmon_proto.names import is_name

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise Unreadable("Parquet needs what is not installed here: pip install 'netmon[parquet]'") from error

_ROWS: Final = 1 << 17
"""So many samples are a group of rows, which is what a reader holds in memory."""
_SCHEMA: Final = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("labels", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
_DICTIONARIES: Final = ["name", "labels.key_value.key", "labels.key_value.value"]
"""Values are not put into a dictionary: it would take all NaNs for one, and a stale marker is one of them."""


class Writer:
    """Takes samples in any order; `finish` ends the file."""

    def __init__(self, out: BinaryIO) -> None:
        self._file = pq.ParquetWriter(out, _SCHEMA, compression="zstd", use_dictionary=_DICTIONARIES)
        self._pending: list[Any] = []
        self._rows = 0
        self.tally = Tally()

    def add(self, columns: Columns) -> None:
        """Raises OSError."""
        for start in range(0, len(columns.places), _ROWS):
            part = slice(start, start + _ROWS)
            self._pending.append(_batch(columns, part))
            self._rows += len(columns.places[part])
            if self._rows >= _ROWS:
                self._flush()
        self.tally.samples += len(columns.places)

    def finish(self) -> None:
        """Raises OSError."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._pending:
            self._file.write_table(pa.Table.from_batches(self._pending, _SCHEMA), row_group_size=2 * _ROWS)
            self._pending, self._rows = [], 0


def _batch(columns: Columns, part: slice) -> Any:
    own, places = np.unique(columns.places[part], return_inverse=True)
    labels = [columns.labels[place] for place in own.tolist()]
    names = pa.array([dict(one).get(NAME, "") for one in labels], pa.string())
    rest = pa.array([[pair for pair in one if pair[0] != NAME] for one in labels], pa.map_(pa.string(), pa.string()))
    chosen = pa.array(places)
    times = pa.array(columns.times[part], pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
    return pa.record_batch(
        [names.take(chosen), rest.take(chosen), times, pa.array(np.ascontiguousarray(columns.values[part]))],
        schema=_SCHEMA,
    )


class Reader:
    """Reads files of these columns; others in them are passed over. What is no good is left out and told."""

    def __init__(self, path: Path, tally: Tally) -> None:
        self._tally = tally
        try:
            self._file = pq.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise Unreadable(f"it is no Parquet file: {error}") from error
        schema = self._file.schema_arrow
        wanted = {"name": pa.types.is_string, "labels": pa.types.is_map, "time": pa.types.is_timestamp,
                  "value": pa.types.is_floating}  # fmt: skip
        for name, fits in wanted.items():
            if name not in schema.names:
                raise Unreadable(f"it has no column '{name}'")
            kind = schema.field(name).type
            if not fits(kind.value_type if pa.types.is_dictionary(kind) else kind):
                raise Unreadable(f"its column '{name}' is {kind}; {_SCHEMA.field(name).type} is needed")
        self.done = 0.0
        """How much has been read, from 0 to 1."""

    def batches(self, samples: int) -> Iterator[Columns]:
        """The samples, so many at a time. Raises OSError, Unreadable."""
        first = 1
        try:
            for batch in self._file.iter_batches(samples, columns=list(_SCHEMA.names)):
                yield self._columns(batch, first)
                first += batch.num_rows
                self.done = first / self._file.metadata.num_rows
        except pa.ArrowException as error:
            raise Unreadable(f"it cannot be read from row {first} on: {error}") from error

    def _columns(self, batch: Any, first: int) -> Columns:
        arrays = [batch.column(name) for name in _SCHEMA.names]
        good = ~np.logical_or.reduce([np.array(array.is_null()) for array in arrays])
        good &= ~is_absent(np.asarray(arrays[3].fill_null(0.0).cast(pa.float64())))
        for row in np.flatnonzero(~good).tolist():
            self._tally.reject(f"row {first + row}", "has a column without a value")
        names, labels, times, values = (array.filter(pa.array(good)) for array in arrays)
        known, places = _series(names, labels)
        named = np.array([all(map(is_name, _names(one))) for one in known], np.bool_)[places]
        for row in np.flatnonzero(good)[~named].tolist():
            self._tally.reject(f"row {first + row}", "has a name that is none")
        unix_ms = np.asarray(times.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()))
        numbers = np.asarray(values.cast(pa.float64()))
        return Columns(known, places[named], unix_ms[named], numbers[named])


def _series(names: Any, labels: Any) -> tuple[list[Labels], Any]:
    """The series of rows, each once, and which of them each row is; rows of one series mostly follow one another."""
    keys, items = labels.keys.dictionary_encode(), labels.items.dictionary_encode()
    coded_names = names.cast(pa.string()).dictionary_encode()
    offsets = np.asarray(labels.offsets)
    pairs = np.stack([np.asarray(keys.indices), np.asarray(items.indices.fill_null(-1))], axis=1).astype(np.int32)
    spellings = (coded_names.dictionary.to_pylist(), keys.dictionary.to_pylist(), items.dictionary.to_pylist())
    known: dict[bytes, int] = {}
    found: list[Labels] = []
    places = np.empty(len(names), np.int64)
    codes = np.asarray(coded_names.indices)
    for row, (name, start, end) in enumerate(
        zip(codes.tolist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ):
        key = name.to_bytes(4, "little") + pairs[start:end].tobytes()
        place = known.get(key)
        if place is None:
            place = known[key] = len(found)
            found.append(_spelled(spellings, name, pairs[start:end].tolist()))
        places[row] = place
    return found, places


def _names(series: Labels) -> list[str]:
    """What the metric and its labels are called."""
    return [value if label == NAME else label for label, value in series]


def _spelled(spellings: tuple[Sequence[str], ...], name: int, pairs: Sequence[Sequence[int]]) -> Labels:
    names, keys, items = spellings
    values = [(keys[key], items[item]) for key, item in pairs if item >= 0 and items[item]]
    return tuple(sorted(dict([(NAME, names[name]), *(pair for pair in values if pair[0] != NAME)]).items()))
