"""How observations stand to the subjects of a kind of fault: pairs, as most are nothing to each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.cause.network import Bools, Ints
from netmon_analytics.cause.nouns import Relation, Sign

Codes = NDArray[np.int8]

Pairs = tuple[Ints, Ints]
"""Numbers of subjects, and of observations."""


@dataclass(frozen=True)
class Related:
    """row: numbers of subjects, of which there are so many; column: numbers of observations; code: their relation.
    Each pair is there once."""

    subjects: int
    row: Ints
    column: Ints
    code: Codes

    @classmethod
    def of(cls, subjects: int, observations: int, found: Sequence[tuple[Relation, Pairs]]) -> "Related":
        """Of several relations of a pair the first in the order of `Relation` counts."""
        found = sorted(found, key=lambda one: int(one[0]))
        row = np.concatenate([np.empty(0, np.intp), *(pairs[0] for _, pairs in found)])
        column = np.concatenate([np.empty(0, np.intp), *(pairs[1] for _, pairs in found)])
        code = np.repeat([int(one) for one, _ in found], [len(pairs[0]) for _, pairs in found]).astype(np.int8)
        _, kept = np.unique(row * observations + column, return_index=True)
        return cls(subjects, row[kept], column[kept], code[kept])

    def with_more(self, row: int, columns: Ints, relation: Relation) -> "Related":
        """With more observations of a subject, as far as they have nothing to do with it so far."""
        more = np.setdiff1d(columns, self.column[self.row == row])
        return replace(
            self,
            row=np.concatenate([self.row, np.full(len(more), row, np.intp)]),
            column=np.concatenate([self.column, more]),
            code=np.concatenate([self.code, np.full(len(more), int(relation), np.int8)]),
        )

    def where(self, kept: Bools) -> "Related":
        """Only some of the pairs."""
        return replace(self, row=self.row[kept], column=self.column[kept], code=self.code[kept])

    def counts(self, sign: Ints, chosen: Bools) -> Ints:
        """How many observations of the chosen ones stand to each subject, by relation and sign: (subjects, relations,
        signs)."""
        shape = self.subjects, len(Relation), len(Sign)
        taken = chosen[self.column]
        kind = (self.row * shape[1] + self.code) * shape[2] + sign[self.column]
        return np.bincount(kind[taken], minlength=int(np.prod(shape))).reshape(shape)


def matching(values: Ints, subjects: Ints) -> Pairs:
    """Pairs of subjects and observations that have the same value; each subject is there once, none is negative."""
    numbers = np.full(max(int(subjects.max(initial=-1)), int(values.max(initial=-1))) + 2, -1, np.intp)
    numbers[subjects] = np.arange(len(subjects))
    row = numbers[values]  # what is -1 finds the last one, which is nobody's
    columns = np.flatnonzero(row >= 0)
    return row[columns], columns
