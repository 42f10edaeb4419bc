"""Requests that are answered as soon as they have come, without a task: to go through tasks takes longer than a small
query.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol, TypeGuard

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import RawRequestMessage

from netmon_api.malformed import complaint

_DETOURS: Final[Sequence[str]] = (hdrs.EXPECT, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING, hdrs.UPGRADE)
_GAP: Final = b"\r\n\r\n"
_SHORT_BYTES: Final = 2000
_MOST_KNOWN: Final = 64
"""Heads of a connection, each shorter than that."""


class Way(Protocol):
    """What the head of a request asks for."""

    def answer(self, body: bytes) -> bytes | None:
        """The whole answer, head and body, on a connection that stays; None for what has to go the long way. Raises
        nothing, and takes a few milliseconds at most.
        """
        ...


class Shortcut(Protocol):
    """Answers some of the requests; all others go the long way."""

    def way(self, request: RawRequestMessage) -> Way | None:
        """What answers requests with this very head; None where none of them is answered."""
        ...


SHORTCUT: Final = web.AppKey[Shortcut]("shortcut", Shortcut)
"""Under which an app has one."""


class _Known(NamedTuple):
    """Of requests with the same head, how long the body is, and what answers them."""

    length: int
    way: Way


class ShortConnection(web.RequestHandler):
    """A connection as aiohttp handles it, but for what the shortcut answers.

    A request is answered here only if nobody is being answered, it is whole, and nothing has come behind it. aiohttp's
    parser reads every head that is new on this connection; those of one client differ in how long the body is.
    """

    __slots__ = ("_is_between", "_known", "_shortcut")

    def __init__(self, manager: web.Server, shortcut: Shortcut, **options: Any) -> None:
        super().__init__(manager, **options)
        self._shortcut = shortcut
        self._known: dict[bytes, _Known] = {}
        """By the head, without the empty line at its end."""
        self._is_between = True
        """Whether all that has come so far is known to be whole requests."""

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        if not data or waiter is None or waiter.done() or self._messages:
            self._is_between = self._is_between and not data  # with nothing aiohttp goes on after a pause
            super().data_received(data)
            return
        head, _, body = data.partition(_GAP)
        known = self._known.get(head) if self._is_between else None
        if known is not None and known.length == len(body) and not self.writing_paused:
            if not self._sent(known.way.answer(body)):
                super().data_received(data)
            return
        self._waiter = None  # so that aiohttp's task sleeps on until it is known whether it is needed
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if not self._answered(head, body) and self._messages:
            waiter.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Tells a client what is wrong with what it sent, without sending that back."""
        response = super().handle_error(request, status, exc, message)
        return response if status >= HTTPStatus.INTERNAL_SERVER_ERROR else complaint(exc, message)

    def _answered(self, head: bytes, body: bytes) -> bool:
        """Answers what was parsed, if that can be done here; takes note of the head."""
        begins, self._is_between = self._is_between, False
        if len(self._messages) != 1:
            return False
        request, payload = self._messages[0]
        if not _is_plain(request) or not payload.is_eof():
            return False
        self._is_between = begins and _is_all(request, head, body)
        way = None if self.writing_paused else self._shortcut.way(request)
        if way is None:
            return False
        if self._is_between and body and len(head) <= _SHORT_BYTES:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[head] = _Known(len(body), way)
        content = payload.read_nowait()
        answer = way.answer(content)
        if answer is None:
            self._messages[0] = request, self._unread(content)
            return False
        assert self._parser is not None
        self._messages.clear()
        self._parser.message_consumed()
        return self._sent(answer)

    def _sent(self, answer: bytes | None) -> bool:
        if answer is None:
            return False
        assert self.transport is not None
        self.transport.write(answer)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True

    def _unread(self, body: bytes) -> StreamReader:
        payload = StreamReader(self, len(body) + 1, loop=self._loop)
        payload.feed_data(body)
        payload.feed_eof()
        return payload


def _is_plain(request: Any) -> TypeGuard[RawRequestMessage]:
    """Whether a request was understood, comes on a connection of HTTP/1.1 that stays, and asks nothing of it."""
    return (
        isinstance(request, RawRequestMessage)
        and not request.should_close
        and request.version >= (1, 1)
        and not any(name in request.headers for name in _DETOURS)
    )


def _is_all(request: RawRequestMessage, head: bytes, body: bytes) -> bool:
    """Whether the head is that of the request, and the body as long as it says: a head ends with its first empty line,
    if all of its lines end alike.
    """
    length = request.headers.get(hdrs.CONTENT_LENGTH, "0")
    return length == str(len(body)) and head.count(b"\n") == head.count(b"\r\n")
