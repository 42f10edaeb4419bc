"""The HTTP API of a collector: every route, on one page."""

import re

from aiohttp import hdrs, web

from netmon_api import backup, devices, events, health, openapi, series, status, websocket
from netmon_api import store as store_detail
from netmon_api.alerting_table import ALERTING_ROUTES
from netmon_api.alertmanager.table import ALERTMANAGER_ROUTES
from netmon_api.anomalies import (
    AnomaliesQuery,
    AnomalyAnswer,
    FineAnswer,
    FineBody,
    FinesAnswer,
    ModelAnswer,
    add_fine,
    list_anomalies,
    list_fine,
    show_model,
    take_fine_back,
)
from netmon_api.auth import Access, Doorkeeper
from netmon_api.capacity import CapacityAnswer, CapacityQuery, list_capacity
from netmon_api.check_table import CHECK_ROUTES
from netmon_api.discovery_table import DISCOVERY_ROUTES
from netmon_api.event_models import EventsAnswer, EventsQuery
from netmon_api.guard import Guard, set_headers, surround
from netmon_api.heartbeats import HEARTBEAT_ROUTES
from netmon_api.map_table import MAP_ROUTES
from netmon_api.model_table import MODEL_ROUTES
from netmon_api.models import (
    DeviceAnswer,
    DevicesQuery,
    Listing,
    NoQuery,
    PageQuery,
    SamplesAnswer,
    SamplesQuery,
    SeriesAnswer,
    SeriesQuery,
    StatusAnswer,
    StoreDetail,
)
from netmon_api.prometheus.quick import QuickQueries
from netmon_api.prometheus.table import PROMETHEUS_ROUTES
from netmon_api.routes import LARGEST_BODY_BYTES, Route
from netmon_api.rule_table import RULE_ROUTES
from netmon_api.services import Services
from netmon_api.shortcut import SHORTCUT
from netmon_api.snmp_table import SNMP_ROUTES
from netmon_api.trends import (
    ComparisonAnswer,
    ComparisonQuery,
    SimilarAnswer,
    SimilarQuery,
    TrendsAnswer,
    TrendsQuery,
    show_comparison,
    show_similar,
    show_trends,
)
from netmon_api.writing.table import WRITE_ROUTES

# fmt: off
ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", Access.PUBLIC, health.say_alive, NoQuery, "text/plain", "Whether the collector lives"),
    Route("GET", "/readyz", Access.PUBLIC, health.say_ready, NoQuery, "text/plain", "Whether it can take and give data",
          also={503: "Not ready, and why"}),
    Route("GET", "/metrics", Access.TOKEN, health.show_metrics, NoQuery, "text/plain", "The collector's own metrics"),
    Route("GET", "/api/v1/openapi.json", Access.TOKEN, openapi.show, NoQuery, "application/json", "This document"),
    Route("GET", "/api/v1/status", Access.TOKEN, status.show_status, NoQuery, StatusAnswer, "The whole at a glance"),
    Route("GET", "/api/v1/devices", Access.TOKEN, devices.list_devices, DevicesQuery, Listing[DeviceAnswer],
          "Devices, sorted by instance"),
    Route("GET", "/api/v1/devices/{instance}", Access.TOKEN, devices.show_device, NoQuery, DeviceAnswer, "One device"),
    Route("GET", "/api/v1/series", Access.TOKEN, series.list_series, SeriesQuery, Listing[SeriesAnswer],
          "Series, sorted by name and labels"),
    Route("GET", "/api/v1/samples", Access.TOKEN, series.list_samples, SamplesQuery, Listing[SamplesAnswer],
          "The samples of some series in some time"),
    *SNMP_ROUTES,
    *CHECK_ROUTES,
    Route("GET", "/api/v1/events", Access.TOKEN, events.list_events, EventsQuery, EventsAnswer,
          "What happened, the newest first"),
    Route("GET", "/api/v1/anomalies", Access.TOKEN, list_anomalies, AnomaliesQuery, Listing[AnomalyAnswer],
          "Series that were odd within the last hour, the newest first"),
    Route("GET", "/api/v1/anomalies/fine", Access.TOKEN, list_fine, PageQuery, Listing[FineAnswer],
          "What people said was fine, the newest first"),
    Route("POST", "/api/v1/anomalies/fine", Access.TOKEN, add_fine, NoQuery, FinesAnswer,
          "Say that what series did within the last hour was fine", body=FineBody),
    Route("DELETE", "/api/v1/anomalies/fine/{id}", Access.TOKEN, take_fine_back, NoQuery, FineAnswer,
          "Take back that something was fine"),
    Route("GET", "/api/v1/model", Access.TOKEN, show_model, NoQuery, ModelAnswer, "How the judging of series goes"),
    Route("GET", "/api/v1/capacity", Access.TOKEN, list_capacity, CapacityQuery, Listing[CapacityAnswer],
          "What runs out, the soonest first"),
    Route("GET", "/api/v1/trends", Access.TOKEN, show_trends, TrendsQuery, TrendsAnswer,
          "The seasons, the trend and the changes of some series"),
    Route("GET", "/api/v1/comparison", Access.TOKEN, show_comparison, ComparisonQuery, ComparisonAnswer,
          "Some series now, against the same time of earlier weeks"),
    Route("GET", "/api/v1/similar", Access.TOKEN, show_similar, SimilarQuery, SimilarAnswer,
          "Series that look like one"),
    *MODEL_ROUTES,
    *RULE_ROUTES,
    *MAP_ROUTES,
    *HEARTBEAT_ROUTES,
    *DISCOVERY_ROUTES,
    Route("GET", "/api/v1/store", Access.TOKEN, store_detail.show_store, NoQuery, StoreDetail,
          "What the store holds, in detail"),
    Route("GET", "/api/v1/backup", Access.ADMIN, backup.download_backup, NoQuery, "application/x-tar",
          "A backup of samples and state, as an archive"),
    Route("GET", "/api/v1/ws", Access.SOCKET, websocket.converse, NoQuery, None,
          "Samples as they arrive, over a WebSocket"),
    *PROMETHEUS_ROUTES,
    *ALERTING_ROUTES,
    *ALERTMANAGER_ROUTES,
    *WRITE_ROUTES,
)
# fmt: on

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def make_app(services: Services) -> web.Application:
    """The API of a collector. `serve.Server` listens for it."""
    routes: dict[web.AbstractRoute, Route] = {}
    guard = Guard(Doorkeeper(services.tokens), services.now_ms)
    # Clients that are told a URL with a slash at its end ask for paths with two.
    straighten = web.normalize_path_middleware(
        append_slash=False, remove_slash=True, redirect_class=web.HTTPPermanentRedirect
    )
    app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[surround(guard, routes), straighten])
    for route in ROUTES:
        handler = route.bind(services, ROUTES)
        # A name may have braces in it, which aiohttp leaves out of a placeholder unless told.
        path = _PLACEHOLDER.sub(r"{\1:[^/]+}", route.path)
        routes[app.router.add_route(route.method, path, handler)] = route
        if (
            route.method == hdrs.METH_GET and route.access is Access.PUBLIC
        ):  # balancers look by HEAD whether we are well
            routes[app.router.add_route(hdrs.METH_HEAD, path, handler)] = route
    app[SHORTCUT] = QuickQueries(services, guard, ROUTES)
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(services.sockets.close_all)
    return app
