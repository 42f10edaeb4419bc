"""How a request in Prometheus' manner is brought to its handler, and its errors back."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web

from netmon_api.models import Query
from netmon_api.prometheus.problem import Problem
from netmon_api.routes import Call, Route
from netmon_api.services import Services
from netmon_collector.query.answer import QueryError
from netmon_collector.store.base import StoreError

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 10_000


@dataclass(frozen=True)
class PrometheusRoute(Route):
    """A path of Prometheus' API. Takes its parameters from the query string and from a form; ignores unknown ones."""

    def bind(
        self, services: Services, routes: Sequence[Route]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        known = {field.alias or name: field.default == [] for name, field in self.query.model_fields.items()}

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                form = _form(self.query, known, await _pairs(request))
                answered = await self.handler(Call(services, form, request, routes))
            except Problem as error:
                return error.response()
            except QueryError as error:
                return Problem(error.kind, error.message).response()
            except StoreError as error:
                return Problem("unavailable", f"the store can't answer now: {error}").response()
            assert isinstance(answered, web.StreamResponse)
            return answered

        return answer


def _form(model: type[Query], known: Mapping[str, bool], pairs: Sequence[tuple[str, str]]) -> Query:
    """The first value of each parameter, and all values of those that may be given many times, of which `known` says
    True.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return model.model_validate(
        {name: values if known[name] else values[0] for name, values in given.items() if name in known}
    )


async def _pairs(request: web.Request) -> list[tuple[str, str]]:
    """What was given, the body before the query string."""
    asked = list(request.query.items()) if request.rel_url.raw_query_string else []
    if request.method != hdrs.METH_POST or request.content_type != _FORM:
        return asked
    return [*fields_of(await request.read()), *asked]


def fields_of(body: bytes) -> Iterator[tuple[str, str]]:
    """The fields of a form, as `urllib.parse.parse_qsl` has them, which takes three times as long."""
    fields = body.split(b"&")
    if len(fields) > _MOST_FIELDS:
        raise Problem("bad_data", f"error parsing form values: more than {_MOST_FIELDS} fields")
    for field in fields:
        if field:
            name, _, value = field.partition(b"=")
            yield _unescaped(name), _unescaped(value)


def _unescaped(text: bytes) -> str:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return (unquote_to_bytes(text) if b"%" in text else text).decode(errors="replace")
