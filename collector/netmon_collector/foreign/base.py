"""What every format is decoded to, and what may be wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Times, Values
from netmon_proto.model import Labels

Indices = npt.NDArray[np.int64]

MOST_SERIES: Final = 100_000
"""No more series in one request."""
MOST_SAMPLES: Final = 500_000
"""No more samples in one request."""


class BadBody(Exception):
    """A request that cannot be understood at all; nothing of it is taken, and sending it again is of no use."""


class Unusual(BadBody):
    """A request that is not of the form in which it is read fast; it may still be one."""


class BadSeries(Exception):
    """A series whose labels are not taken; the others of its request may be."""


class Spelling(Protocol):
    """How a format spells the labels of a series."""

    def read(self, raw: bytes) -> Labels:
        """The labels. Raises BadSeries."""
        ...


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why some samples of a request are not taken, as told to the writer."""

    message: str
    samples: int


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a metric by its name, in Prometheus' words: `type` is counter, gauge, histogram and so on."""

    type: str
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A decoded request.

    `series` are the labels as the format spells them, the same bytes whenever it is the same series; `rows` tells to
    which of them each sample belongs. `rows`, `times` (Unix milliseconds) and `values` have one entry per sample.
    `complaints` tell of samples that were left out already.
    """

    spelling: Spelling
    series: Sequence[bytes]
    rows: Indices
    times: Times
    values: Values
    families: Mapping[str, Family] = field(default_factory=dict)
    complaints: Sequence[Complaint] = ()
