"""What is wrong with a query or a message, in words for people."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netmon_configs.options import Duration
from netmon_configs.schema import Shape
from netmon_configs.text import excerpt
from netmon_configs.wording import BOUNDS, did_you_mean, in_its_unit

_SECONDS = re.compile(r"(?<!_per)_s$")
_LENGTHS = {"too_short": ("min_length", "at least"), "too_long": ("max_length", "at most")}
_SECRET = ("community", "auth_password", "priv_password")
_KINDS = {"int_parsing": "a whole number", "int_parsing_size": "a whole number", "string_type": "text"}


def explain(error: ValidationError, model: type[BaseModel] | None, noun: str) -> dict[str, str]:
    """One complaint per field of a model, if it is known which; `noun` is what a field is called."""
    found: dict[str, str] = {}
    for details in error.errors(include_url=False):
        field = next((str(part) for part in reversed(details["loc"]) if isinstance(part, str)), "")
        found.setdefault(excerpt(field), _complaint(details, model, noun))
    return found


def _complaint(details: ErrorDetails, model: type[BaseModel] | None, noun: str) -> str:
    kind, context = details["type"], details.get("ctx", {})
    got = "" if _is_secret(details) else f" (got {_shown(details['input'])})"
    if kind == "extra_forbidden":
        known = model.model_fields if model is not None else ()
        return f"no such {noun}{did_you_mean(str(details['loc'][-1]), list(known))}"
    if kind == "missing":
        return "is required"
    if kind in ("value_error", "union_tag_invalid"):
        return excerpt(_reason(details), 500)
    if kind in BOUNDS:
        limit, words = BOUNDS[kind]
        shape, given = _shape(model, details["loc"]), details["input"]
        if isinstance(given, float) and not _is_secret(details):  # as it was understood, not as it was written
            got = f" (got {in_its_unit(given, shape)})"
        return f"must be {words} {in_its_unit(context[limit], shape)}{got}"
    if kind in _LENGTHS:
        limit, words = _LENGTHS[kind]
        return f"must have {words} {context[limit]:,} entries (got {context['actual_length'] or 'none'})"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}{got}"
    if kind == "literal_error":
        return f"must be {context['expected']}{got}"
    return re.sub(r"^\w+ should ", "must ", details["msg"])


def _shape(model: type[BaseModel] | None, place: Sequence[str | int]) -> Shape | None:
    """What may stand at a place; a number of seconds is a duration, too."""
    if place and _SECONDS.search(str(place[-1])):
        return Shape.of(Duration)
    shape = Shape.of(model) if model is not None else None
    for step in place:
        shape = shape.child(step) if shape is not None else None
    return shape


def _is_secret(details: ErrorDetails) -> bool:
    return any(str(part) in _SECRET for part in details["loc"])


def _reason(details: ErrorDetails) -> str:
    context: dict[str, Any] = details["ctx"]
    if details["type"] == "value_error":
        return str(context["error"])
    return f"must have an {context['discriminator']} of {context['expected_tags']}"


def _shown(value: object) -> str:
    return excerpt(str(value)) or "nothing"
