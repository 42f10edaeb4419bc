"""The jobs of a poller on its own disk, sealed: it goes on polling while the collector is away."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from netmon_configs.logs import EventLog
from netmon_configs.sealing import SealBroken, Sealer, write_private
from netmon_proto import wire
from netmon_proto.model import Job

log = EventLog("netmon.agent.polling")

_PURPOSE: Final = "jobs"


class KeptJobs:
    """`jobs.sealed` and its key in an agent's state folder; neither is there while there are no jobs."""

    def __init__(self, state: Path) -> None:
        self._file = state / "jobs.sealed"
        self._sealer = Sealer(state / "jobs.key")

    def read(self) -> tuple[Job, ...]:
        """The jobs that were written last. What cannot be read is told and left: the collector sends all again."""
        try:
            return wire.decode_jobs(self._sealer.open(self._file.read_bytes(), _PURPOSE))
        except FileNotFoundError:
            return ()
        except (OSError, SealBroken, wire.MalformedFrame, ImportError) as error:
            log.warning("jobs.unreadable", file=self._file, error=str(error), consequence="waits for the collector")
            return ()

    def write(self, jobs: Sequence[Job]) -> None:
        """Keeps these jobs instead of those before. What cannot be written is told: polling goes on from memory."""
        try:
            if jobs:
                write_private(self._file, self._sealer.seal(wire.encode_jobs(jobs), _PURPOSE))
            else:
                self._file.unlink(missing_ok=True)
        except (OSError, SealBroken, ImportError) as error:
            log.warning("jobs.unwritable", file=self._file, error=str(error), consequence="forgotten at the next start")
