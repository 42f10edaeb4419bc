"""Where what other programs send is received: so many at once and no more, each within bounds of size and time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from netmon_collector.foreign.base import Written
from netmon_collector.pipeline import Taken

LARGEST_BODY_BYTES = 16 << 20
LARGEST_UNPACKED_BYTES = 32 << 20
RETRY_AFTER_S = 5
_SEATS = 16
_WAIT_S = 5.0
_BODY_S = 30.0
_DECODERS = 2
_AT_ONCE_BYTES = 64 << 10
"""A body up to this is decoded in a few milliseconds: a thread would cost more than it spares."""
_READ_BYTES = 1 << 16


class Pipeline(Protocol):
    """Takes what was decoded."""

    async def take(self, written: Written) -> Taken:
        """Stores it. Raises StoreError."""
        ...


class Unfit(Exception):
    """A request that is answered by a status other than success, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Desk:
    """One for all the ways in."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._seats = asyncio.Semaphore(_SEATS)
        self._decoders = asyncio.Semaphore(_DECODERS)

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[None]:
        """Lets one request in. Raises Unfit where too many are being read and stored already."""
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._seats.acquire()
        except TimeoutError:
            raise Unfit(503, f"{_SEATS} other requests are being stored: try again later") from None
        try:
            yield
        finally:
            self._seats.release()

    async def take(self, decode: Callable[[], Written], size_bytes: int) -> Taken:
        """Decodes a body and stores what is in it. Raises BadBody, StoreError."""
        if size_bytes <= _AT_ONCE_BYTES:
            written = decode()
        else:
            async with self._decoders:
                written = await asyncio.to_thread(decode)
        return await self._pipeline.take(written)


async def read_body(request: web.Request) -> bytes:
    """The body, gzip or deflate undone. Raises Unfit."""
    too_large = Unfit(413, f"the body must be at most {LARGEST_BODY_BYTES} bytes long")
    if (request.content_length or 0) > LARGEST_BODY_BYTES:
        raise too_large
    pieces = []
    size_bytes = 0
    try:
        async with asyncio.timeout(_BODY_S):
            while piece := await request.content.read(_READ_BYTES):
                pieces.append(piece)
                size_bytes += len(piece)
                if size_bytes > LARGEST_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise Unfit(408, f"the body did not come within {_BODY_S:g} s") from None
    except (web.RequestPayloadError, BadHttpMessage) as error:
        raise Unfit(400, f"the body cannot be unpacked: {error}") from None
    return b"".join(pieces)
