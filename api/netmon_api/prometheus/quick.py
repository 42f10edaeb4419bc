"""Queries that are answered as soon as they are parsed: those that are small and of what is in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import hdrs
from aiohttp.http import RawRequestMessage

from netmon_api.auth import token_of
from netmon_api.guard import Guard, takes_gzip
from netmon_api.prometheus.route import PrometheusRoute, fields_of, is_form
from netmon_api.routes import Route
from netmon_api.services import Services


class QuickQueries:
    """Takes requests to routes with an `at_once`, from those who may use them. A request that is in any way strange or
    wrong is left to the route itself, which says so.
    """

    def __init__(self, services: Services, guard: Guard, routes: Iterable[Route]) -> None:
        self._services = services
        self._guard = guard
        self._routes = {
            (route.method, route.path): route
            for route in routes
            if isinstance(route, PrometheusRoute) and route.at_once is not None
        }

    def way(self, request: RawRequestMessage) -> "QuickWay | None":
        path, _, query = request.path.partition("?")
        route = self._routes.get((request.method, path))
        if route is None:
            return None
        headers = request.headers
        return QuickWay(
            self._services,
            self._guard,
            route,
            list(request.url.query.items()) if query else [],
            request.method == hdrs.METH_POST and is_form(headers.get(hdrs.CONTENT_TYPE, "")),
            token_of(headers),
            takes_gzip(headers),
        )


@dataclass(frozen=True, slots=True)
class QuickWay:
    """What the head of a request asks for. asked: parameters of the query string; the body has more if it is a form."""

    services: Services
    guard: Guard
    route: PrometheusRoute
    asked: Sequence[tuple[str, str]]
    has_form: bool
    token: str | None
    takes_gzip: bool

    def answer(self, body: bytes) -> bytes | None:
        try:
            if not self.guard.knows(self.token):
                return None
            asked = [*fields_of(body), *self.asked] if self.has_form else self.asked
            assert self.route.at_once is not None
            content = self.route.at_once(self.services, self.route.form_of(asked))
        except Exception:  # noqa: BLE001 - whatever it is, the route meets it again and tells of it
            return None
        if content is None:
            return None
        return self.guard.whole(content, str(self.route.answer), is_packed=self.takes_gzip)
