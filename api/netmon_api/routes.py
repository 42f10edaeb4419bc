"""What a route is, and how a request is brought to its handler."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from netmon_api.auth import Access
from netmon_api.complaints import explain
from netmon_api.envelope import ApiError, json_response
from netmon_api.models import Query
from netmon_api.services import Services

Q = TypeVar("Q", bound=Query)

LARGEST_BODY_BYTES = 1 << 20
_MOST_PARAMETERS = 300


@dataclass(frozen=True)
class Call(Generic[Q]):
    """A request on its way to a handler, its query checked."""

    services: Services
    query: Q
    request: web.Request
    routes: "Sequence[Route]"


Handler = Callable[[Call[Any]], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """One line of the API. `answer` is a model, a media type, or None where a WebSocket begins;
    None otherwise means that success is 204. `also` names further statuses that are answered with text. `takes` is the
    media type of the body. `body` is the model of a body of JSON. `most_body_bytes` is what
    no body may exceed.
    """

    method: str
    path: str
    access: Access
    handler: Handler
    query: type[Query]
    answer: type[BaseModel] | str | None
    summary: str
    also: Mapping[int, str] = field(default_factory=dict)
    takes: str | None = field(default=None, kw_only=True)
    body: type[BaseModel] | None = field(default=None, kw_only=True)
    most_body_bytes: int = field(default=LARGEST_BODY_BYTES, kw_only=True)

    def bind(
        self, services: Services, routes: "Sequence[Route]"
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler as aiohttp calls it."""

        async def answer(request: web.Request) -> web.StreamResponse:
            query = parse_query(self.query, request.query)
            found = await self.handler(Call(services, query, request, routes))
            return json_response(found.model_dump_json().encode()) if isinstance(found, BaseModel) else found

        return answer


def parse_query(model: type[Q], given: MultiMapping[str]) -> Q:
    """The parameters of a query string; raises ApiError that names every mistake."""
    if len(given) > _MOST_PARAMETERS:
        raise ApiError("bad_request", f"at most {_MOST_PARAMETERS} parameters (got {len(given)})")
    raw: dict[str, str | list[str]] = {}
    errors: dict[str, str] = {}
    for name in dict.fromkeys(given):
        values = given.getall(name)
        known = model.model_fields.get(name)
        if known is not None and isinstance(known.default, list):
            raw[name] = values
        elif len(values) > 1 and known is not None:
            errors[name] = "must be given once"
        else:
            raw[name] = values[0]
    try:
        parsed = model.model_validate(raw)
    except ValidationError as error:
        errors = explain(error, model, "parameter") | errors
    if errors:
        text = "; ".join(f"{field}: {complaint}" for field, complaint in errors.items())
        raise ApiError("bad_request", text, field_errors=errors)
    return parsed
