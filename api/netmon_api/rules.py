"""Rules: what they are and came to, files of them that are saved, and what one would have done in the past."""

import asyncio
import hashlib
import math
import re
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing, NoQuery, Value
from netmon_api.routes import Call
from netmon_api.rule_models import (
    AlertAnswer,
    AlertsQuery,
    BacktestAnswer,
    BacktestBody,
    CheckAnswer,
    EpisodeAnswer,
    EvaluationAnswer,
    MistakeAnswer,
    RuleAnswer,
    RuleDetail,
    RuleFileAnswer,
    RuleFileBody,
    RuleFilesAnswer,
    RulesQuery,
)
from netmon_api.services import Services
from netmon_api.times import rfc3339
from netmon_collector.alerts.base import AlertState, fingerprint_of
from netmon_collector.query.answer import QueryError
from netmon_collector.rules.evaluation import GroupAtWork, RuleAtWork
from netmon_collector.rules.files import RuleFile, parse_rules
from netmon_collector.rules.model import Rule
from netmon_collector.rules.trial.backtest import Backtest, TooLong, replay
from netmon_collector.state.rules import SavedFile
from netmon_configs.mistakes import ConfigError, Mistake

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_MOST_FILES = 1000
_LISTED_EPISODES = 1000
_MOST_STEPS = 40_000
"""Of a backtest that names no step."""


async def list_rules(call: Call[RulesQuery]) -> Listing[RuleAnswer]:
    query = call.query
    found = [
        (group, rule)
        for group, rule in call.services.rulebook.rules()
        if (not query.name or rule.rule.name in query.name)
        and (not query.group or group.group.name in query.group)
        and (not query.file or group.group.file in query.file)
        and (not query.kind or _kind(rule) in query.kind)
        and (not query.state or (rule.alerting is not None and rule.alerting.state in query.state))
        and (not query.health or rule.health in query.health)
    ]
    results = [RuleAnswer(**_told(group, rule)) for group, rule in page_of(found, query)]
    return listing(call.request.path, len(found), results, query)


async def show_rule(call: Call[NoQuery]) -> RuleDetail:
    group, rule = _found(call.services, call.request.match_info["rule"])
    evaluations = [
        EvaluationAnswer(
            time=rfc3339(one.time_ms), duration_s=one.duration_s, query=one.query, results=one.results, error=one.error
        )
        for one in rule.history
    ]
    return RuleDetail(**_told(group, rule), evaluations=evaluations, active=list(_active(rule)))


async def list_alerts(call: Call[AlertsQuery]) -> Listing[AlertAnswer]:
    query = call.query
    found = [
        alert
        for _, rule in call.services.rulebook.rules()
        if not query.name or rule.rule.name in query.name
        for alert in _active(rule)
        if not query.state or alert.state in query.state
    ]
    return listing(call.request.path, len(found), page_of(found, query), query)


async def list_rule_files(call: Call[NoQuery]) -> RuleFilesAnswer:
    saved = await asyncio.to_thread(call.services.rule_files.all)
    files = [await asyncio.to_thread(_file, one) for one in saved]
    return RuleFilesAnswer(files=files, mistakes=_mistakes(call.services.rulebook.mistakes))


async def put_rule_file(call: Call[NoQuery]) -> RuleFileAnswer:
    """Keeps a file whose rules are right, and works with them at once."""
    body, services = await body_of(call.request, RuleFileBody), call.services
    name = call.request.match_info["file"]
    if not _NAME.fullmatch(name):
        raise ApiError("bad_request", "the name of a rule file has letters, digits, '.', '_' and '-', 101 at most")
    try:
        await asyncio.to_thread(parse_rules, body.text, name)
    except ConfigError as error:
        told = {"mistakes": [one.model_dump() for one in _mistakes(error.mistakes)]}
        raise ApiError("bad_request", str(error), details=told) from None
    saved = await asyncio.to_thread(services.rule_files.all)
    if len(saved) >= _MOST_FILES and all(one.name != name for one in saved):
        raise ApiError("too_many", f"at most {_MOST_FILES} rule files can be saved")
    now_ms = services.now_ms()
    await _kept(asyncio.to_thread(services.rule_files.put, name, body.text, now_ms))
    await services.rulebook.reload()
    return _file(SavedFile(name, body.text, now_ms))


async def remove_rule_file(call: Call[NoQuery]) -> RuleFileAnswer:
    services, name = call.services, call.request.match_info["file"]
    saved = next((one for one in await asyncio.to_thread(services.rule_files.all) if one.name == name), None)
    if saved is None:
        raise ApiError("not_found", f"there is no saved rule file {name!r}")
    await _kept(asyncio.to_thread(services.rule_files.remove, name))
    await services.rulebook.reload()
    return _file(saved)


async def check_rules(call: Call[NoQuery]) -> CheckAnswer:
    body = await body_of(call.request, RuleFileBody)
    try:
        file = await asyncio.to_thread(parse_rules, body.text, "rules.yaml")
    except ConfigError as error:
        return CheckAnswer(fine=False, groups=0, rules=0, mistakes=_mistakes(error.mistakes), warnings=[])
    rules = sum(len(group.rules) for group in file.groups)
    return CheckAnswer(
        fine=True, groups=len(file.groups), rules=rules, mistakes=[], warnings=_mistakes(list(file.warnings))
    )


async def backtest_rule(call: Call[NoQuery]) -> BacktestAnswer:
    body, services = await body_of(call.request, BacktestBody), call.services
    rule, interval_ms = await _chosen(services, body)
    end_ms = services.now_ms()
    oldest_ms = services.store.stats().oldest_ms
    start_ms = max(end_ms - round(body.since * 1000), end_ms if oldest_ms is None else oldest_ms, 0)
    step_ms = round(body.step * 1000) if body.step else max(interval_ms, _coarse_ms(end_ms - start_ms))
    engine = services.engine

    try:
        found = await replay(rule, engine.range, engine.instant, start_ms, end_ms, step_ms)
    except QueryError as error:
        raise ApiError("bad_request", f"the expression cannot be evaluated over that time: {error}") from error
    except TooLong as error:
        raise ApiError("bad_request", str(error), field_errors={"step": str(error)}) from error
    return _backtested(rule, found)


def _coarse_ms(length_ms: int) -> int:
    """The shortest step in whole minutes that keeps a backtest short; 0 where any step does."""
    if length_ms <= _MOST_STEPS * 15_000:
        return 0
    return math.ceil(length_ms / _MOST_STEPS / 60_000) * 60_000


async def _chosen(services: Services, body: BacktestBody) -> tuple[Rule, int]:
    """The alerting rule that a body names, and its interval."""
    if (body.id is None) == (body.text is None):
        raise ApiError("bad_request", "either 'id' of a rule or 'text' of a rule file, one of both")
    if body.id is not None:
        group, at_work = _found(services, body.id)
        rule, interval_ms = at_work.rule, group.interval_ms
    else:
        rule, interval_ms = await _of_text(services, body)
    if not rule.is_alert:
        raise ApiError("bad_request", f"{rule.name} records and raises no alerts")
    return rule, interval_ms


async def _of_text(services: Services, body: BacktestBody) -> tuple[Rule, int]:
    try:
        file: RuleFile = await asyncio.to_thread(parse_rules, body.text or "", "rules.yaml")
    except ConfigError as error:
        raise ApiError("bad_request", str(error), field_errors={"text": str(error)}) from None
    usual_ms = services.rulebook.interval_ms
    rules = [(rule, group.interval_ms or usual_ms) for group in file.groups for rule in group.rules if rule.is_alert]
    named = [one for one in rules if body.name in (None, one[0].name)]
    if len(named) != 1:
        names = ", ".join(rule.name for rule, _ in rules[:10]) or "none"
        raise ApiError("bad_request", f"say with 'name' which alert is meant; there are: {names}")
    return named[0]


def _backtested(rule: Rule, found: Backtest) -> BacktestAnswer:
    episodes = [
        EpisodeAnswer(
            labels=dict(one.labels),
            active_at=rfc3339(one.active_at_ms),
            fired_at=rfc3339(one.fired_at_ms),
            resolved_at=None if one.resolved_at_ms is None else rfc3339(one.resolved_at_ms),
            value=_value(one.value),
        )
        for one in found.episodes[:_LISTED_EPISODES]
    ]
    return BacktestAnswer(
        name=rule.name,
        start=rfc3339(found.start_ms),
        end=rfc3339(found.end_ms),
        step_s=found.step_ms / 1000,
        fired=len(found.episodes),
        alerts=len({one.labels for one in found.episodes}),
        fired_s=found.fired_ms / 1000,
        longest_s=found.longest_ms / 1000,
        pended=found.pended,
        is_cut=found.is_cut or len(found.episodes) > _LISTED_EPISODES,
        episodes=episodes,
    )


def id_of(rule: RuleAtWork) -> str:
    """What a rule is called in paths."""
    return hashlib.blake2b(rule.key.encode(errors="surrogateescape"), digest_size=8).hexdigest()


def _found(services: Services, wanted: str) -> tuple[GroupAtWork, RuleAtWork]:
    for group, rule in services.rulebook.rules():
        if id_of(rule) == wanted:
            return group, rule
    raise ApiError("not_found", f"there is no rule {wanted!r}")


def _kind(rule: RuleAtWork) -> str:
    return "record" if rule.alerting is None else "alert"


def _told(group: GroupAtWork, at_work: RuleAtWork) -> dict[str, object]:
    rule, last, alerting = at_work.rule, at_work.last, at_work.alerting
    return {
        "id": id_of(at_work),
        "name": rule.name,
        "kind": _kind(at_work),
        "group": group.group.name,
        "file": group.group.file,
        "line": rule.line,
        "expr": rule.expr,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
        "for_s": rule.for_ms / 1000,
        "keep_firing_for_s": rule.keep_firing_for_ms / 1000,
        "interval_s": group.interval_ms / 1000,
        "state": None if alerting is None else alerting.state,
        "alerts": sum(1 for _ in _active(at_work)),
        "health": at_work.health,
        "last_error": None if last is None else last.error,
        "last_evaluation": None if last is None else rfc3339(last.time_ms),
        "missed": group.missed,
    }


def _active(rule: RuleAtWork) -> Iterator[AlertAnswer]:
    if rule.alerting is None:
        return
    for labels in sorted(rule.alerting.active):
        alert = rule.alerting.active[labels]
        if alert.state is AlertState.RESOLVED:
            continue
        yield AlertAnswer(
            fingerprint=fingerprint_of(labels),
            labels=dict(labels),
            annotations=dict(alert.annotations),
            state="firing" if alert.state is AlertState.FIRING else "pending",
            active_at=rfc3339(alert.active_at_ms),
            fired_at=None if alert.fired_at_ms is None else rfc3339(alert.fired_at_ms),
            value=_value(alert.value),
            rule=id_of(rule),
        )


def _value(value: float) -> Value:
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else value


def _file(saved: SavedFile) -> RuleFileAnswer:
    groups = parse_rules(saved.text, saved.name).groups
    return RuleFileAnswer(
        name=saved.name,
        changed=rfc3339(saved.changed_ms),
        groups=len(groups),
        rules=sum(len(group.rules) for group in groups),
        text=saved.text,
    )


def _mistakes(found: list[Mistake]) -> list[MistakeAnswer]:
    return [MistakeAnswer(file=one.file, line=one.line or None, place=one.place, text=one.text) for one in found]


async def _kept(work: "asyncio.Future[object] | object") -> None:
    try:
        await work  # type: ignore[misc]
    except SQLAlchemyError as error:
        raise ApiError("unavailable", f"the state database cannot be written: {error}") from error
