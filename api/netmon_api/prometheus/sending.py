"""Sends answers: small ones at once, others made in a thread and sent in pieces."""

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from aiohttp import hdrs, web

from netmon_api.envelope import json_response
from netmon_api.guard import takes_gzip
from netmon_api.prometheus.encode import PIECE_BYTES
from netmon_api.prometheus.jsontext import dumps

JSON = "application/json"


def success(data: object, warnings: Sequence[str] = ()) -> web.Response:
    """A small answer."""
    return json_response(b"".join(framed([dumps(data)], warnings)))


def framed(data: Iterable[bytes], warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Iterator[bytes]:
    """Data as a whole answer."""
    noted = (_notes(b"warnings", warnings), _notes(b"infos", infos)) if warnings or infos else ()
    return chain((b'{"status":"success","data":',), data, noted, (b"}",))


def _notes(name: bytes, notes: Sequence[str]) -> bytes:
    return b',"%s":%s' % (name, dumps(list(notes))) if notes else b""


async def send(
    request: web.Request, pieces: Iterator[bytes], *, is_small: bool = False, media: str = JSON
) -> web.StreamResponse:
    """Sends JSON while it is made; memory holds no more of it than a piece and what the connection keeps.

    is_small: whether to make it takes less than to change to another thread for it. media: the type that it is said to
    be of.
    """
    if is_small:
        return json_response(b"".join(pieces))
    start, is_whole = await asyncio.to_thread(_take, pieces)
    if is_whole and media == JSON:
        return json_response(start)
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: media, hdrs.VARY: hdrs.ACCEPT_ENCODING})
    pieces = chain([start], pieces)
    if takes_gzip(request.headers):
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        pieces = _gzipped(pieces)
    await response.prepare(request)
    is_whole = False
    while not is_whole:
        piece, is_whole = await asyncio.to_thread(_take, pieces)
        await response.write(piece)
    await response.write_eof()
    return response


def _take(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """As much as makes a piece, and whether there is no more."""
    taken: list[bytes] = []
    size = 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            return b"".join(taken), False
    return b"".join(taken), True


def _gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)  # level 6 takes four times as long for a tenth less
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
