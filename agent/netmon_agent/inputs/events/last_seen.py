"""What an input saw last, in the agent's state folder, so that what changes while the agent is down is told of later.

What cannot be read or written is told in the log, and begins anew.
"""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from netmon_configs.logs import EventLog
from netmon_configs.sealing import write_private

log = EventLog("netmon.agent.changes")

EVERY_MS: Final = 60_000
"""It is written no more often than this, but at the end: there are files that something writes all the time."""
LARGEST_BYTES: Final = 64 << 20


class LastSeen:
    """A file of its own for each input."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written = b""
        self._looked_ms: int | None = None
        self._is_told = False

    def read(self) -> dict[str, Any] | None:
        """What was written last; None where there is nothing to go by."""
        try:
            if self._file.stat().st_size > LARGEST_BYTES:
                raise ValueError(f"it is larger than {LARGEST_BYTES >> 20} MiB")
            found = json.loads(self._file.read_bytes())
            if not isinstance(found, dict):
                raise ValueError("it is no JSON object")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            self.is_useless(error)
            return None
        return found

    def is_useless(self, error: Exception) -> None:
        """Tells that nothing can be made of what was written."""
        log.warning(
            "last_seen.unreadable",
            file=self._file,
            error=str(error),
            consequence="what changed while the agent was down is not told of",
        )

    def is_due(self, now_ms: int) -> bool:
        """Whether it is time to write what is seen now."""
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < EVERY_MS:
            return False
        self._looked_ms = now_ms
        return True

    def write(self, seen: dict[str, Any]) -> None:
        """Keeps this, where it is another than before."""
        content = json.dumps(seen, separators=(",", ":")).encode()
        digest = blake2b(content).digest()
        if digest == self._written:
            return
        try:
            write_private(self._file, content)
        except OSError as error:
            if not self._is_told:
                consequence = "what changes while the agent is down will not be told of"
                log.warning("last_seen.unwritable", file=self._file, error=str(error), consequence=consequence)
            self._is_told = True
        else:
            self._written, self._is_told = digest, False
