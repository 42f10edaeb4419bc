"""The routes about checks, on one page; app.py adds them to its own."""

from netmon_api import checks
from netmon_api.auth import Access
from netmon_api.check_models import CheckAnswer, CheckBody, CheckChange
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Route

_CHECKS = "/api/v1/checks"

# fmt: off
CHECK_ROUTES: tuple[Route, ...] = (
    Route("GET", _CHECKS, Access.TOKEN, checks.list_checks, PageQuery, Listing[CheckAnswer],
          "Checks that agents make for the collector, sorted by name"),
    Route("POST", _CHECKS, Access.TOKEN, checks.add_check, NoQuery, CheckAnswer, "Have a check made", body=CheckBody),
    Route("GET", _CHECKS + "/{check}", Access.TOKEN, checks.show_check, NoQuery, CheckAnswer, "One check"),
    Route("PATCH", _CHECKS + "/{check}", Access.TOKEN, checks.change_check, NoQuery, CheckAnswer,
          "Have a check made another way", body=CheckChange),
    Route("DELETE", _CHECKS + "/{check}", Access.TOKEN, checks.remove_check, NoQuery, CheckAnswer,
          "Have a check made no more"),
)
# fmt: on
