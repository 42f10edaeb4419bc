"""Every path of Prometheus' API that there is, on one page; app.py adds it to its own."""

from dataclasses import replace

from netmon_api.auth import Access
from netmon_api.prometheus import absent, browse, deleting, evaluate, export, federate, graph, rules, standing
from netmon_api.prometheus.forms import (
    BrowseForm,
    DeleteForm,
    ExemplarsForm,
    ExportForm,
    ExpressionForm,
    Form,
    GraphForm,
    InstantForm,
    MatchForm,
    MetadataForm,
    NoForm,
    RangeForm,
    RulesForm,
    TopForm,
)
from netmon_api.prometheus.route import AtOnce, PrometheusRoute
from netmon_api.prometheus.sending import JSON
from netmon_api.routes import Handler


def _get(
    path: str, handler: Handler, form: type[Form], summary: str, at_once: AtOnce = None, media: str = JSON
) -> PrometheusRoute:
    return PrometheusRoute("GET", f"/prometheus{path}", Access.TOKEN, handler, form, media, summary, at_once=at_once)


def _get_or_post(
    path: str, handler: Handler, form: type[Form], summary: str, at_once: AtOnce = None, media: str = JSON
) -> tuple[PrometheusRoute, PrometheusRoute]:
    """A query may be too long for a line, so a form is taken as well."""
    get = _get(path, handler, form, summary, at_once, media)
    return get, replace(get, method="POST")


# fmt: off
PROMETHEUS_ROUTES: tuple[PrometheusRoute, ...] = (
    *_get_or_post("/api/v1/query", evaluate.query, InstantForm, "The value of an expression at one time",
                  evaluate.query_at_once),
    *_get_or_post("/api/v1/query_range", evaluate.query_range, RangeForm, "The values of an expression over a time",
                  evaluate.query_range_at_once),
    *_get_or_post("/api/v1/query_exemplars", evaluate.query_exemplars, ExemplarsForm, "Exemplars: none are kept"),
    *_get_or_post("/api/v1/format_query", evaluate.format_query, ExpressionForm, "An expression, well formatted"),
    *_get_or_post("/api/v1/parse_query", evaluate.parse_query, ExpressionForm, "An expression as a tree"),
    *_get_or_post("/api/v1/export", export.export, ExportForm, "Samples as they were stored, a series to a line",
                  export.export_at_once, export.LINES),
    *_get_or_post("/api/v1/series", browse.series, BrowseForm, "Series that fit one of some selectors"),
    *_get_or_post("/api/v1/labels", browse.labels, BrowseForm, "Names of labels"),
    _get("/api/v1/label/{name}/values", browse.label_values, BrowseForm, "Values of one label"),
    _get("/api/v1/metadata", browse.metadata, MetadataForm, "Types, units and help of metrics, as writers told them"),
    PrometheusRoute("GET", "/graph", Access.PUBLIC, graph.show_graph, GraphForm, "text/html",
                    "Which expression a link in an alert means, and how to ask it"),
    _get("/api/v1/status/buildinfo", standing.build_info, NoForm, "Which Prometheus' API this is"),
    _get("/api/v1/status/runtimeinfo", standing.runtime_info, NoForm, "Since when the collector runs"),
    _get("/api/v1/status/flags", absent.flags, NoForm, "Flags: there are none"),
    _get("/api/v1/status/config", absent.config, NoForm, "Prometheus' configuration: there is none"),
    _get("/api/v1/status/walreplay", absent.wal_replay, NoForm, "How far a log is read: there are no segments"),
    _get("/api/v1/targets", absent.targets, NoForm, "Targets: there are none"),
    _get("/api/v1/targets/metadata", absent.targets_metadata, NoForm, "What targets tell of metrics: nothing"),
    _get("/api/v1/scrape_pools", absent.scrape_pools, NoForm, "Pools of targets: there are none"),
    _get("/api/v1/alertmanagers", absent.alertmanagers, NoForm, "Alertmanagers: there are none"),
    _get("/api/v1/status/tsdb", standing.tsdb, TopForm, "What makes the series so many"),
    _get("/api/v1/rules", rules.rules, RulesForm, "Rules and their alerts, by group"),
    _get("/api/v1/alerts", rules.alerts, NoForm, "Alerts that are pending or firing"),
    *(PrometheusRoute(method, "/prometheus/api/v1/admin/tsdb/delete_series", Access.ADMIN, deleting.delete_series,
                      DeleteForm, JSON, "Deletes samples of some series for good") for method in ("POST", "PUT")),
    *(PrometheusRoute(method, "/prometheus/api/v1/admin/tsdb/clean_tombstones", Access.ADMIN, absent.clean_tombstones,
                      NoForm, JSON, "Does nothing: what is deleted is gone") for method in ("POST", "PUT")),
    PrometheusRoute("GET", "/prometheus/federate", Access.TOKEN, federate.federate, MatchForm, "text/plain",
                    "The newest samples of chosen series, to be scraped"),
    PrometheusRoute("GET", "/prometheus/-/healthy", Access.PUBLIC, standing.healthy, NoForm, "text/plain",
                    "Whether the collector lives"),
    PrometheusRoute("GET", "/prometheus/-/ready", Access.PUBLIC, standing.ready, NoForm, "text/plain",
                    "Whether it can take and give data", also={503: "Not ready, and why"}),
)
# fmt: on
