"""What the table of routes itself has to hold."""

import inspect

from netmon_api.app import ROUTES
from netmon_api.auth import Access
from netmon_api.models import NoQuery
from netmon_api.openapi import document
from netmon_api.routes import Route
from tests.api.test_routes import OWN


def test_a_route_without_access_policy_cannot_be_made() -> None:
    assert inspect.signature(Route).parameters["access"].default is inspect.Parameter.empty


def test_only_health_and_what_links_say_is_public() -> None:
    assert {route.path for route in ROUTES if route.access is Access.PUBLIC} == {
        "/healthz",
        "/readyz",
        "/graph",
        "/alertmanager/-/healthy",
        "/alertmanager/-/ready",
        "/prometheus/-/healthy",
        "/prometheus/-/ready",
        "/influx/ping",
        "/influx/health",
        "/ping",
        "/health",
    }


def test_routes_without_parameters_say_so() -> None:
    openapi = document(ROUTES)
    for route in OWN:
        parameters = [one["name"] for one in openapi["paths"][route.path]["get"]["parameters"] if one["in"] == "query"]
        assert parameters == ([] if route.query is NoQuery else list(route.query.model_fields))
