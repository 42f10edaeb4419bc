"""The routes about maintenance, incidents and what people were told, on one page; app.py adds them to its own."""

from netmon_api import alerting, causes, incidents, receivers
from netmon_api.alerting_models import NotificationAnswer, NotificationsQuery, WindowAnswer, WindowBody, WindowsQuery
from netmon_api.auth import Access
from netmon_api.causes import CausesAnswer, ImpactAnswer
from netmon_api.incident_models import (
    CommentBody,
    HoldBody,
    IncidentAnswer,
    IncidentDetail,
    IncidentsQuery,
    ReleaseBody,
)
from netmon_api.models import Listing, NoQuery
from netmon_api.oncall import ON_CALL_ROUTES
from netmon_api.receivers import PreviewAnswer, PreviewBody, ReceiverAnswer, ReceiversQuery, TestAnswer
from netmon_api.routes import Route

_INCIDENTS = "/api/v1/incidents"

# fmt: off
ALERTING_ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v1/maintenance", Access.TOKEN, alerting.list_windows, WindowsQuery, Listing[WindowAnswer],
          "Windows of maintenance"),
    Route("POST", "/api/v1/maintenance", Access.TOKEN, alerting.add_window, NoQuery, WindowAnswer,
          "Have nobody told of some alerts for a time, once or again and again", body=WindowBody),
    Route("DELETE", "/api/v1/maintenance/{window}", Access.TOKEN, alerting.end_window, NoQuery, WindowAnswer,
          "End a window of maintenance"),
    Route("GET", "/api/v1/notifications", Access.TOKEN, alerting.list_notifications, NotificationsQuery,
          Listing[NotificationAnswer], "What people were told, and whether it arrived"),
    *ON_CALL_ROUTES,
    Route("GET", _INCIDENTS, Access.TOKEN, incidents.list_incidents, IncidentsQuery, Listing[IncidentAnswer],
          "Alerts that belong together, the newest incident first"),
    Route("GET", _INCIDENTS + "/{number}", Access.TOKEN, incidents.show_incident, NoQuery, IncidentDetail,
          "One incident, its groups and its timeline"),
    Route("GET", _INCIDENTS + "/{number}/causes", Access.TOKEN, causes.show_causes, NoQuery, CausesAnswer,
          "The probable causes of an incident, with their evidence"),
    Route("GET", _INCIDENTS + "/{number}/impact", Access.TOKEN, causes.show_impact, NoQuery, ImpactAnswer,
          "What an incident hits, and how soon somebody should look"),
    Route("POST", _INCIDENTS + "/{number}/ack", Access.TOKEN, incidents.acknowledge_incident, NoQuery, IncidentDetail,
          "Take an incident on for a time", body=HoldBody),
    Route("POST", _INCIDENTS + "/{number}/release", Access.TOKEN, incidents.release_incident, NoQuery, IncidentDetail,
          "Care for an incident no more", body=ReleaseBody),
    Route("POST", _INCIDENTS + "/{number}/snooze", Access.TOKEN, incidents.snooze_incident, NoQuery, IncidentDetail,
          "Put an incident off for a time", body=HoldBody),
    Route("POST", _INCIDENTS + "/{number}/comment", Access.TOKEN, incidents.comment_on_incident, NoQuery,
          IncidentDetail, "Write into an incident's timeline", body=CommentBody),
    Route("GET", "/api/v1/receivers", Access.TOKEN, receivers.list_channels, ReceiversQuery, Listing[ReceiverAnswer],
          "Who can be told, and in which ways"),
    Route("POST", "/api/v1/receivers/{receiver}/preview", Access.TOKEN, receivers.preview_receiver, NoQuery,
          PreviewAnswer, "What somebody would be told of an alert", body=PreviewBody),
    Route("POST", "/api/v1/receivers/{receiver}/test", Access.TOKEN, receivers.test_receiver, NoQuery, TestAnswer,
          "Tell somebody of a test, the whole way that real alerts go"),
)
# fmt: on
