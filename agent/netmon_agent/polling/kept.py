"""What the collector has assigned, on the agent's own disk, sealed: it goes on while the collector is away."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from netmon_configs.logs import EventLog
from netmon_configs.sealing import SealBroken, Sealer, write_private
from netmon_proto import wire
from netmon_proto.model import AssignedCheck, Job

log = EventLog("netmon.agent.polling")

T = TypeVar("T")


class Kept(Generic[T]):
    """`NAME.sealed` and the key `jobs.key` in an agent's state folder; neither is there while there is nothing."""

    def __init__(
        self, state: Path, name: str, encode: Callable[[Sequence[T]], bytes], decode: Callable[[bytes], tuple[T, ...]]
    ) -> None:
        self._name = name
        self._encode = encode
        self._decode = decode
        self._file = state / f"{name}.sealed"
        self._sealer = Sealer(state / "jobs.key")

    def read(self) -> tuple[T, ...]:
        """What was written last. What cannot be read is told and left: the collector sends all again."""
        try:
            return self._decode(self._sealer.open(self._file.read_bytes(), self._name))
        except FileNotFoundError:
            return ()
        except (OSError, SealBroken, wire.MalformedFrame, ImportError) as error:
            self._tell("unreadable", error, "waits for the collector")
            return ()

    def write(self, assigned: Sequence[T]) -> None:
        """Keeps these instead of those before. What cannot be written is told: work goes on from memory."""
        try:
            if assigned:
                write_private(self._file, self._sealer.seal(self._encode(assigned), self._name))
            else:
                self._file.unlink(missing_ok=True)
        except (OSError, SealBroken, ImportError) as error:
            self._tell("unwritable", error, "forgotten at the next start")

    def _tell(self, what: str, error: Exception, consequence: str) -> None:
        log.warning(f"{self._name}.{what}", file=self._file, error=str(error), consequence=consequence)


def kept_jobs(state: Path) -> Kept[Job]:
    """The devices that an agent polls."""
    return Kept(state, "jobs", wire.encode_jobs, wire.decode_jobs)


def kept_checks(state: Path) -> Kept[AssignedCheck]:
    """The checks that an agent makes for the collector."""
    return Kept(state, "checks", wire.encode_checks, wire.decode_checks)
