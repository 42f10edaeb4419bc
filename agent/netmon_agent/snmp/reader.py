"""Reads what rules need from one device: each table once, single objects together, and failures kept by name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netmon_agent.snmp.findings import Trouble
from netmon_agent.snmp.session import MOST_VALUES, Broken, NoAnswer, Session, SnmpError, Value
from netmon_agent.snmp.values import as_number, as_text, formed
from netmon_configs.profile import Condition
from netmon_configs.reference import Pieces, Reference

OBJECTS_PER_GET = 12
"""Small answers fit every device's buffers, and one packet without fragments."""
SILENCES = 2
"""After so many requests without an answer, each with its retries, a device is left alone for this poll."""


@dataclass(slots=True)
class Reader:
    """The device as rules see it. `absent` are objects that an earlier poll did not find; they are not asked again.
    `silent` are those that it is never heard of.
    """

    session: Session
    absent: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    troubles: list[Trouble] = field(default_factory=list)
    empty: set[str] = field(default_factory=set)
    _columns: dict[str, Mapping[str, Value]] = field(default_factory=dict)
    _scalars: dict[str, Value | None] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _reverse: dict[str, dict[str, str]] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    answered: bool = False
    _silences: int = 0

    @property
    def is_gone(self) -> bool:
        """Whether nothing more will be asked: the device never answered, fell silent, or refuses."""
        return self._silences >= (SILENCES if self.answered else 1)

    async def load(
        self, references: Iterable[Reference | None], part: str, always: bool = False, most: int = MOST_VALUES
    ) -> None:
        """Reads what the references need and is not read yet; what fails is named with the part of the poll.

        `always` asks for single objects even where an earlier poll did not find them; of a column `most` rows are read.
        """
        scalars: list[str] = []
        columns: list[str] = []
        for reference in _chained(references):
            (scalars if reference.is_scalar else columns).append(reference.oid)
        await self._get([oid for oid in dict.fromkeys(scalars) if oid not in self._scalars], part, always)
        for oid in dict.fromkeys(columns):
            if oid not in self._columns:
                await self._walk(oid, part, most)

    def rows(self, reference: Reference) -> list[str]:
        """The indexes that there are, in the device's order; a single object is one row called 0."""
        return list(self.column(reference))

    def column(self, reference: Reference | None) -> Mapping[str, Value]:
        """A column's values by index, as they came; a single object as a column of one row called 0."""
        if reference is None:
            return {}
        if reference.is_scalar:
            value = self._scalars.get(reference.oid)
            return {} if value is None else {"0": value}
        return self._columns.get(reference.oid, {})

    def value(self, reference: Reference | None, index: str) -> Value | None:
        """What a reference means for a row, or None."""
        if reference is None:
            return None
        if reference.is_scalar:
            return self._scalars.get(reference.oid)
        if reference.holding is not None:
            wanted = self.value(reference.holding, index)
            return None if wanted is None else self._places(reference.oid).get(as_text(wanted))
        if reference.through is not None:
            through = self.value(reference.through, index)
            index = "" if through is None else as_text(through)
        elif reference.first:
            index = ".".join(index.split(".")[reference.first - 1 : reference.last])
        return self._columns.get(reference.oid, {}).get(index) if reference.oid else index

    def has_failed(self, references: Iterable[Reference | None]) -> bool:
        """Whether any of the objects could not be read whole, or was not asked for because the device is gone."""
        return any(one is not None and one.oid in self._failed for one in references)

    def lacks(self, references: Iterable[Reference | None]) -> bool:
        """Whether any of the objects failed this time, and at others is there: what hangs on it is not known now."""
        return any(one.oid in self._failed and one.oid not in self.silent for one in _chained(references))

    @property
    def failed(self) -> frozenset[str]:
        """The objects that could not be read whole."""
        return frozenset(self._failed)

    def _places(self, oid: str) -> Mapping[str, str]:
        """The last number of the index of each value that a column has; a value that is there twice has none."""
        places = self._reverse.get(oid)
        if places is None:
            twice: set[str] = set()
            places = self._reverse[oid] = {}
            for index, value in self._columns.get(oid, {}).items():
                text, place = as_text(value), index.rpartition(".")[2]
                if places.setdefault(text, place) != place:
                    twice.add(text)
            for text in twice | {""}:
                places.pop(text, None)
        return places

    def number(self, reference: Reference | None, index: str, pattern: re.Pattern[str] | None = None) -> float | None:
        found = self.value(reference, index)
        return None if found is None else as_number(found, pattern)

    def text(self, pieces: Pieces, index: str) -> str:
        """A text with its fields filled in; fields that the device doesn't have are empty."""
        if not pieces:
            return ""
        parts = []
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
            elif (found := self.value(piece.reference, index)) is not None:
                parts.append(formed(found, piece.form))
        return "".join(parts).strip()

    def fits(self, conditions: Iterable[Condition], index: str) -> bool:
        """Whether all conditions hold for a row; what the device doesn't have is empty text."""
        for condition in conditions:
            found = self.value(condition.of, index)
            if condition.regex.search("" if found is None else as_text(found)) is None:
                return False
        return True

    def hits(self, conditions: Iterable[Condition], index: str) -> bool:
        """Whether any of the conditions holds for a row."""
        for condition in conditions:
            found = self.value(condition.of, index)
            if found is not None and condition.regex.search(as_text(found)) is not None:
                return True
        return False

    async def _get(self, oids: list[str], part: str, always: bool) -> None:
        self._scalars |= dict.fromkeys(oids)
        asked = [oid for oid in oids if always or oid not in self.absent]
        for start in range(0, len(asked), OBJECTS_PER_GET):
            chunk = asked[start : start + OBJECTS_PER_GET]
            if self.is_gone:
                self._failed.update(asked[start:])
                return
            try:
                found = await self.session.get(chunk)
            except SnmpError as error:
                self._failed.update(chunk)
                self._note(error, part, chunk[0])
            else:
                self._heard()
                self._scalars |= found
                if not always:
                    self.empty.update(oid for oid in chunk if oid not in found)

    async def _walk(self, oid: str, part: str, most: int) -> None:
        self._columns[oid] = {}
        if oid in self.absent:
            return
        if self.is_gone:
            self._failed.add(oid)
            return
        try:
            self._columns[oid] = await self.session.walk(oid, self._rows.get(oid.rpartition(".")[0], 0), most)
            self._heard()
        except SnmpError as error:
            self._columns[oid] = error.partial if isinstance(error, Broken) else {}
            self._failed.add(oid)
            self._note(error, part, oid)
        else:
            if self._columns[oid]:
                self._rows[oid.rpartition(".")[0]] = len(self._columns[oid])
            else:
                self.empty.add(oid)

    def _heard(self) -> None:
        self.answered, self._silences = True, 0

    def _note(self, error: SnmpError, part: str, oid: str) -> None:
        self.troubles.append(Trouble(part, f"{oid}: {error}"))
        if isinstance(error, NoAnswer):
            self._silences += 1
        elif error.permanent and not isinstance(error, Broken):
            self._silences = SILENCES


def references_in(pieces: Pieces) -> list[Reference]:
    """The objects that a text names."""
    return [piece.reference for piece in pieces if not isinstance(piece, str)]


def _chained(references: Iterable[Reference | None]) -> Iterator[Reference]:
    """All objects that it takes to follow references."""
    for reference in references:
        while reference is not None:
            if reference.oid:
                yield reference
            reference = reference.through or reference.holding
