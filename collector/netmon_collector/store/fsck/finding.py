"""What is wrong with a store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netmon_collector.store.framing import NewerVersion, Record, scan


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. `window`: the hour, in Unix milliseconds, whose rollups are wrong."""

    file: str
    offset: int | None
    text: str
    window: int | None = None

    def __str__(self) -> str:
        place = self.file if self.offset is None else f"{self.file} at {self.offset}"
        return f"{place}: {self.text}"


def records(path: Path) -> Iterator[Record | Finding]:
    """Everything in a file: its good records, and what is none."""
    try:
        with path.open("rb") as file:
            for found in scan(file, path.stat().st_size):
                if isinstance(found, Record):
                    yield found
                elif found.torn:
                    yield Finding(path.name, found.offset, f"{found.length} bytes of a write that was not finished")
                else:
                    yield Finding(path.name, found.offset, f"{found.length} bytes are damaged")
    except NewerVersion as error:
        yield Finding(path.name, 0, f"was written by a newer netmon ({error})")
    except OSError as error:
        yield Finding(path.name, None, f"cannot be read: {error.strerror}")
