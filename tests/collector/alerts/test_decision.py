"""Which alerts are told of, when, to whom: by hand, and beside a real Alertmanager."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml

from netmon_collector.alerts.base import Alert, AlertState
from netmon_collector.alerts.calendar_options import IntervalOptions
from netmon_collector.alerts.decision import Decisions, Endpoint, Notification
from netmon_collector.alerts.groups import Groups
from netmon_collector.alerts.incident import acknowledge, blame, join, open_incident
from netmon_collector.alerts.inhibition import Inhibitor
from netmon_collector.alerts.maintenance import Maintenance
from netmon_collector.alerts.matching import parse_matchers
from netmon_collector.alerts.routing_options import InhibitOptions, RouteOptions, make_tree
from netmon_collector.alerts.silences import Silence, Silences

MINUTE_MS = 60_000


class Desk:
    """Groups and decisions on a clock that is set by hand."""

    def __init__(self, text: str, endpoints: Mapping[str, Sequence[Endpoint]]) -> None:
        config: dict[str, Any] = yaml.safe_load(text)
        self.route = make_tree(RouteOptions.model_validate(config["route"]))
        rules = [InhibitOptions.model_validate(one).rule() for one in config.get("inhibit_rules", ())]
        intervals = [IntervalOptions.model_validate(one) for one in config.get("time_intervals", ())]
        self.groups = Groups(self.route)
        self.silences = Silences()
        self.decisions = Decisions(
            self.silences, Inhibitor(rules), {one.name: one.periods() for one in intervals}, endpoints, Maintenance()
        )

    def take(self, alert: Alert, now_ms: int) -> None:
        self.decisions.take(alert)
        self.groups.take(alert, now_ms)

    def until(self, end_ms: int) -> list[Notification]:
        """All that is told up to a time."""
        told = []
        while (next_ms := self.groups.next_ms()) is not None and next_ms <= end_ms:
            for due in self.groups.flush(next_ms):
                outcomes = self.decisions.decide(due).outcomes
                self.decisions.keep(outcomes)
                self.groups.settle(due)
                told += [one.notification for one in outcomes if one.notification is not None]
        return told


def alert(at_ms: int, *, resolved_at_ms: int | None = None, valid_until_ms: int | None = None, **labels: str) -> Alert:
    state = AlertState.FIRING if resolved_at_ms is None else AlertState.RESOLVED
    return Alert(
        tuple(sorted(labels.items())),
        (),
        state,
        at_ms,
        1.0,
        fired_at_ms=at_ms,
        resolved_at_ms=resolved_at_ms,
        valid_until_ms=valid_until_ms,
    )


def summary(told: Sequence[Notification]) -> list[tuple[int, list[str], list[str]]]:
    return [
        (
            one.at_ms // 1000,
            [dict(each.labels)["host"] for each in one.firing],
            [dict(each.labels)["host"] for each in one.resolved],
        )
        for one in told
    ]


PLAIN = """
route: {receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
"""
OPS = {"ops": [Endpoint("ops", "webhook/0")]}


def test_what_comes_together_is_told_together_and_what_comes_later_at_the_next_interval() -> None:
    desk = Desk(PLAIN, OPS)
    desk.take(alert(0, alertname="Down", host="a"), 0)
    desk.take(alert(10_000, alertname="Down", host="b"), 10_000)
    assert summary(desk.until(60_000)) == [(30, ["a", "b"], [])]
    desk.take(alert(60_000, alertname="Down", host="c"), 60_000)
    assert summary(desk.until(6 * MINUTE_MS)) == [(330, ["a", "b", "c"], [])]


def test_two_routes_with_the_same_matchers_both_tell() -> None:
    routes = """
route:
  receiver: ops
  routes:
  - {receiver: lead, matchers: ['alertname="Down"'], continue: true}
  - {receiver: ops, matchers: ['alertname="Down"']}
"""
    desk = Desk(routes, {**OPS, "lead": [Endpoint("lead", "webhook/0")]})
    desk.take(alert(0, alertname="Down", host="a"), 0)
    assert [one.endpoint.receiver for one in desk.until(MINUTE_MS)] == ["lead", "ops"]
    desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"), MINUTE_MS)
    assert [len(one.resolved) for one in desk.until(10 * MINUTE_MS)] == [1, 1]
    assert len(desk.groups) == 0


def test_nothing_new_is_told_again_only_after_the_repeat_interval() -> None:
    desk = Desk(PLAIN, OPS)
    desk.take(alert(0, alertname="Down", host="a"), 0)
    assert [at for at, _, _ in summary(desk.until(130 * MINUTE_MS))] == [30, 30 + 3600, 30 + 7200]


def test_a_cause_that_is_found_later_is_told_once_and_never_while_somebody_cares() -> None:
    desk = Desk(PLAIN, OPS)
    fired = [alert(0, alertname=name, host="a", severity=how) for name, how in (("Down", "critical"), ("Slow", "info"))]
    for one in fired:
        desk.take(one, 0)
    keys = {one.group_key for one in desk.until(MINUTE_MS)}
    opened = [open_incident(1, key, fired, MINUTE_MS) for key in sorted(keys)]
    both = join(opened[0], opened[1].members[0].key, fired, "same instance: a", MINUTE_MS)
    blamed = blame(both, "core has failed", 0.8, ["core"], MINUTE_MS)
    desk.decisions.incidents.keep([blamed])
    assert [one.group_key for one in desk.until(60 * MINUTE_MS)] == [blamed.ranked()[0].key]
    again = replace(blamed, cause_known_ms=61 * MINUTE_MS)
    desk.decisions.incidents.keep([acknowledge(again, "ada", 1000 * MINUTE_MS, "", MINUTE_MS)])
    assert desk.until(500 * MINUTE_MS) == []


def test_a_cause_that_the_page_was_about_is_no_second_page() -> None:
    desk = Desk(PLAIN, OPS)
    down = alert(0, alertname="Down", instance="core", severity="critical")
    desk.take(down, 0)
    (page,) = desk.until(MINUTE_MS)
    opened = open_incident(1, page.group_key, [down], MINUTE_MS)
    blamed = blame(opened, "the link a - core is broken", 0.8, ["a", "core"], MINUTE_MS)
    desk.decisions.incidents.keep([blamed])
    assert blamed.probable_cause == "the link a - core is broken (80%)"
    assert desk.until(60 * MINUTE_MS) == []


def test_an_end_is_told_once_and_only_to_who_was_told_of_the_start() -> None:
    desk = Desk(PLAIN, OPS)
    desk.take(alert(0, alertname="Down", host="a"), 0)
    desk.take(alert(0, alertname="Brief", host="b"), 0)
    desk.take(alert(0, resolved_at_ms=9_000, alertname="Brief", host="b"), 10_000)
    assert summary(desk.until(MINUTE_MS)) == [(30, ["a"], [])]
    desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"), MINUTE_MS)
    assert summary(desk.until(60 * MINUTE_MS)) == [(330, [], ["a"])]
    assert len(desk.groups) == 0


def test_who_does_not_want_ends_is_told_when_it_fires_again() -> None:
    desk = Desk(PLAIN, {"ops": [Endpoint("ops", "webhook/0", tells_resolved=False)]})
    desk.take(alert(0, alertname="Down", host="a"), 0)
    desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"), MINUTE_MS)
    assert summary(desk.until(10 * MINUTE_MS)) == []
    desk = Desk(PLAIN, {"ops": [Endpoint("ops", "webhook/0", tells_resolved=False)]})
    desk.take(alert(0, alertname="Down", host="a"), 0)
    told = desk.until(MINUTE_MS)
    desk.take(alert(0, resolved_at_ms=MINUTE_MS, alertname="Down", host="a"), MINUTE_MS)
    told += desk.until(10 * MINUTE_MS)
    desk.take(alert(11 * MINUTE_MS, alertname="Down", host="a"), 11 * MINUTE_MS)
    told += desk.until(20 * MINUTE_MS)
    assert summary(told) == [(30, ["a"], []), (690, ["a"], [])]


def test_an_alert_that_nobody_speaks_of_any_more_is_over() -> None:
    desk = Desk(PLAIN, OPS)
    desk.take(alert(0, valid_until_ms=4 * MINUTE_MS, alertname="Down", host="a"), 0)
    assert summary(desk.until(10 * MINUTE_MS)) == [(30, ["a"], []), (330, [], ["a"])]


def test_an_old_alert_waits_for_no_others() -> None:
    desk = Desk(PLAIN, OPS)
    desk.take(alert(0, alertname="Down", host="a"), 60 * MINUTE_MS)
    assert summary(desk.until(61 * MINUTE_MS)) == [(3600, ["a"], [])]


def test_the_key_of_news_is_that_of_the_same_news_alone() -> None:
    keys = []
    for _ in range(2):
        desk = Desk(PLAIN, OPS)
        desk.take(alert(0, alertname="Down", host="a"), 0)
        keys.append([one.key for one in desk.until(2 * 60 * MINUTE_MS)])
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


ON_DUTY = """
route:
  receiver: ops
  group_by: [alertname]
  routes: [{receiver: ops, active_time_intervals: [day], mute_time_intervals: [noon]}]
time_intervals:
- {name: day, time_intervals: [{times: [{start_time: '08:00', end_time: '18:00'}]}]}
- {name: noon, time_intervals: [{times: [{start_time: '12:00', end_time: '13:00'}]}]}
"""


@pytest.mark.parametrize(("hour", "told"), [(7, 0), (9, 1), (12, 0), (14, 1), (19, 0)])
def test_nobody_is_told_when_it_is_not_their_time(hour: int, told: int) -> None:
    desk = Desk(ON_DUTY, OPS)
    at_ms = hour * 60 * MINUTE_MS
    desk.take(alert(at_ms, alertname="Down", host="a"), at_ms)
    assert len(desk.until(at_ms + MINUTE_MS)) == told


INHIBITED = """
route: {receiver: ops, group_by: [alertname]}
inhibit_rules:
- {source_matchers: [severity=critical], target_matchers: ['severity=~"warning|critical"'], equal: [site]}
"""


def test_a_cause_mutes_what_follows_from_it_but_not_itself() -> None:
    desk = Desk(INHIBITED, OPS)
    desk.take(alert(0, alertname="Core", severity="critical", site="x", host="core"), 0)
    desk.take(alert(0, alertname="Slow", severity="warning", site="x", host="a"), 0)
    desk.take(alert(0, alertname="Slow", severity="warning", site="y", host="b"), 0)
    assert summary(desk.until(MINUTE_MS)) == [(30, ["core"], []), (30, ["b"], [])]
    over = alert(0, resolved_at_ms=MINUTE_MS, alertname="Core", severity="critical", site="x", host="core")
    desk.take(over, MINUTE_MS)
    assert summary(desk.until(6 * MINUTE_MS)) == [(330, [], ["core"]), (330, ["a", "b"], [])]


def test_a_silence_mutes_from_its_start_to_its_end() -> None:
    desk = Desk(PLAIN, OPS)
    silence = Silence("", parse_matchers("host=a"), 0, 20 * MINUTE_MS, 0, "ann", "disk is being replaced")
    desk.silences.keep(desk.silences.plan(silence, "s1", 0))
    desk.take(alert(0, alertname="Down", host="a"), 0)
    assert summary(desk.until(60 * MINUTE_MS)) == [(30 + 20 * 60, ["a"], [])]
