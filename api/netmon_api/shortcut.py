"""Requests that are answered when they have been parsed, without a task: to go through tasks takes longer than a small
query.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import RawRequestMessage

_DETOURS: Final[Sequence[str]] = (hdrs.EXPECT, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING, hdrs.UPGRADE)


class Shortcut(Protocol):
    """Answers some of the requests; all others go the long way."""

    def takes(self, request: RawRequestMessage) -> bool:
        """Whether it is worth to look at the body of a request."""
        ...

    def answer(self, request: RawRequestMessage, body: bytes) -> bytes | None:
        """The whole answer, head and body, on a connection that stays; None for what has to go the long way. Raises
        nothing, and takes a few milliseconds at most.
        """
        ...


SHORTCUT: Final = web.AppKey[Shortcut]("shortcut", Shortcut)
"""Under which an app has one."""


class ShortConnection(web.RequestHandler):
    """A connection as aiohttp handles it, but for what the shortcut answers. aiohttp's parser reads every request.

    A request is answered here only if nobody is being answered, it is whole, and nothing has come behind it.
    """

    __slots__ = ("_shortcut",)

    def __init__(self, manager: web.Server, shortcut: Shortcut, **options: Any) -> None:
        super().__init__(manager, **options)
        self._shortcut = shortcut

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done() or self._messages:
            super().data_received(data)
            return
        self._waiter = None  # so that aiohttp's task sleeps on until it is known whether it is needed
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if self._messages and not (len(self._messages) == 1 and self._answered(*self._messages[0])):
            waiter.set_result(None)

    def _answered(self, request: Any, payload: StreamReader) -> bool:
        if not _is_plain(request) or not payload.is_eof() or self.writing_paused or not self._shortcut.takes(request):
            return False
        body = payload.read_nowait()
        answer = self._shortcut.answer(request, body)
        if answer is None:
            self._messages[0] = request, self._unread(body)
            return False
        assert self.transport is not None
        assert self._parser is not None
        self._messages.clear()
        self._parser.message_consumed()
        self.transport.write(answer)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True

    def _unread(self, body: bytes) -> StreamReader:
        payload = StreamReader(self, len(body) + 1, loop=self._loop)
        payload.feed_data(body)
        payload.feed_eof()
        return payload


def _is_plain(request: Any) -> bool:
    """Whether a request was understood, comes on a connection of HTTP/1.1 that stays, and asks nothing of it."""
    return (
        isinstance(request, RawRequestMessage)
        and not request.should_close
        and request.version >= (1, 1)
        and not any(name in request.headers for name in _DETOURS)
    )
