"""What people are asked about devices: once each, and withdrawn when facts have settled it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from netmon_collector.identity.judge import Verdict
from netmon_collector.identity.records import Kind, NoSuch, NotPossible, Proposal, State

MOST_OPEN: Final = 1_000
"""Open proposals; more are not made until some are decided."""
MOST_KEPT: Final = 10_000
"""Proposals in all; of those that are settled the oldest go."""


@dataclass
class Questions:
    """All proposals by number."""

    all: dict[int, Proposal] = field(default_factory=dict)

    def open(self) -> Iterator[Proposal]:
        """Those that wait for an answer; others may be settled meanwhile."""
        return (one for one in list(self.all.values()) if one.state is State.OPEN)

    def awaiting(self, number: int) -> Proposal:
        """An open proposal. Raises NoSuch, NotPossible."""
        proposal = self.all.get(number)
        if proposal is None:
            raise NoSuch(f"there is no proposal {number}")
        if proposal.state is not State.OPEN:
            raise NotPossible(f"proposal {number} is {proposal.state.value} already")
        return proposal

    def ask(
        self, kind: Kind, subject: str, other: str, verdict: Verdict, now_ms: int, words: Sequence[str] = ()
    ) -> tuple[int, ...]:
        """The number of a question; none where people said no to it before, or where too many are open."""
        asked = [one for one in self.all.values() if one.kind is kind and {one.subject, one.other} == {subject, other}]
        for one in asked:
            if one.state is State.OPEN:
                return (one.number,)
            if one.state is State.REJECTED and kind is not Kind.REPLACED:
                return ()
        if sum(1 for _ in self.open()) >= MOST_OPEN:
            return ()
        number = max(self.all, default=0) + 1
        reasons = (*words, *verdict.words)
        self.all[number] = Proposal(number, kind, subject, other, verdict.sameness, reasons, now_ms)
        self._drop_oldest()
        return (number,)

    def settle(self, proposals: Iterator[Proposal] | Sequence[Proposal], state: State, now_ms: int, by: str) -> None:
        """Closes those of them that are open."""
        for one in proposals:
            if self.all[one.number].state is State.OPEN:
                self.all[one.number] = replace(one, state=state, decided_ms=now_ms, decided_by=by)

    def about(self, handle: str, *kinds: Kind) -> list[Proposal]:
        """The open ones about a handle; of these kinds, where any are given."""
        return [one for one in self.open() if handle in (one.subject, one.other) and (not kinds or one.kind in kinds)]

    def _drop_oldest(self) -> None:
        settled = [number for number, one in self.all.items() if one.state not in (State.OPEN, State.REJECTED)]
        for number in settled[: max(0, len(self.all) - MOST_KEPT)]:
            del self.all[number]
