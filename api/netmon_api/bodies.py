"""Bodies of JSON, checked as queries are: every mistake is named, and what is secret is not repeated."""

from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from netmon_api.complaints import explain
from netmon_api.envelope import ApiError

B = TypeVar("B", bound=BaseModel)


async def body_of(request: web.Request, model: type[B]) -> B:
    """A request's body as a model. Raises ApiError."""
    try:
        given: Any = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise ApiError("bad_request", "the body must be JSON") from None
    if not isinstance(given, dict):
        raise ApiError("bad_request", "the body must be a JSON object")
    return understood(given, model)


def understood(given: dict[str, Any], model: type[B]) -> B:
    """An object of a body as a model. Raises ApiError."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        errors = explain(error, model, "field")
        text = "; ".join(f"{field}: {complaint}" if field else complaint for field, complaint in errors.items())
        raise ApiError("bad_request", text, field_errors=errors) from None
