"""What is wrong with a query or a message, in words for people."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netmon_configs.text import excerpt
from netmon_configs.wording import did_you_mean

_BOUNDS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}
_LENGTHS = {"too_short": ("min_length", "at least"), "too_long": ("max_length", "at most")}
_SECRET = ("community", "auth_password", "priv_password")
_KINDS = {"int_parsing": "a whole number", "int_parsing_size": "a whole number", "string_type": "text"}


def explain(error: ValidationError, known: Sequence[str], noun: str) -> dict[str, str]:
    """One complaint per field; `known` are the fields that there are, `noun` is what a field is called."""
    found: dict[str, str] = {}
    for details in error.errors(include_url=False):
        field = next((str(part) for part in reversed(details["loc"]) if isinstance(part, str)), "")
        found.setdefault(excerpt(field), _complaint(details, known, noun))
    return found


def fields_of(model: type[BaseModel]) -> list[str]:
    return list(model.model_fields)


def _complaint(details: ErrorDetails, known: Sequence[str], noun: str) -> str:
    kind, context = details["type"], details.get("ctx", {})
    got = "" if _is_secret(details) else f" (got {_shown(details['input'])})"
    if kind == "extra_forbidden":
        return f"no such {noun}{did_you_mean(str(details['loc'][-1]), known)}"
    if kind == "missing":
        return "is required"
    if kind in ("value_error", "union_tag_invalid"):
        return excerpt(_reason(details), 500)
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return f"must be {words} {context[limit]}{got}"
    if kind in _LENGTHS:
        limit, words = _LENGTHS[kind]
        return f"must have {words} {context[limit]:,} entries (got {context['actual_length'] or 'none'})"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}{got}"
    if kind == "literal_error":
        return f"must be {context['expected']}{got}"
    return re.sub(r"^\w+ should ", "must ", details["msg"])


def _is_secret(details: ErrorDetails) -> bool:
    return any(str(part) in _SECRET for part in details["loc"])


def _reason(details: ErrorDetails) -> str:
    context: dict[str, Any] = details["ctx"]
    if details["type"] == "value_error":
        return str(context["error"])
    return f"must have an {context['discriminator']} of {context['expected_tags']}"


def _shown(value: object) -> str:
    return excerpt(str(value)) or "nothing"
