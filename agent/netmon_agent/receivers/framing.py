"""Messages of syslog out of a stream of bytes: RFC 6587's octet counting, or a newline after each."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from netmon_agent.receivers.syslog import LONGEST_LINE

_DIGITS: Final = 9
_LARGEST_FRAME: Final = 1 << 20
_FIRST: Final = 0x3C  # a message begins with <; a line that begins with a number of its own does not count anything
_ENDS: Final = (0x0A, 0x00)  # some senders end with NUL (RFC 6587, section 3.4.2)


class BadFraming(ValueError):
    """What comes can't be parted into messages any more."""


class Frames:
    """Parts what comes in pieces. A message that is too long is cut, and its rest skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip_bytes = 0
        self._skip_line = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages that a piece completes. Raises BadFraming."""
        self._buffer += piece
        found: list[bytes] = []
        while (message := self._next()) is not None:
            if message:
                found.append(message)
        return found

    def rest(self) -> bytes:
        """What came after the last end, when nothing more comes."""
        return b"" if self._skip_line or self._skip_bytes else bytes(self._buffer[:LONGEST_LINE])

    def _next(self) -> bytes | None:
        """The next message, empty where there was nothing in it; None where it is not complete."""
        buffer = self._buffer
        if self._skip_bytes:
            skipped = min(self._skip_bytes, len(buffer))
            del buffer[:skipped]
            self._skip_bytes -= skipped
        if not buffer or self._skip_bytes:
            return None
        if not self._skip_line and 0x31 <= buffer[0] <= 0x39:
            return self._counted()
        return self._line()

    def _counted(self) -> bytes | None:
        space = self._buffer.find(b" ", 0, _DIGITS + 1)
        digits = bytes(self._buffer[: space if space >= 0 else _DIGITS + 1])
        if not digits.isdigit() or (space < 0 and len(digits) > _DIGITS):
            return self._line()  # a line that begins with a digit
        if space < 0 or len(self._buffer) == space + 1:
            return None
        if self._buffer[space + 1] != _FIRST:
            return self._line()
        length = int(digits)
        if length > _LARGEST_FRAME:
            raise BadFraming(f"a message of {length} bytes; at most {_LARGEST_FRAME} are taken")
        taken = min(length, LONGEST_LINE)
        if len(self._buffer) < space + 1 + taken:
            return None
        message = bytes(self._buffer[space + 1 : space + 1 + taken])
        del self._buffer[: space + 1 + taken]
        self._skip_bytes = length - taken
        return message

    def _line(self) -> bytes | None:
        ends = [at for end in _ENDS if (at := self._buffer.find(bytes((end,)))) >= 0]
        if ends:
            end = min(ends)
            message = b"" if self._skip_line else bytes(self._buffer[: min(end, LONGEST_LINE)])
            del self._buffer[: end + 1]
            self._skip_line = False
            return message
        if self._skip_line:
            self._buffer.clear()
            return None
        if len(self._buffer) <= LONGEST_LINE:
            return None
        message = bytes(self._buffer[:LONGEST_LINE])
        self._buffer.clear()
        self._skip_line = True
        return message


async def messages(reader: asyncio.StreamReader, idle_s: float) -> AsyncIterator[bytes]:
    """Messages of a connection until it ends, or nothing comes for `idle_s`. Raises BadFraming, OSError."""
    frames = Frames()
    while True:
        try:
            async with asyncio.timeout(idle_s):
                piece = await reader.read(1 << 16)
        except TimeoutError:
            return
        if not piece:
            if rest := frames.rest():
                yield rest
            return
        for message in frames.feed(piece):
            yield message
