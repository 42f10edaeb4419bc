"""Rules and alerts as Prometheus tells them (prometheus.io/docs/prometheus/latest/querying/api/#rules)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.forms import NoForm, RulesForm
from netmon_api.prometheus.problem import Problem
from netmon_api.prometheus.sending import success
from netmon_api.routes import Call
from netmon_collector.alerts.base import AlertState
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import one_line
from netmon_collector.rules.alerting import AlertingRule
from netmon_collector.rules.evaluation import GroupAtWork, RuleAtWork
from netmon_collector.rules.life import Active
from netmon_collector.store.match import Matching
from netmon_proto.model import Labels

NEVER: Final = "0001-01-01T00:00:00Z"
"""What Go writes for a time that there never was."""
_KINDS: Final = {"": None, "alert": True, "record": False}


async def rules(call: Call[RulesForm]) -> web.Response:
    form = call.query
    chosen = parameters.selectors(form.match, is_named=False)
    kind = form.type.lower()
    if kind not in _KINDS:
        raise Problem.of("type", f"not supported value {go_quoted(kind)}")
    excludes = _truth(form.exclude_alerts.lower(), "exclude_alerts")
    most = _most_groups(form)
    wanted = _Wanted(form, _KINDS[kind], [Matching(one) for one in chosen])
    groups = sorted(call.services.rulebook.groups, key=lambda one: (one.group.file, one.group.name))
    found = [_group(group, wanted, excludes) for group in _from(groups, form.group_next_token) if wanted.group(group)]
    told = [one for one in found if one["rules"]]
    if most is None or len(told) <= most:
        return success({"groups": told})
    return success({"groups": told[:most], "groupNextToken": _token(told[most]["file"], told[most]["name"])})


async def alerts(call: Call[NoForm]) -> web.Response:
    found = [
        told
        for _, rule in call.services.rulebook.rules()
        if rule.alerting is not None
        for told in _alerts(rule.alerting)
    ]
    return success({"alerts": found})


def _most_groups(form: RulesForm) -> int | None:
    """How many groups are told at once; None for any number."""
    text, name = form.group_limit, "group_limit"
    if not text:
        if form.group_next_token:
            told = "group_limit needs to be present in order to paginate over the groups"
            raise Problem.of("group_next_token", told)
        return None
    try:
        most = parameters.whole_number(text, 2**31 - 1, "ParseInt")
    except ValueError as error:
        raise Problem.of(name, f"group_limit needs to be a valid number: {error}") from error
    if most <= 0:
        raise Problem.of(name, "group_limit needs to be greater than 0")
    return most


def _from(groups: Sequence[GroupAtWork], token: str) -> Sequence[GroupAtWork]:
    """The groups from the one that an answer before this one named."""
    for place, one in enumerate(groups) if token else ():
        if _token(one.group.file, one.group.name) == token:
            return groups[place:]
    if token:
        told = f"invalid group_next_token '{token}'. were rule groups changed?"
        raise Problem.of("group_next_token", told)
    return groups


def _token(file: str, name: str) -> str:
    return hashlib.sha1(f"{file};{name}".encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()


class _Wanted:
    """What a request is about."""

    def __init__(self, form: RulesForm, is_alert: bool | None, matchings: list[Matching]) -> None:
        self._form = form
        self.is_alert = is_alert
        self._matchings = matchings

    def group(self, group: GroupAtWork) -> bool:
        form = self._form
        return (not form.rule_group or group.group.name in form.rule_group) and (
            not form.file or group.group.file in form.file
        )

    def rule(self, rule: RuleAtWork) -> bool:
        return (
            (self.is_alert is None or rule.rule.is_alert == self.is_alert)
            and (not self._form.rule_name or rule.rule.name in self._form.rule_name)
            and (not self._matchings or any(one.accepts(_plain(rule)) for one in self._matchings))
        )


def _plain(rule: RuleAtWork) -> Labels:
    """The labels of a rule that are no templates, which is what can be matched."""
    return tuple((name, text) for name, text in rule.rule.labels if "{{" not in text)


def _truth(text: str, parameter: str) -> bool:
    """A truth value in small letters, as Go's ParseBool reads it."""
    if text in ("", "0", "f", "false"):
        return False
    if text in ("1", "t", "true"):
        return True
    raise Problem.of(
        parameter, f"error converting {parameter}: strconv.ParseBool: parsing {go_quoted(text)}: invalid syntax"
    )


def _group(group: GroupAtWork, wanted: _Wanted, excludes: bool) -> dict[str, Any]:
    return {
        "name": group.group.name,
        "file": group.group.file,
        "rules": [_rule(one, excludes) for one in group.rules if wanted.rule(one)],
        "interval": _seconds(group.interval_ms),
        "limit": group.group.limit,
        "evaluationTime": group.last_duration_s,
        "lastEvaluation": _time(group.last_ms),
    }


def _rule(at_work: RuleAtWork, excludes: bool) -> dict[str, Any]:
    rule, last = at_work.rule, at_work.last
    told: dict[str, Any] = {"name": rule.name, "query": one_line(parse(rule.expr)), "labels": dict(rule.labels)}
    if at_work.alerting is not None:
        told |= {
            "state": at_work.alerting.state,
            "duration": _seconds(rule.for_ms),
            "keepFiringFor": _seconds(rule.keep_firing_for_ms),
            "annotations": dict(rule.annotations),
            "alerts": [] if excludes else list(_alerts(at_work.alerting)),
        }
    if last is not None and last.error is not None:
        told["lastError"] = last.error
    return told | {
        "health": at_work.health,
        "evaluationTime": last.duration_s if last else 0,
        "lastEvaluation": _time(last.time_ms if last else None),
        "type": "recording" if at_work.alerting is None else "alerting",
    }


def _alerts(alerting: AlertingRule) -> Iterator[dict[str, Any]]:
    for labels in sorted(alerting.active):
        alert = alerting.active[labels]
        if alert.state is not AlertState.RESOLVED:
            yield _alert(alert)


def _alert(alert: Active) -> dict[str, Any]:
    kept: Mapping[str, str] = {} if alert.kept_since_ms is None else {"keepFiringSince": _time(alert.kept_since_ms)}
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": str(alert.state),
        "activeAt": _time(alert.active_at_ms),
        **kept,
        "value": scientific(alert.value),
    }


def scientific(value: float) -> str:
    """As Go's 'e' format with the fewest digits: 1e+00, 2.5e-01."""
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    return next(text for digits in range(18) if float(text := f"{value:.{digits}e}") == value)


def _seconds(time_ms: int) -> int | float:
    return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000


def _time(time_ms: int | None) -> str:
    """RFC 3339 as Go writes it: no more digits of a second than needed."""
    if time_ms is None:
        return NEVER
    seconds, ms = divmod(time_ms, 1000)
    fraction = f".{ms:03d}".rstrip("0") if ms else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
