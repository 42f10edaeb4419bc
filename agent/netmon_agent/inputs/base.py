"""What an input is: options as typed fields, and one method that reads.

Inputs import this and the model, never a sibling.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from pydantic import Field

from netmon_configs.options import Duration, Options
from netmon_proto.model import Kind


class Key(NamedTuple):
    """Names a series within its input; `labels` are (name, value) pairs sorted by name."""

    name: str
    labels: tuple[tuple[str, str], ...]
    kind: Kind


class Columns(NamedTuple):
    """Many values at once, one per key.

    An input hands out the *same* tuple of keys, the very object, for as long as its series stay the same: then
    nothing is compared, looked up or allocated per value. A value may be NaN or infinite.
    """

    keys: tuple[Key, ...]
    values: Sequence[float]


class Reading(NamedTuple):
    """A single value, for inputs that have a handful."""

    name: str
    labels: Mapping[str, str]
    value: float
    kind: Kind = Kind.GAUGE


class Input(Options):
    """One source of metrics, read every `interval`.

    The scheduler calls `gather` at the times that the interval gives, never twice at once, and gives each input a
    task of its own: a slow or broken input delays nobody. What it returns is one gather: all values carry the
    time of the call. The same series twice in one gather is an error of the input.

    A thing that is down is a value (`probe_success 0`); only a measurement that failed raises. The scheduler logs
    the failure, once, and marks the input's series as stale; inputs neither log nor retry. `gather` must not block
    the event loop: what may block goes to a thread.
    """

    job: ClassVar[str] = "node"
    """The label `job` of all series of this kind of input."""

    type: str
    interval_s: Duration | None = Field(default=None, alias="interval", ge=1, le=3600)
    """Seconds between two gathers; None means the agent's own interval."""

    @property
    def title(self) -> str:
        """Names the input in logs, metrics and on the wire; unique within an agent, at most 128 characters."""
        return self.type

    @property
    def job_label(self) -> str:
        """The label `job` of this very input's series."""
        return self.job

    @property
    def apart(self) -> str:
        """Those with different words here are read at different moments of an interval; others together."""
        return ""

    @property
    def trouble(self) -> str | None:
        """Why the last gather found its source down, for the log; None where it did not, or where nobody need know."""
        return None

    @abstractmethod
    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        """Reads the source once; `now_ms` is the wall clock as Unix time in milliseconds."""

    async def close(self) -> None:
        """Lets go of what the input holds; called once, after the last gather."""
