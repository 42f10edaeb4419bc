"""What surrounds every handler: who may call it, errors as envelopes, headers."""

import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from sqlalchemy.exc import SQLAlchemyError

from netmon_api.auth import Access, Doorkeeper
from netmon_api.envelope import STATUS, ApiError
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

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def number_requests() -> Middleware:
    """Gives every request an id, under which its errors are logged."""

    @web.middleware
    async def middleware(request: web.Request, handler: Next) -> web.StreamResponse:
        request[_REQUEST_ID] = secrets.token_hex(8)
        return await handler(request)

    return middleware


def answer_errors(now_ms: Callable[[], int]) -> Middleware:
    """Turns whatever is raised into the error envelope; what is our fault is logged."""

    @web.middleware
    async def middleware(request: web.Request, handler: Next) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            answer = error
        except web.HTTPException as error:
            answer = _from_http(error)
        except StoreError as error:
            answer = ApiError("unavailable", f"the store can't answer now: {error}")
        except SQLAlchemyError as error:
            answer = ApiError("unavailable", "the state database can't be asked now; the log tells more")
            _log(request, answer, error=reason_of(error))
            return answer.response(now_ms(), request[_REQUEST_ID])
        except Exception as error:  # noqa: BLE001 - one broken request must not end the connection without an answer
            answer = ApiError("internal", "an error of netmon's own; its log tells more under the request id")
            _log(request, answer, error=repr(error), traceback=traceback.format_exc())
            return answer.response(now_ms(), request[_REQUEST_ID])
        if STATUS[answer.code] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log(request, answer, error=answer.message)
        return answer.response(now_ms(), request[_REQUEST_ID])

    return middleware


def compress() -> Middleware:
    """Compresses large JSON for clients that take gzip."""

    @web.middleware
    async def middleware(request: web.Request, handler: Next) -> web.StreamResponse:
        response = await handler(request)
        if isinstance(response, web.Response) and response.content_type == "application/json":
            response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
            if (response.content_length or 0) >= _COMPRESS_FROM_BYTES and takes_gzip(request):
                response.enable_compression(web.ContentCoding.gzip)
        return response

    return middleware


def let_in(doorkeeper: Doorkeeper, routes: Mapping[web.AbstractRoute, Route]) -> Middleware:
    """Checks every request before its handler. What has no policy, unknown paths too, needs a token."""

    @web.middleware
    async def middleware(request: web.Request, handler: Next) -> web.StreamResponse:
        route = routes.get(request.match_info.route)
        doorkeeper.admit(route.access if route else Access.TOKEN, request)
        most_bytes = route.most_body_bytes if route else LARGEST_BODY_BYTES
        if (request.content_length or 0) > most_bytes:
            raise ApiError("too_large", f"the body must be at most {most_bytes} bytes long")
        return await handler(request)

    return middleware


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The last word on every answer's headers, a WebSocket's too."""
    response.headers.update(_HEADERS)
    response.headers["X-Request-Id"] = request[_REQUEST_ID]
    response.headers.popall(hdrs.SERVER, None)


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


def takes_gzip(request: web.Request) -> bool:
    offers = request.headers.get(hdrs.ACCEPT_ENCODING, "").replace(" ", "").lower().split(",")
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
