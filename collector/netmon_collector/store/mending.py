"""What is left of a file of which a part is damaged; the damaged part is set aside."""

import os
from collections.abc import Iterator

from netmon_collector.store.chunk import Chunk
from netmon_collector.store.chunkfile import ChunkFile, Packed, read_directory


def good_chunks(file: ChunkFile) -> Iterator[Packed] | None:
    """The chunks of a file that can be unpacked; None where nothing is wrong with it. Raises StoreError."""
    readable = read_directory(file.handle, os.fstat(file.handle).st_size) is not None
    good = [number for number in range(len(file.entries)) if (chunk := file.read(number)) and _unpacks(chunk)]
    return None if readable and len(good) == len(file.entries) else _packed(file, good)


def _packed(file: ChunkFile, good: list[int]) -> Iterator[Packed]:
    for number in good:
        chunk = file.read(number)
        if chunk is not None:
            yield Packed.whole(chunk)


def _unpacks(chunk: Chunk) -> bool:
    try:
        chunk.matrix()
        chunk.verdicts()
    except Exception:  # noqa: BLE001 - whatever a codec makes of it, it is a chunk that cannot be unpacked
        return False
    return True
