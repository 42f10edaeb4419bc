"""The routes about rules, alerts and reachability, on one page; app.py adds them to its own."""

from netmon_api import reachability, rules
from netmon_api.auth import Access
from netmon_api.models import Listing, NoQuery
from netmon_api.reachability import ReachabilityAnswer, ReachabilityQuery
from netmon_api.routes import Route
from netmon_api.rule_models import (
    AlertAnswer,
    AlertsQuery,
    BacktestAnswer,
    BacktestBody,
    CheckAnswer,
    RuleAnswer,
    RuleDetail,
    RuleFileAnswer,
    RuleFileBody,
    RuleFilesAnswer,
    RulesQuery,
)

_RULES, _FILES = "/api/v1/rules", "/api/v1/rule-files"

# fmt: off
RULE_ROUTES: tuple[Route, ...] = (
    Route("GET", _RULES, Access.TOKEN, rules.list_rules, RulesQuery, Listing[RuleAnswer],
          "Rules, as they stand in their files"),
    Route("GET", _RULES + "/{rule}", Access.TOKEN, rules.show_rule, NoQuery, RuleDetail,
          "One rule, its alerts and its last evaluations"),
    Route("GET", "/api/v1/alerts", Access.TOKEN, rules.list_alerts, AlertsQuery, Listing[AlertAnswer],
          "Alerts that are pending or firing"),
    Route("POST", "/api/v1/rules-check", Access.TOKEN, rules.check_rules, NoQuery, CheckAnswer,
          "What is wrong with a rule file", body=RuleFileBody),
    Route("POST", "/api/v1/rules-backtest", Access.TOKEN, rules.backtest_rule, NoQuery, BacktestAnswer,
          "How often an alert would have fired", body=BacktestBody),
    Route("GET", _FILES, Access.TOKEN, rules.list_rule_files, NoQuery, RuleFilesAnswer,
          "Saved rule files, and what is wrong with any"),
    Route("PUT", _FILES + "/{file}", Access.ADMIN, rules.put_rule_file, NoQuery, RuleFileAnswer,
          "Save a rule file and evaluate it from now on", body=RuleFileBody),
    Route("DELETE", _FILES + "/{file}", Access.ADMIN, rules.remove_rule_file, NoQuery, RuleFileAnswer,
          "Forget a saved rule file, its alerts too"),
    Route("GET", "/api/v1/reachability", Access.TOKEN, reachability.list_reachability, ReachabilityQuery,
          Listing[ReachabilityAnswer], "Whether devices can be reached, and why that is believed"),
    Route("GET", "/api/v1/reachability/{device}", Access.TOKEN, reachability.show_reachability, NoQuery,
          ReachabilityAnswer, "Whether one device can be reached"),
)
# fmt: on
