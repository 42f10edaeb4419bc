"""What people said of anomalies: "this was fine", kept so that it can be seen and taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from netmon_analytics.anomaly import Detector, Pardon, pardon, undo
from netmon_proto.model import Labels

MOST: Final = 1000
"""Of which the oldest can no longer be taken back."""


@dataclass(frozen=True, slots=True)
class Fine:
    """That what a series did then was fine."""

    id: str
    labels: Labels
    time_s: float
    given_by: str
    pardon: Pardon


class Feedback:
    """given: what was said, the oldest first."""

    def __init__(self, given: Sequence[Fine] = ()) -> None:
        self.given: tuple[Fine, ...] = tuple(given)

    def accept(self, detector: Detector, rows: Iterable[tuple[int, Labels]], now_s: float, given_by: str) -> list[Fine]:
        """What these series, by their rows, do now is fine."""
        said = [Fine(str(uuid4()), labels, now_s, given_by, pardon(detector, row)) for row, labels in rows]
        self.given = (*self.given, *said)[-MOST:]
        return said

    def take_back(self, detector: Detector, fine_id: str) -> Fine | None:
        """Takes one back, and what was said of the same series after it; None where it is not known."""
        found = next((one for one in self.given if one.id == fine_id), None)
        if found is None:
            return None
        undo(detector, found.pardon)
        at = self.given.index(found)
        same = found.pardon.row, found.pardon.component
        self.given = tuple(
            one for place, one in enumerate(self.given) if place < at or (one.pardon.row, one.pardon.component) != same
        )
        return found

    def told(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [
            {
                "id": one.id,
                "time_s": one.time_s,
                "given_by": one.given_by,
                "row": one.pardon.row,
                "component": one.pardon.component,
                "before": one.pardon.before,
            }
            for one in self.given
        ]

    @classmethod
    def understood(cls, told: Iterable[dict[str, Any]], labels: Sequence[Labels]) -> "Feedback":
        """What `told` gave. labels: of each row. Raises ValueError, LookupError, TypeError for others."""
        return cls(
            [
                Fine(
                    str(one["id"]),
                    labels[one["row"]],
                    float(one["time_s"]),
                    str(one["given_by"]),
                    Pardon(int(one["row"]), int(one["component"]), float(one["before"])),
                )
                for one in told
            ]
        )
