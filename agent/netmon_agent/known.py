"""Which of many numbers are known: a bit for each, as they are given out one after the other."""

from collections.abc import Iterable
from typing import Final

_PAGE_BITS: Final = 12
_LAST_BYTE: Final = (1 << _PAGE_BITS - 3) - 1


class KnownNumbers:
    """Numbers from 0 upwards."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def __contains__(self, number: int) -> bool:
        page = self._pages.get(number >> _PAGE_BITS)
        return page is not None and bool(page[number >> 3 & _LAST_BYTE] >> (number & 7) & 1)

    def add(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            page = self._pages.get(number >> _PAGE_BITS)
            if page is None:
                page = self._pages[number >> _PAGE_BITS] = bytearray(_LAST_BYTE + 1)
            page[number >> 3 & _LAST_BYTE] |= 1 << (number & 7)
