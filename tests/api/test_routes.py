"""A walk over every route: who may use it, what it answers, and how it refuses."""

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from netmon_api.alertmanager.route import AlertmanagerRoute
from netmon_api.app import ROUTES
from netmon_api.auth import Access
from netmon_api.openapi import document
from netmon_api.prometheus.route import PrometheusRoute
from netmon_api.routes import Route
from netmon_api.writing.route import WriteRoute
from netmon_collector.alerts.incident import open_incident
from netmon_collector.checks.records import CheckRecord
from netmon_collector.discovery.records import Plan
from netmon_proto.model import DeviceFacts, FactTable
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, have_polled, labels
from tests.collector.alerts.test_decision import alert

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARAMETERS = {
    "/api/v1/series": {"selector": "load"},
    "/api/v1/samples": {"selector": "load"},
    "/api/v1/where": {"q": "sw1"},
    "/api/v1/paths": {"a": "sw1", "b": "core"},
    "/api/v1/downstream": {"of": "core", "seen_from": "sw1"},
    **{f"/api/v1/{path}": {"query": "vector(time())"} for path in ("trends", "comparison", "similar")},
}
"""What a good request needs, per path."""

BAD = {
    "page": "0",
    "page_size": "101",
    "instance": "x" * 5000,
    "state": "sideways",
    "job": "x" * 5000,
    "selector": "load[5m]",
    "start": "yesterday",
    "end": "-1",
    "limit": "1000001",
    "device": "x" * 5000,
    "source": "x" * 5000,
    "kind": "x" * 5000,
    "severity": "bad",
    "least": "bad",
    "text": "x" * 5000,
    "since": "yesterday",
    "until": "-1",
    "after": "-1",
    "cursor": "1",
    "name": "x" * 5000,
    "group": "x" * 5000,
    "file": "x" * 5000,
    "health": "ill",
    "at": "yesterday",
    "hops": "101",
    "layer": "4",
    "answer": "perhaps",
    "holds": "perhaps",
    "open": "sideways",
    "receiver": "x" * 5000,
    "vlan": "4096",
    "site": "x" * 5000,
    "times": "0",
    **dict.fromkeys(("history", "over", "against"), "1s"),
    **dict.fromkeys(("device", "source", "handle", "q", "a", "b", "of", "seen_from"), "x" * 5000),
    **dict.fromkeys(("query", "among", "what"), "x" * 5000),
}
"""A value that no route takes, per parameter."""

RULE_ID = "9d5d5cce2128db20"
"""Of HighLoad in the lab."""


SW1 = DeviceFacts(
    "sw1",
    NOW_MS,
    (
        FactTable("port", {"ifIndex": ("1",), "name": ("ge1",), "mac": ("00:1a:00:00:00:11",)}),
        FactTable("neighbour", {"protocol": ("lldp",), "ifIndex": ("1",), "name": ("core",), "port": ("ge7",)}),
    ),
)

OTHERS = PrometheusRoute | AlertmanagerRoute | WriteRoute
OWN = [route for route in ROUTES if not isinstance(route, OTHERS) and route.method == "GET"]
"""Those in netmon's own manner. tests/api/prometheus and tests/api/alertmanager are about others, test_snmp.py about
those that change things."""

every_route = pytest.mark.parametrize("route", OWN, ids=lambda route: route.path)
guarded_route = pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.access is not Access.PUBLIC],
    ids=lambda route: f"{route.method} {route.path}",
)
CASES = [(route, name) for route in OWN for name in route.query.model_fields]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(user, password)}


def path_of(route: Route) -> str:
    known = {
        "{instance}": "web1",
        "{name}": "job",
        "{device}": "sw1",
        "{credential}": "public",
        "{id}": "1",
        "{window}": "w1",
        "{receiver}": "nobody",
        "{check}": "shop",
        "{site}": "oslo",
        "{override}": "1",
        "{model}": "anomalies",
    }
    known |= {"{rule}": RULE_ID, "{file}": "lab", "{number}": "1"}
    return re.sub(r"{\w+}", lambda found: known[found[0]], route.path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """One for all of these tests, which change nothing: with a device that is polled and mapped, an incident, a
    sweep, a check."""
    async with running(tmp_path_factory.mktemp("lab")) as lab:
        await have_polled(lab, "sw1")
        lab.alerting.incidents.keep([open_incident(1, "group", [alert(NOW_MS, alertname="Down")], NOW_MS)])
        await lab.discovery.start(Plan("6f1c1a3e-0000-4000-8000-000000000001", ("10.0.0.0/24",)))
        shop = CheckRecord("shop", "ping", {"targets": ["192.0.2.1"]}, {"192.0.2.1": ""}, ("a1",), 0, NOW_MS, 1, 2)
        await lab.checks.add(shop, "{}")
        await lab.atlas.learn(SW1)
        await lab.atlas.redraw()
        yield lab


def schema_of(openapi: dict[str, Any], route: Route, status: str) -> dict[str, Any]:
    response = openapi["paths"][route.path]["get"]["responses"][status]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return {**schema, "components": openapi["components"]}


@guarded_route
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nmt_wrong",
        "Basic bm10OnB3",
        "Basic",
        "Basic ü",
        "{token}",
        "Bearer {join}",
    ],
)
async def test_without_a_good_token_nobody_comes_in(lab: Lab, route: Route, header: str | None) -> None:
    headers = {}
    if header is not None:
        headers["Authorization"] = header.format(token=lab.token, join=lab.tokens.issue("join"))
    async with lab.stranger.request(route.method, path_of(route), headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert (await response.json())["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/nothing", "/api/v1/devices/a/b", "/api/v1/../../etc/passwd"])
async def test_a_stranger_learns_nothing_of_other_paths(lab: Lab, path: str) -> None:
    async with lab.stranger.get(path) as response:
        assert response.status == 401
    error = await lab.refusal(path, status=404)
    assert error["code"] == "not_found"


async def test_a_token_in_the_query_string_is_none(lab: Lab) -> None:
    async with lab.stranger.get("/api/v1/status", params={"token": lab.token}) as response:
        assert response.status == 401


async def test_a_token_may_come_as_a_password(lab: Lab) -> None:
    for user in ("", "grafana"):
        async with lab.stranger.get("/api/v1/status", headers=basic(user, lab.token)) as response:
            assert response.status == 200
    async with lab.stranger.get("/api/v1/status", headers=basic(lab.token, "")) as response:
        assert response.status == 401


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_scheme_may_be_written_in_any_case(lab: Lab, scheme: str) -> None:
    async with lab.stranger.get("/api/v1/status", headers={"Authorization": f"{scheme} {lab.token}"}) as response:
        assert response.status == 200


async def test_the_openapi_document_is_valid_and_names_every_route(lab: Lab) -> None:
    openapi = await lab.get("/api/v1/openapi.json")
    validate(openapi)
    assert openapi["openapi"] == "3.1.0"
    assert set(openapi["paths"]) == {route.path for route in ROUTES}
    operations = [operation["operationId"] for path in openapi["paths"].values() for operation in path.values()]
    assert len(set(operations)) == len(operations) == len(ROUTES)
    assert {"ClientMessage", "ServerMessage"} <= set(openapi["components"]["schemas"])


@every_route
async def test_every_answer_is_as_documented(lab: Lab, route: Route) -> None:
    await lab.keep({labels("load", instance="web1"): 0.5, labels("load", instance="web2"): float("inf")})
    openapi = document(ROUTES)
    responses = openapi["paths"][route.path]["get"]["responses"]
    async with lab.client.get(path_of(route), params=PARAMETERS.get(route.path)) as response:
        if "101" in responses:
            assert response.status == 400, "a WebSocket answers no ordinary request"
            return
        assert response.status == 200
        assert response.content_type in responses["200"]["content"]
        if response.content_type == "application/json":
            answer = await response.json()
            Draft202012Validator(schema_of(openapi, route, "200")).validate(answer)
            assert answer


@every_route
async def test_every_route_refuses_an_unknown_parameter(lab: Lab, route: Route) -> None:
    query = {**PARAMETERS.get(route.path, {}), "pagesize": "1"}
    async with lab.client.get(path_of(route), params=query) as response:
        assert response.status == 400
        answer = await response.json()
    Draft202012Validator(schema_of(document(ROUTES), route, "default")).validate(answer)
    expected = "no such parameter"
    if "page_size" in route.query.model_fields:
        expected += ". Did you mean 'page_size'?"
    assert answer["error"]["field_errors"] == {"pagesize": expected}


@pytest.mark.parametrize(("route", "name"), CASES, ids=lambda part: part.path if isinstance(part, Route) else part)
async def test_every_parameter_has_values_that_are_refused(lab: Lab, route: Route, name: str) -> None:
    query = {**PARAMETERS.get(route.path, {}), name: BAD[name]}
    error = await lab.refusal(path_of(route), *query.items())
    assert error["code"] == "bad_request"
    assert list(error["field_errors"]) == [name]
    assert error["message"] == f"{name}: {error['field_errors'][name]}"


@every_route
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_every_route_refuses_other_methods(lab: Lab, route: Route, method: str) -> None:
    allowed = sorted(one.method for one in ROUTES if one.path == route.path)
    if method in allowed:
        return
    if route.access is Access.PUBLIC and "GET" in allowed:
        allowed = sorted([*allowed, "HEAD"])
    async with lab.client.request(method, path_of(route)) as response:
        assert response.status == 405
        assert response.headers["Allow"] == ", ".join(allowed)
        error = (await response.json())["error"]
    assert (error["code"], error["details"]) == ("method_not_allowed", {"allowed": allowed})
