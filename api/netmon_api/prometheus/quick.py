"""Queries that are answered as soon as they are parsed: those that are small and of what is in memory."""

from collections.abc import Iterable

from aiohttp import hdrs
from aiohttp.http import RawRequestMessage

from netmon_api.guard import Guard
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

    def takes(self, request: RawRequestMessage) -> bool:
        return (request.method, request.path.partition("?")[0]) in self._routes

    def answer(self, request: RawRequestMessage, body: bytes) -> bytes | None:
        route = self._routes[request.method, request.path.partition("?")[0]]
        asked = list(request.url.query.items()) if "?" in request.path else []
        try:
            if not self._guard.knows(request.headers):
                return None
            if request.method == hdrs.METH_POST and is_form(request.headers.get(hdrs.CONTENT_TYPE, "")):
                asked = [*fields_of(body), *asked]
            assert route.at_once is not None
            content = route.at_once(self._services, route.form_of(asked))
        except Exception:  # noqa: BLE001 - whatever it is, the route meets it again and tells of it
            return None
        return None if content is None else self._guard.whole(request.headers, content, str(route.answer))
