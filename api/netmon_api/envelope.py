"""What every answer looks like: errors, lists, JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from aiohttp import web
from pydantic import BaseModel

from netmon_api.models import ErrorAnswer, ErrorBody, Listing, PageQuery
from netmon_api.times import rfc3339

T = TypeVar("T")

_COMPRESS_IN_A_THREAD_BYTES = 16 << 10

STATUS = {
    "bad_request": 400,
    "too_many": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "internal": 500,
    "unavailable": 503,
}
"""The error codes of the API, with the HTTP status that each goes with."""


class ApiError(Exception):
    """An answer other than the one asked for. The message is for people, and goes out as it is."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        field_errors: Mapping[str, str] | None = None,
        headers: Mapping[Any, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.field_errors = field_errors
        self.headers = dict(headers or {})

    def response(self, now_ms: int, request_id: str) -> web.Response:
        body = ErrorBody(code=self.code, message=self.message, details=self.details, field_errors=self.field_errors)
        answer = ErrorAnswer(error=body, timestamp=rfc3339(now_ms), request_id=request_id)
        response = json_response(answer.model_dump_json().encode(), STATUS[self.code])
        response.headers.update(self.headers)
        return response


def json_response(body: bytes, status: int = 200) -> web.Response:
    return web.Response(
        body=body, status=status, content_type="application/json", zlib_executor_size=_COMPRESS_IN_A_THREAD_BYTES
    )


def page_of(found: Sequence[T], query: PageQuery) -> Sequence[T]:
    """The part of a list that a page shows; none of it past the end."""
    start = (query.page - 1) * query.page_size
    return found[start : start + query.page_size]


def listing(path: str, count: int, results: Sequence[BaseModel], query: PageQuery) -> Listing[Any]:
    """One page of `count` results, with links to its neighbours; filters are the query's fields but for the page's."""
    filters = query.filters()
    last = max(1, -(-count // query.page_size))

    def link(page: int) -> str:
        return f"{path}?{urlencode({**filters, 'page': page, 'page_size': query.page_size}, doseq=True)}"

    return Listing(
        count=count,
        next=link(query.page + 1) if query.page < last else None,
        previous=link(min(query.page - 1, last)) if query.page > 1 else None,
        results=results,
        filters_applied=filters,
    )


def listing_around(results: bytes, count: int, filters: Mapping[str, Any]) -> bytes:
    """A list that is not paged, around results that are JSON already."""
    return orjson.dumps(
        {
            "count": count,
            "next": None,
            "previous": None,
            "results": orjson.Fragment(results),
            "filters_applied": filters,
        }
    )
