"""How a request in Prometheus' manner is brought to its handler, and its errors back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web
from pydantic import TypeAdapter

from netmon_api.malformed import UNREADABLE, UNREADABLE_TEXT
from netmon_api.models import Query
from netmon_api.prometheus.problem import Problem
from netmon_api.routes import Call, Route
from netmon_api.services import Services
from netmon_collector.query.answer import QueryError
from netmon_collector.store.base import StoreError

_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data"
_MOST_FIELDS = 10_000
_SHORT_BYTES = 2000


AtOnce = Callable[[Services, Any], bytes | None] | None
"""Makes JSON of a form without waiting; None for a form that takes longer than the event loop can wait."""


@dataclass(frozen=True)
class PrometheusRoute(Route):
    """A path of Prometheus' API. Takes its parameters from the query string and from a form; ignores unknown ones."""

    at_once: AtOnce = field(default=None, kw_only=True)

    @cached_property
    def _known(self) -> Mapping[str, bool]:
        """The parameters there are, and whether each may be given many times."""
        return {one.alias or name: one.default == [] for name, one in self.query.model_fields.items()}

    @cached_property
    def _checked(self) -> Callable[[Mapping[str, Any]], Query]:
        """As `model_validate`, whose own part takes as long as what it calls."""
        return TypeAdapter(self.query).validator.validate_python

    def form_of(self, pairs: Sequence[tuple[str, str]]) -> Query:
        """The first value of each parameter, and all values of those that may be given many times."""
        given: dict[str, Any] = {}
        known = self._known
        for name, value in pairs:
            if name not in known:
                continue
            if known[name]:
                given.setdefault(name, []).append(value)
            else:
                given.setdefault(name, value)
        return self._checked(given)

    def bind(
        self, services: Services, routes: Sequence[Route]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                form = self.form_of(await _pairs(request))
                answered = await self.handler(Call(services, form, request, routes))
            except Problem as error:
                return error.as_text() if self.answer == "text/plain" else error.response()
            except UNREADABLE:
                return Problem("bad_data", f"error parsing form values: {UNREADABLE_TEXT}").response()
            except QueryError as error:
                return Problem(error.kind, error.message).response()
            except StoreError as error:
                return Problem("unavailable", f"the store can't answer now: {error}").response()
            assert isinstance(answered, web.StreamResponse)
            return answered

        return answer


async def _pairs(request: web.Request) -> list[tuple[str, str]]:
    """What was given, a form before the query string, and one in parts behind it."""
    asked = list(request.query.items()) if request.rel_url.raw_query_string else []
    if request.method not in (hdrs.METH_POST, hdrs.METH_PUT):
        return asked
    if is_form(request.content_type):
        return [*fields_of(await request.read()), *asked]
    if request.content_type == _PARTS:
        return [*asked, *await _parts(request)]
    return asked


async def _parts(request: web.Request) -> list[tuple[str, str]]:
    """The fields of a form in parts, without files."""
    try:
        fields = await request.post()
    except (AssertionError, LookupError, RuntimeError, ValueError) as error:  # all that aiohttp raises for odd ones
        raise Problem("bad_data", "error parsing form values: its parts cannot be read") from error
    return [(name, text) for name, text in fields.items() if isinstance(text, str)]


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == _FORM


def fields_of(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, as `urllib.parse.parse_qsl` has them, which takes three times as long."""
    parts = body.split(b"&")
    if len(parts) > _MOST_FIELDS:
        raise Problem("bad_data", f"error parsing form values: more than {_MOST_FIELDS} fields")
    read = _known_field if len(body) <= _SHORT_BYTES else _field
    return list(map(read, filter(None, parts)))


@lru_cache(500)
def _known_field(part: bytes) -> tuple[str, str]:
    """Expressions, steps and many times are the same in one request after another."""
    return _field(part)


def _field(part: bytes) -> tuple[str, str]:
    name, _, value = part.partition(b"=")
    return _unescaped(name), _unescaped(value)


def _unescaped(text: bytes) -> str:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return (unquote_to_bytes(text) if b"%" in text else text).decode(errors="replace")
