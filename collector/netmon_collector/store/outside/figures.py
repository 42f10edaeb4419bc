"""What is counted of a server beyond restarts: what it refused, what it cannot hold, from when to when samples are."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from netmon_collector.store.damage import log
from netmon_collector.store.durable import new_file

_NAME: Final = "figures.json"


@dataclass(frozen=True, slots=True)
class Figures:
    """`rejected` and `left_out` count samples; times are Unix milliseconds, None where nothing came."""

    rejected: int = 0
    left_out: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None

    @classmethod
    def load(cls, folder: Path) -> "Figures":
        """What was saved; a file that cannot be read counts as none, since nothing depends on it."""
        try:
            return cls(**json.loads((folder / _NAME).read_bytes()))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            log.warning("store.figures_lost", file=str(folder / _NAME), error=str(error))
            return cls()

    def save(self, folder: Path) -> None:
        """Raises StoreError."""
        with new_file(folder / _NAME) as file:
            file.write(json.dumps(asdict(self)).encode())

    def and_then(self, later: "Figures") -> "Figures":
        """These and later ones as one."""
        oldest = [one for one in (self.oldest_ms, later.oldest_ms) if one is not None]
        newest = [one for one in (self.newest_ms, later.newest_ms) if one is not None]
        return Figures(
            self.rejected + later.rejected,
            self.left_out + later.left_out,
            min(oldest, default=None),
            max(newest, default=None),
        )
