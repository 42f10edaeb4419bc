"""Which handles are one device. A value that grows by sightings and by what people decide; knows no clock, no disk."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from netmon_collector.identity.judge import LIKELY, OTHER, SAME, Verdict, compare
from netmon_collector.identity.questions import Questions
from netmon_collector.identity.records import (
    Entry,
    Kind,
    NoSuch,
    NotPossible,
    Outcome,
    Proposal,
    Source,
    State,
    Step,
)
from netmon_collector.identity.witness import Witnesses

MOST_LOGGED: Final = 50_000
"""Entries of the log that are at hand; only these can be undone."""
_MOST_CANDIDATES: Final = 20
_COMMON: Final = 8
"""A witness that so many handles share identifies none of them."""
_LASTING: Final = -0.6
"""What weighs so much against does not change in a device's life."""


@dataclass
class Registry:
    """All handles, questions and the log. `apart` are pairs that people have said are two devices."""

    sources: dict[str, Source] = field(default_factory=dict)
    questions: Questions = field(default_factory=Questions)
    log: list[Entry] = field(default_factory=list)
    apart: set[frozenset[str]] = field(default_factory=set)
    _by: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for source in self.sources.values():
            self._index(source)

    def record_of(self, handle: str) -> str:
        """The handle by which the device of a handle is known; itself, where nothing is known of it."""
        source = self.sources.get(handle)
        return source.record if source else handle

    def handles_of(self, handle: str) -> list[str]:
        """All handles of the device of a handle, its record's first: what a query about it has to ask for."""
        record = self.record_of(handle)
        others = sorted(one.handle for one in self.sources.values() if one.record == record and one.handle != record)
        return [record, *others]

    def records(self) -> dict[str, list[Source]]:
        """All devices with their sources, by record."""
        found: defaultdict[str, list[Source]] = defaultdict(list)
        for source in self.sources.values():
            found[source.record].append(source)
        return dict(sorted(found.items()))

    def see(self, handle: str, site: str, now: Witnesses, now_ms: int) -> Outcome:
        """Takes what a handle says of itself."""
        known = self.sources.get(handle)
        if known is None:
            return self._see_first(Source(handle, handle, site, now, now_ms, now_ms))
        verdict = compare(known.witnesses, now)
        later = replace(known, site=site, last_seen_ms=now_ms)
        if verdict.reasons and verdict.sameness < OTHER and _contradicts(verdict):
            self.sources[handle] = later
            return self._doubt(later, now, verdict, now_ms)
        asked = [one for one in self.questions.about(handle, Kind.REPLACED) if one.subject == handle]
        self.questions.settle(asked, State.WITHDRAWN, now_ms, "")
        self._put(replace(later, witnesses=_updated(known.witnesses, now)))
        return self._look_around(self.sources[handle], Step.SAME, verdict.words)

    def merge(self, handle: str, into: str, now_ms: int, by: str, reasons: Sequence[str] = ()) -> Entry:
        """Makes a handle's device part of another one. Raises NoSuch, NotPossible."""
        for one in (handle, into):
            if one not in self.sources:
                raise NoSuch(f"nothing is known of {one!r}")
        record, target = self.record_of(handle), self.record_of(into)
        if record == target:
            raise NotPossible(f"{handle} and {into} are one device already")
        moved = [one for one in self.sources.values() if one.record == record]
        for source in moved:
            self._put(replace(source, record=target))
        self.apart.discard(frozenset((handle, into)))
        answered = [
            one
            for one in self.questions.open()
            if one.kind is Kind.MERGE and self.record_of(one.subject) == self.record_of(one.other)
        ]
        self.questions.settle(answered, State.ACCEPTED if by else State.WITHDRAWN, now_ms, by)
        came_with = tuple(one.handle for one in moved if one.handle != record)
        return self._write("merged", record, target, tuple(reasons), now_ms, by, came_with)

    def split(self, handle: str, now_ms: int, by: str, reasons: Sequence[str] = ()) -> Entry:
        """Makes a handle a device of its own again, for good. Raises NoSuch, NotPossible."""
        source = self.sources.get(handle)
        if source is None:
            raise NoSuch(f"nothing is known of {handle!r}")
        others = [one for one in self.handles_of(handle) if one != handle]
        if not others:
            raise NotPossible(f"{handle} is a device of its own already")
        if source.record == handle:
            self._hand_over(handle, others, now_ms, by)
        self._leave([handle], handle, others)
        asked = self.questions.about(handle, Kind.SPLIT)
        self.questions.settle(asked, State.ACCEPTED if by else State.WITHDRAWN, now_ms, by)
        return self._write("split", handle, handle, tuple(reasons), now_ms, by)

    def undo(self, number: int, now_ms: int, by: str) -> Entry:
        """Takes a merge back: the handles that came with it leave again. Raises NoSuch, NotPossible."""
        place = next((at for at, one in enumerate(self.log) if one.number == number), None)
        if place is None:
            raise NoSuch(f"the log has no entry {number}")
        entry = self.log[place]
        if entry.action != "merged" or entry.undone_ms is not None:
            raise NotPossible(f"entry {number} is no merge that is in force")
        record = self.record_of(entry.handle)
        leaving = [one for one in (entry.handle, *entry.came_with) if one in self.sources]
        leaving = [one for one in leaving if self.record_of(one) == record]
        staying = [one for one in self.handles_of(record) if one not in leaving]
        if not leaving or not staying or record == entry.handle:
            raise NotPossible(f"what merge {number} joined has been parted since")
        self.log[place] = replace(entry, undone_ms=now_ms)
        self._leave(leaving, leaving[0], staying)
        return self._write("split", entry.handle, leaving[0], (f"merge {number} was undone",), now_ms, by)

    def decide(self, number: int, accept: bool, now_ms: int, by: str) -> Proposal:
        """Answers a proposal, and does what follows from it. Raises NoSuch, NotPossible."""
        proposal = self.questions.awaiting(number)
        self.questions.settle([proposal], State.ACCEPTED if accept else State.REJECTED, now_ms, by)
        match proposal.kind:
            case Kind.MERGE if accept:
                self.merge(proposal.subject, proposal.other, now_ms, by, proposal.reasons)
            case Kind.MERGE | Kind.SPLIT if not accept:
                self.apart.add(frozenset((proposal.subject, proposal.other)))
            case Kind.SPLIT:
                self.split(proposal.subject, now_ms, by, proposal.reasons)
            case Kind.REPLACED:
                self._replace(proposal, accept, now_ms, by)
        return self.questions.all[number]

    def forget(self, handle: str, now_ms: int) -> None:
        """Drops a handle that is no more; the others of its device stay together."""
        source = self.sources.get(handle)
        if source is None:
            return
        if source.record == handle and len(self.handles_of(handle)) > 1:
            self.split(handle, now_ms, "", (f"{handle} was removed",))
        self._unindex(self.sources.pop(handle))
        self.questions.settle(self.questions.about(handle), State.WITHDRAWN, now_ms, "")
        self.apart = {one for one in self.apart if handle not in one}

    def _see_first(self, source: Source) -> Outcome:
        self._put(source)
        self._write("seen", source.handle, source.record, (), source.first_seen_ms, "")
        return self._look_around(source, Step.NEW, ())

    def _look_around(self, source: Source, step: Step, words: tuple[str, ...]) -> Outcome:
        """Whether a source is the device of another one too, and whether it still agrees with its own record."""
        numbers: list[int] = []
        for verdict, other in self._candidates(source):
            if frozenset((source.handle, other.handle)) in self.apart:
                continue
            if verdict.sameness >= SAME:
                older, newer = sorted((other, self.sources[source.handle]), key=lambda one: one.first_seen_ms)
                self.merge(newer.handle, older.record, source.last_seen_ms, "", verdict.words)
                return Outcome(Step.MERGED, self.record_of(source.handle), verdict.words)
            numbers += self.questions.ask(Kind.MERGE, source.handle, other.handle, verdict, source.last_seen_ms)
        numbers += self._check_own(source)
        return Outcome(Step.PROPOSED if numbers else step, source.record, words, tuple(numbers))

    def _check_own(self, source: Source) -> list[int]:
        """Asks whether a source belongs to its record no more, where it contradicts another one of it."""
        numbers: list[int] = []
        for handle in self.handles_of(source.handle):
            if handle == source.handle:
                continue
            verdict = compare(self.sources[handle].witnesses, source.witnesses)
            if verdict.sameness < OTHER and _contradicts(verdict):
                numbers += self.questions.ask(Kind.SPLIT, source.handle, handle, verdict, source.last_seen_ms)
        return numbers

    def _candidates(self, source: Source) -> Iterator[tuple[Verdict, Source]]:
        """Sources of other devices that may be the same one, likeliest first."""
        handles: set[str] = set()
        for key in _keys(source):
            sharing = self._by.get(key, set())
            if len(sharing) <= _COMMON:
                handles |= sharing
        judged = [
            (compare(other.witnesses, source.witnesses, same_site=other.site == source.site), other)
            for handle in sorted(handles)
            if (other := self.sources[handle]).record != source.record
        ]
        likely = sorted((one for one in judged if one[0].sameness >= LIKELY), key=lambda one: -one[0].sameness)
        yield from likely[:_MOST_CANDIDATES]

    def _doubt(self, known: Source, now: Witnesses, verdict: Verdict, now_ms: int) -> Outcome:
        """A known handle says what contradicts all that it said before: other hardware, or another device's answer."""
        probe = replace(known, witnesses=now)
        answering = next((other for judged, other in self._candidates(probe) if judged.sameness >= SAME), None)
        words = (f"{answering.handle} answers in its place now",) if answering else ()
        others = [one for one in self.handles_of(known.handle) if one != known.handle]
        kind = Kind.SPLIT if others else Kind.REPLACED
        other = others[0] if others else answering.handle if answering else known.handle
        numbers = self.questions.ask(kind, known.handle, other, verdict, now_ms, words)
        return Outcome(Step.PROPOSED, known.record, (*words, *verdict.words), numbers)

    def _replace(self, proposal: Proposal, accept: bool, now_ms: int, by: str) -> None:
        """Either way what the handle says from now on is right; a rejected replacement is written down as a cut."""
        source = self.sources.get(proposal.subject)
        if source is None:
            raise NoSuch(f"nothing is known of {proposal.subject!r}")
        self._put(replace(source, witnesses=Witnesses()))
        action = "replaced" if accept else "begun anew"
        self._write(action, source.handle, source.record, proposal.reasons, now_ms, by)

    def _hand_over(self, record: str, others: Sequence[str], now_ms: int, by: str) -> None:
        """The other handles of a record keep together when its first one leaves, under the oldest of them."""
        heir = min(others, key=lambda one: (self.sources[one].first_seen_ms, one))
        for one in others:
            self._put(replace(self.sources[one], record=heir))
        self._write("renamed", record, heir, (f"{record} has left",), now_ms, by)

    def _leave(self, leaving: Sequence[str], record: str, staying: Sequence[str]) -> None:
        for one in leaving:
            self._put(replace(self.sources[one], record=record))
            self.apart.update(frozenset((one, other)) for other in staying)

    def _write(
        self,
        action: str,
        handle: str,
        record: str,
        reasons: tuple[str, ...],
        now_ms: int,
        by: str,
        came_with: tuple[str, ...] = (),
    ) -> Entry:
        number = self.log[-1].number + 1 if self.log else 1
        entry = Entry(number, now_ms, action, handle, record, reasons, by, came_with)
        self.log.append(entry)
        del self.log[:-MOST_LOGGED]
        return entry

    def _put(self, source: Source) -> None:
        before = self.sources.get(source.handle)
        if before is not None and before.witnesses is not source.witnesses:
            self._unindex(before)
        self.sources[source.handle] = source
        self._index(source)

    def _index(self, source: Source) -> None:
        for key in _keys(source):
            self._by[key].add(source.handle)

    def _unindex(self, source: Source) -> None:
        for key in _keys(source):
            self._by[key].discard(source.handle)
            if not self._by[key]:
                del self._by[key]


def _keys(source: Source) -> Iterator[tuple[str, str]]:
    """By what a source can be found; addresses and names at its site."""
    told = source.witnesses
    for kind, value in (("agent", told.agent), ("machine", told.machine), ("engine", told.engine), ("mac", told.base)):
        if value:
            yield kind, value
    yield from (("serial", one) for one in told.serials)
    yield from (("mac", one) for one in told.macs)
    yield from ((f"address {source.site}", one) for one in told.addresses)
    if told.name:
        yield f"name {source.site}", told.name


def _updated(before: Witnesses, now: Witnesses) -> Witnesses:
    """What was said last, and where nothing was said now, what was said before: answers may come in part."""
    told = {name: value for name, value in vars(now).items() if value}
    return replace(before, **told)


def _contradicts(verdict: Verdict) -> bool:
    """Whether something that does not change in a device's life is another one."""
    return any(one.weight <= _LASTING for one in verdict.reasons)
