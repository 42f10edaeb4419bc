"""The series that a stream has defined, of which there may be millions: 20 bytes each, and labels."""

from collections.abc import Iterable, Mapping
from typing import Final

from netmon_proto.model import Kind, Series

PAGE: Final = 256
"""Agents number series one after the other, so that pages fill up."""


class Definitions:
    """Series by the numbers that the agent gave them."""

    def __init__(self) -> None:
        self._pages: dict[int, _Page] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def room(self) -> int:
        """For how many series there is memory; more than there are where an agent leaves numbers out."""
        return len(self._pages) * PAGE

    def take(self, defined: Iterable[Series]) -> None:
        """Takes definitions, instead of earlier ones of the same numbers."""
        for one in defined:
            page = self._pages.get(one.id // PAGE)
            if page is None:
                page = self._pages[one.id // PAGE] = _Page()
            self._count += page.put(one.id % PAGE, one)

    def get(self, number: int) -> Series | None:
        page = self._pages.get(number // PAGE)
        return None if page is None else page.get(number % PAGE, number)


class _Page:
    __slots__ = ("_kinds", "_labels", "_names")

    def __init__(self) -> None:
        self._names: list[str | None] = [None] * PAGE
        self._labels: list[Mapping[str, str]] = [{}] * PAGE
        self._kinds = bytearray(PAGE)

    def put(self, place: int, series: Series) -> bool:
        """Whether the place was free."""
        was_free = self._names[place] is None
        self._names[place], self._labels[place], self._kinds[place] = series.name, series.labels, series.kind
        return was_free

    def get(self, place: int, number: int) -> Series | None:
        name = self._names[place]
        return None if name is None else Series(number, name, self._labels[place], Kind(self._kinds[place]))
