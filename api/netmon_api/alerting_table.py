"""The routes about maintenance and about what people were told, on one page; app.py adds them to its own."""

from netmon_api import alerting
from netmon_api.alerting_models import NotificationAnswer, NotificationsQuery, WindowAnswer, WindowBody, WindowsQuery
from netmon_api.auth import Access
from netmon_api.models import Listing, NoQuery
from netmon_api.routes import Route

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
)
# fmt: on
