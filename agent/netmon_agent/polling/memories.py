"""What polls learned of devices, on the agent's disk: how fast each may be asked, what it lacks, how counters stand.

Nothing in it is secret. What cannot be read is learned again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netmon_configs.logs import EventLog
from netmon_configs.sealing import write_private

log = EventLog("netmon.agent.polling")


class Memories:
    """`memories.json` in an agent's state folder."""

    def __init__(self, state: Path) -> None:
        self._file = state / "memories.json"

    def read(self) -> dict[str, Any]:
        """What was written last, by device."""
        try:
            found = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            log.warning("memories.unreadable", file=self._file, error=str(error), consequence="learned again")
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, memories: Mapping[str, Any]) -> None:
        """Keeps these instead of those before. What cannot be written is told, and learned again."""
        try:
            if memories or self._file.exists():
                write_private(self._file, json.dumps(memories, separators=(",", ":")).encode())
        except OSError as error:
            log.warning("memories.unwritable", file=self._file, error=str(error), consequence="learned again")
