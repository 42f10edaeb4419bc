"""What people said of anomalies: "this was fine", kept so that it can be seen and taken back."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from netmon_analytics.anomaly import COMPONENTS, Detector, Pardon, pardon, undo
from netmon_proto.model import Labels

MOST: Final = 1000
"""Of which the oldest can no longer be taken back."""


@dataclass(frozen=True, slots=True)
class Forgiven:
    """That the series of a device together had this score was fine."""

    score: float


@dataclass(frozen=True, slots=True)
class Fine:
    """That what a series did then was fine, or the series of a device together."""

    id: str
    labels: Labels
    time_s: float
    given_by: str
    pardon: Pardon | Forgiven

    @property
    def of(self) -> tuple[Labels, str]:
        """What it is about: the series and its component."""
        return self.labels, self.component

    @property
    def component(self) -> str:
        return COMPONENTS[self.pardon.component] if isinstance(self.pardon, Pardon) else "combination"


class Feedback:
    """given: what was said, the oldest first."""

    def __init__(self, given: Sequence[Fine] = ()) -> None:
        self.given: tuple[Fine, ...] = tuple(given)

    def accept(
        self,
        detector: Detector,
        rows: Iterable[tuple[int, Labels, Mapping[str, float]]],
        together: Iterable[tuple[Labels, float]],
        now_s: float,
        given_by: str,
    ) -> list[Fine]:
        """These scores are fine: of series, by their rows and by component, and of devices whose series do not fit."""
        pardons: list[tuple[Labels, Pardon | Forgiven]] = [
            *(
                (labels, pardon(detector, row, component, score))
                for row, labels, scores in rows
                for component, score in scores.items()
            ),
            *((labels, Forgiven(score)) for labels, score in together),
        ]
        said = [Fine(str(uuid4()), labels, now_s, given_by, one) for labels, one in pardons]
        self.given = (*self.given, *said)[-MOST:]
        return said

    def take_back(self, detector: Detector, fine_id: str) -> Fine | None:
        """Takes one back, and what was said of the same series after it; None where it is not known."""
        found = next((one for one in self.given if one.id == fine_id), None)
        if found is None:
            return None
        if isinstance(found.pardon, Pardon):
            undo(detector, found.pardon)
        at = self.given.index(found)
        self.given = tuple(one for place, one in enumerate(self.given) if place < at or one.of != found.of)
        return found

    def rows(self, since_s: float) -> list[int]:
        """Of series of which something was said since then."""
        return [one.pardon.row for one in self.given if isinstance(one.pardon, Pardon) and one.time_s > since_s]

    def forget(self, rows: Set[int]) -> None:
        """The series of these rows are there no more."""
        self.given = tuple(one for one in self.given if not (isinstance(one.pardon, Pardon) and one.pardon.row in rows))

    def told(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [{"id": one.id, "time_s": one.time_s, "given_by": one.given_by, **_told(one)} for one in self.given]

    @classmethod
    def understood(cls, told: Iterable[dict[str, Any]], labels: Sequence[Labels]) -> "Feedback":
        """What `told` gave. labels: of each row. Raises ValueError, LookupError, TypeError for others."""
        return cls([_understood(one, labels) for one in told])


def _told(one: Fine) -> dict[str, Any]:
    if isinstance(one.pardon, Forgiven):
        return {"labels": dict(one.labels), "score": one.pardon.score}
    return {"row": one.pardon.row, "component": one.pardon.component, "before": one.pardon.before}


def _understood(told: dict[str, Any], labels: Sequence[Labels]) -> Fine:
    given: Pardon | Forgiven
    if "score" in told:
        own = tuple(sorted((str(name), str(value)) for name, value in told["labels"].items()))
        given = Forgiven(float(told["score"]))
    else:
        own = labels[told["row"]]
        given = Pardon(int(told["row"]), int(told["component"]), float(told["before"]))
    return Fine(str(told["id"]), own, float(told["time_s"]), str(told["given_by"]), given)
