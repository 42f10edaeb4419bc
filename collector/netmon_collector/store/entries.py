"""Entries of the catalog as columns, and how they are written: a million of them are read in a second or two.

A record's payload is deflated: u32 counts of entries n, references r and pairs; u32 numbers [n], u32 blocks [n], u32
how many labels each series has [n], u32 places in the pairs [r]; then the pairs as JSON: [[label, value], ...].
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from netmon_proto.model import Labels

_COUNTS: Final = 3


class Entry(NamedTuple):
    """A series, its number and the number of its block."""

    number: int
    block: int
    labels: Labels


@dataclass(frozen=True, eq=False, slots=True)
class Entries:
    """Series [n]: numbers, the blocks they live in, how many labels they have; those are pairs[references], in order.

    numbers, blocks, widths: uint32 [n]; references: uint32 [widths.sum()].
    """

    numbers: npt.NDArray[np.uint32]
    blocks: npt.NDArray[np.uint32]
    widths: npt.NDArray[np.uint32]
    references: npt.NDArray[np.uint32]
    pairs: Sequence[tuple[str, str]]

    def only(self, wanted: npt.NDArray[np.bool_]) -> "Entries":
        """Some of them."""
        references = self.references[np.repeat(wanted, self.widths)]
        return Entries(self.numbers[wanted], self.blocks[wanted], self.widths[wanted], references, self.pairs)

    def each(self) -> Iterator[Entry]:
        """One by one."""
        start = 0
        for number, block, width in zip(self.numbers.tolist(), self.blocks.tolist(), self.widths.tolist(), strict=True):
            own = self.references[start : start + width].tolist()
            yield Entry(number, block, tuple([self.pairs[place] for place in own]))
            start += width

    def pack(self) -> bytes:
        """The payload of a record."""
        counts = np.array([len(self.numbers), len(self.references), len(self.pairs)])
        columns = (counts, self.numbers, self.blocks, self.widths, self.references)
        data = b"".join([column.astype("<u4").tobytes() for column in columns])
        return zlib.compress(data + orjson.dumps(self.pairs), 1)

    @classmethod
    def unpack(cls, payload: bytes) -> "Entries":
        """What `pack` packed."""
        data = zlib.decompress(payload)
        count, referred, _ = np.frombuffer(data, "<u4", _COUNTS).tolist()
        lengths = (_COUNTS, count, count, count, referred)
        ends = np.cumsum(lengths).tolist()
        _, numbers, blocks, widths, references = [
            np.frombuffer(data, "<u4", length, 4 * (end - length)) for length, end in zip(lengths, ends, strict=True)
        ]
        pairs = [(name, value) for name, value in orjson.loads(data[4 * ends[-1] :])]
        return cls(numbers, blocks, widths, references, pairs)


def count(parts: Iterable[Entries]) -> int:
    """How many entries there are."""
    return sum(len(part.numbers) for part in parts)
