"""The routes about discovery, on one page; app.py adds them to its own."""

from netmon_api import discovery
from netmon_api.auth import Access
from netmon_api.discovery_models import FindAnswer, FindsQuery, SweepAnswer, SweepBody
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Route

_SWEEPS, _FINDS = "/api/v1/sweeps", "/api/v1/finds"

# fmt: off
DISCOVERY_ROUTES: tuple[Route, ...] = (
    Route("GET", _SWEEPS, Access.TOKEN, discovery.list_sweeps, PageQuery, Listing[SweepAnswer],
          "Sweeps of networks, the newest first"),
    Route("POST", _SWEEPS, Access.TOKEN, discovery.start_sweep, NoQuery, SweepAnswer,
          "Have a poller look for what is in networks", body=SweepBody),
    Route("GET", _SWEEPS + "/{number}", Access.TOKEN, discovery.show_sweep, NoQuery, SweepAnswer,
          "How a sweep goes"),
    Route("DELETE", _SWEEPS + "/{number}", Access.TOKEN, discovery.stop_sweep, NoQuery, SweepAnswer,
          "Stop a sweep and its schedule; what it found stays"),
    Route("GET", _SWEEPS + "/{number}/finds", Access.TOKEN, discovery.list_finds, FindsQuery, Listing[FindAnswer],
          "What a sweep found"),
    Route("POST", _FINDS + "/{number}/accept", Access.TOKEN, discovery.accept_find, NoQuery, FindAnswer,
          "Have what was found polled"),
    Route("POST", _FINDS + "/{number}/reject", Access.TOKEN, discovery.reject_find, NoQuery, FindAnswer,
          "Do not ask about it again"),
)
# fmt: on
