"""What surrounds every handler: who may call it, errors as envelopes, headers."""

import os
import re
import traceback
import zlib
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from sqlalchemy.exc import SQLAlchemyError

from netmon_api.auth import Access, Doorkeeper
from netmon_api.envelope import STATUS, ApiError
from netmon_api.malformed import UNREADABLE, UNREADABLE_TEXT
from netmon_api.routes import LARGEST_BODY_BYTES, Route
from netmon_collector.state.database import reason_of
from netmon_collector.store.base import StoreError
from netmon_configs.logs import EventLog

log = EventLog("netmon.api")

_COMPRESS_FROM_BYTES = 1 << 10
_GZIP = re.compile(r"gzip(;q=(?!0(\.0*)?$)[\d.]+)?")
_REQUEST_ID = web.RequestKey("request_id", str)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_JSON = "application/json"

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Surrounds every handler. What has no route, unknown paths too, needs a token."""

    def __init__(self, doorkeeper: Doorkeeper, now_ms: Callable[[], int]) -> None:
        self._doorkeeper = doorkeeper
        self.knows: Final = doorkeeper.knows
        """Whether a request with some token may use routes that take one."""
        self._now_ms = now_ms

    async def answer(self, request: web.Request, route: Route | None, handler: Next) -> web.StreamResponse:
        """What a handler answers, if it is to be asked; errors as envelopes, what is our fault logged; compressed."""
        request[_REQUEST_ID] = _fresh_id()
        try:
            self._let_in(request, route)
            if route is not None and route.most_body_bytes != LARGEST_BODY_BYTES:
                request = request.clone(client_max_size=route.most_body_bytes)
            response = await handler(request)
        except web.HTTPRedirection as error:
            response = web.Response(status=error.status, headers={hdrs.LOCATION: error.headers[hdrs.LOCATION]})
        except ConnectionError as error:
            if request.transport is None or request.transport.is_closing():
                raise  # the client has gone, which is no trouble of ours; aiohttp lets it
            response = self._told(request, error)
        except Exception as error:  # noqa: BLE001 - one broken request must not end the connection without an answer
            response = self._told(request, error)
        if request.content.exception() is not None and not response.prepared:
            response.force_close()  # nothing can be read behind a broken body: the client is to know
        if isinstance(response, web.Response) and response.content_type == _JSON:
            if (response.content_length or 0) >= _COMPRESS_FROM_BYTES and takes_gzip(request.headers):
                response.enable_compression(web.ContentCoding.gzip)
            response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        return response

    def whole(self, content: bytes, media: str, *, is_packed: bool) -> bytes:
        """Text of a media type as a whole answer of HTTP/1.1, on a connection that stays. It is what aiohttp would make
        of it.

        is_packed: whether it may be packed; only what is long is.
        """
        head = _head_of(media)
        if is_packed and len(content) >= _COMPRESS_FROM_BYTES:
            head, content = head + b"Content-Encoding: gzip\r\n", zlib.compress(content, 1, wbits=31)
        own = b"Content-Length: %d\r\nX-Request-Id: %s\r\n\r\n" % (len(content), _fresh_id().encode())
        return b"".join((head, _date_of(self._now_ms() // 1000), own, content))

    def _let_in(self, request: web.Request, route: Route | None) -> None:
        self._doorkeeper.admit(route.access if route else Access.TOKEN, request)
        most_bytes = route.most_body_bytes if route else LARGEST_BODY_BYTES
        if (request.content_length or 0) > most_bytes:
            raise ApiError("too_large", f"the body must be at most {most_bytes} bytes long")

    def _told(self, request: web.Request, error: Exception) -> web.Response:
        """The error envelope; under the request's id the log tells more of it."""
        fields = {}
        match error:
            case ApiError():
                answer = error
            case web.HTTPException():
                answer = _from_http(error)
            case _ if isinstance(error, UNREADABLE):
                answer = ApiError("bad_request", UNREADABLE_TEXT)
            case StoreError():
                answer = ApiError("unavailable", f"the store can't answer now: {error}")
            case SQLAlchemyError():
                answer = ApiError("unavailable", "the state database can't be asked now; the log tells more")
                fields = {"error": reason_of(error)}
            case _:
                answer = ApiError("internal", "an error of netmon's own; its log tells more under the request id")
                fields = {"error": repr(error), "traceback": "".join(traceback.format_exception(error))}
        if STATUS[answer.code] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log(request, answer, **{"error": answer.message, **fields})
        return answer.response(self._now_ms(), request[_REQUEST_ID])


def surround(guard: Guard, routes: Mapping[web.AbstractRoute, Route]) -> Middleware:
    """A guard in the way of all that aiohttp routes."""

    @web.middleware
    async def middleware(request: web.Request, handler: Next) -> web.StreamResponse:
        return await guard.answer(request, routes.get(request.match_info.route), handler)

    return middleware


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The last word on every answer's headers, a WebSocket's too."""
    response.headers.update(_HEADERS)
    response.headers["X-Request-Id"] = request.get(_REQUEST_ID) or _fresh_id()
    response.headers.popall(hdrs.SERVER, None)


def _fresh_id() -> str:
    return os.urandom(8).hex()


@lru_cache
def _head_of(media: str) -> bytes:
    told = {hdrs.CONTENT_TYPE: media, hdrs.VARY: hdrs.ACCEPT_ENCODING, **_HEADERS}
    return "".join(["HTTP/1.1 200 OK\r\n", *(f"{name}: {value}\r\n" for name, value in told.items())]).encode()


@lru_cache(1)
def _date_of(second: int) -> bytes:
    return b"Date: %s\r\n" % formatdate(second, usegmt=True).encode()


def _from_http(error: web.HTTPException) -> ApiError:
    """What aiohttp itself refuses."""
    match error:
        case web.HTTPNotFound():
            return ApiError("not_found", "there is nothing at this path; /api/v1/openapi.json lists what there is")
        case web.HTTPMethodNotAllowed():
            allowed = sorted(error.allowed_methods)
            headers = {hdrs.ALLOW: ", ".join(allowed)}
            message = f"{error.method} is not allowed here"
            return ApiError("method_not_allowed", message, details={"allowed": allowed}, headers=headers)
        case web.HTTPRequestEntityTooLarge():
            return ApiError("too_large", f"the body must be at most {LARGEST_BODY_BYTES} bytes long")
        case web.HTTPException(status=status) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return ApiError("bad_request", error.reason)
    return ApiError("internal", "an error of netmon's own; its log tells more under the request id")


def takes_gzip(headers: Mapping[str, str]) -> bool:
    offers = headers.get(hdrs.ACCEPT_ENCODING, "").replace(" ", "").lower().split(",")
    return any(_GZIP.fullmatch(offer) for offer in offers)


def _log(request: web.Request, answer: ApiError, **fields: str) -> None:
    log.error(
        "request.failed",
        request_id=request[_REQUEST_ID],
        status=STATUS[answer.code],
        method=request.method,
        path=request.path,
        **fields,
    )
