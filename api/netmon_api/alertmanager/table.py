"""Every path of Alertmanager's API v2 that there is, on one page; app.py adds it to its own."""

from netmon_api.alertmanager import alerts, silences, standing
from netmon_api.alertmanager.route import AlertmanagerRoute, AlertsAsked, Asked, SilencesAsked
from netmon_api.auth import Access

JSON = "application/json"
_V2 = "/alertmanager/api/v2"

# fmt: off
ALERTMANAGER_ROUTES: tuple[AlertmanagerRoute, ...] = (
    AlertmanagerRoute("GET", f"{_V2}/alerts", Access.TOKEN, alerts.list_alerts_v2, AlertsAsked, JSON,
                      "Alerts that fire, and what mutes them"),
    AlertmanagerRoute("POST", f"{_V2}/alerts", Access.TOKEN, alerts.take_alerts, Asked, JSON,
                      "Alerts that somebody else raises", takes=JSON, most_body_bytes=16 << 20),
    AlertmanagerRoute("GET", f"{_V2}/alerts/groups", Access.TOKEN, alerts.list_alert_groups, AlertsAsked, JSON,
                      "Alerts in the groups in which they are told of"),
    AlertmanagerRoute("GET", f"{_V2}/silences", Access.TOKEN, silences.list_silences, SilencesAsked, JSON,
                      "All silences"),
    AlertmanagerRoute("POST", f"{_V2}/silences", Access.TOKEN, silences.put_silence, Asked, JSON,
                      "Makes or changes a silence", takes=JSON),
    AlertmanagerRoute("GET", f"{_V2}/silence/{{id}}", Access.TOKEN, silences.show_silence, Asked, JSON,
                      "One silence"),
    AlertmanagerRoute("DELETE", f"{_V2}/silence/{{id}}", Access.TOKEN, silences.end_silence, Asked, JSON,
                      "Ends a silence now"),
    AlertmanagerRoute("GET", f"{_V2}/status", Access.TOKEN, standing.show_alerting, Asked, JSON,
                      "Whether alerting runs"),
    AlertmanagerRoute("GET", f"{_V2}/receivers", Access.TOKEN, standing.list_receivers, Asked, JSON,
                      "Names of receivers"),
    AlertmanagerRoute("GET", "/alertmanager/-/healthy", Access.PUBLIC, standing.say_healthy, Asked, "text/plain",
                      "Whether the collector lives"),
    AlertmanagerRoute("GET", "/alertmanager/-/ready", Access.PUBLIC, standing.say_taking, Asked, "text/plain",
                      "Whether alerts are taken"),
)
# fmt: on
