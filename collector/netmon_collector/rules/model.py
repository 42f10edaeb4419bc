"""Rules and groups of rules, as a rule file says them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from netmon_proto.model import Labels


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what is asked, and what is made of the answer.

    is_alert: whether it raises alerts; else its answer is written down as series of its name. labels and annotations:
    sorted by name; those of an alert are templates. line: where it stands in its file, from 1.
    """

    name: str
    expr: str
    is_alert: bool
    labels: Labels = ()
    annotations: Labels = ()
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, one after the other, so that each finds what those before it wrote.

    interval_ms, query_offset_ms: None for what is usual. limit: of alerts or series of each rule, 0 for any number.
    """

    file: str
    name: str
    rules: Sequence[Rule] = field(default_factory=tuple)
    interval_ms: int | None = None
    query_offset_ms: int | None = None
    limit: int = 0
    labels: Labels = ()

    @property
    def key(self) -> str:
        """What tells it apart from all other groups."""
        return f"{self.file};{self.name}"
