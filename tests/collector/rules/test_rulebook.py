"""Rules at work: what is written, handed on and remembered; and how they are changed without losing anything."""

from functools import partial
from pathlib import Path

import pytest

from netmon_collector.alerts.base import AlertState
from netmon_collector.rules.trial.memory import TrialStore
from tests.support.rules import Bench

DOWN = """
groups:
  - name: g
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: Down
        expr: up == 0
        for: 1m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.instance }} is down'}
"""


async def started(folder: Path, rules: str = DOWN, **options: int) -> Bench:
    bench = Bench(folder, rules, **options)  # type: ignore[arg-type]
    await bench.book.start()
    return bench


async def test_an_alert_is_handed_on_when_it_fires_again_and_again_and_when_it_is_over(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", {0: 0, 60: 0, 120: 0, 180: 0, 240: 1, 300: 1}, instance="a")
    await bench.evaluate(0, 60, 90, 120, 180, 240, 241, 302)
    assert bench.told.lines() == [
        "60: Down firing", "180: Down firing", "240: Down inactive", "302: Down inactive",
    ]  # fmt: skip
    alert = bench.told.calls[0][1][0]
    assert alert.labels == (("alertname", "Down"), ("instance", "a"), ("severity", "page"))
    assert alert.annotations == (("summary", "a is down"),)
    assert (alert.active_at_ms, alert.fired_at_ms, alert.resolved_at_ms) == (0, 60_000, None)
    assert alert.valid_until_ms == 60_000 + 4 * 60_000
    assert alert.generator == "/graph?g0.expr=up+%3D%3D+0&g0.tab=1"
    assert bench.told.calls[-1][1][0].resolved_at_ms == 240_000


async def test_series_tell_of_alerts_and_end_with_them(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", {0: 0, 60: 0, 120: 1}, instance="a")
    told = []
    for time_s in (0, 60, 120):
        await bench.evaluate(time_s)
        told.append((await bench.value("ALERTS", time_s), await bench.value("ALERTS_FOR_STATE", time_s)))
    who = "alertname=Down,alertstate={},instance=a,severity=page"
    assert told == [
        ({who.format("pending"): 1.0}, {"alertname=Down,instance=a,severity=page": 0.0}),
        ({who.format("firing"): 1.0}, {"alertname=Down,instance=a,severity=page": 0.0}),
        ({}, {}),
    ]


async def test_a_series_that_a_rule_no_longer_records_ends_at_once(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", {0: 1}, instance="a", job="x")
    await bench.evaluate(0)
    assert await bench.value("job:up:sum", 1) == {"job=x": 1.0}
    await bench.evaluate(290, 310)
    assert await bench.value("job:up:sum", 310) == {}
    assert await bench.value("job:up:sum", 309) == {"job=x": 1.0}


async def test_what_a_receiver_does_not_take_is_handed_on_at_the_next_evaluation(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", dict.fromkeys(range(0, 200, 10), 0.0), instance="a")
    bench.told.refuses = True
    await bench.evaluate(0, 60, 70)
    bench.told.refuses = False
    await bench.evaluate(80, 90)
    assert bench.told.lines() == ["80: Down firing"]
    assert bench.told.calls[0][1][0].fired_at_ms == 60_000


async def test_a_restart_forgets_neither_pending_nor_firing_alerts(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    bench.have("up", dict.fromkeys(range(60, 400, 10), 0.0), instance="b")
    await bench.evaluate(0, 60, 90)
    bench.clock.wall = 190_000
    bench.book = bench.opened()
    await bench.book.start()
    await bench.evaluate(190)
    states = {
        dict(one.labels)["instance"]: one
        for _, rule in bench.book.rules()
        if rule.alerting
        for one in rule.alerting.active.values()
    }
    assert states["a"].state is AlertState.FIRING
    assert states["a"].fired_at_ms == 60_000
    assert states["b"].state is AlertState.PENDING  # the 100 s without a collector do not count
    assert states["b"].active_at_ms == 160_000
    await bench.evaluate(220)
    assert bench.told.lines() == ["60: Down firing", "190: Down firing", "220: Down firing"]


async def test_a_restart_without_data_resolves_nothing_before_data_had_time_to_come(tmp_path: Path) -> None:
    bench = await started(tmp_path, settles_ms=180_000)
    bench.have("up", {0: 0, 60: 0}, instance="a")
    await bench.evaluate(0, 60)
    bench.clock.wall = 3_600_000
    bench.book = bench.opened()
    await bench.book.start()
    await bench.evaluate(3600, 3700)
    assert bench.told.lines() == ["60: Down firing", "3600: Down firing", "3700: Down firing"]
    await bench.evaluate(3790)
    assert bench.told.lines()[-1] == "3790: Down inactive"


async def test_a_changed_file_keeps_what_is_known_of_its_alerts(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    await bench.evaluate(0, 60)
    bench.write(DOWN.replace("is down'", "has died'").replace("name: g\n", "name: g\n    interval: 20s\n"))
    await bench.book.reload()
    await bench.evaluate(130)
    assert bench.told.lines() == ["60: Down firing", "130: Down firing"]
    alert = bench.told.calls[-1][1][0]
    assert (alert.fired_at_ms, alert.annotations) == (60_000, (("summary", "a has died"),))
    assert next(iter(bench.book.groups)).interval_ms == 20_000


def of_one_name(*severities: str) -> str:
    rules = [
        f"{{alert: Down, expr: up == 0, for: 1m, labels: {{severity: {one}, who: '{{{{ $labels.instance }}}}'}}}}"
        for one in severities
    ]
    return f"groups: [{{name: g, rules: [{', '.join(rules)}]}}]"


@pytest.mark.parametrize("restarts", [False, True])
async def test_rules_of_one_name_keep_their_alerts_wherever_they_come_to_stand(tmp_path: Path, restarts: bool) -> None:
    bench = await started(tmp_path, of_one_name("warning", "critical"))
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    await bench.evaluate(0, 60)
    assert bench.told.lines() == ["60: Down firing", "60: Down firing"]
    bench.write(of_one_name("info", "critical", "warning"))
    if restarts:
        bench.clock.wall = 60_000
        bench.book = bench.opened()
        await bench.book.start()
    else:
        await bench.book.reload()
    await bench.evaluate(130, 190)
    alerts = [alert for now_ms, alerts in bench.told.calls if now_ms >= 130_000 for alert in alerts]
    assert {alert.state for alert in alerts} == {AlertState.FIRING}
    assert {(dict(alert.labels)["severity"], alert.fired_at_ms) for alert in alerts} == {
        ("warning", 60_000), ("critical", 60_000), ("info", 190_000),
    }  # fmt: skip


async def test_a_rule_that_is_taken_away_ends_its_alerts_and_series(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    await bench.evaluate(0, 60)
    bench.clock.wall = 65_000
    bench.write("groups: []")
    await bench.book.reload()
    assert bench.told.lines() == ["60: Down firing", "65: Down inactive"]
    assert await bench.value("ALERTS", 66) == {}
    assert await bench.value("job:up:sum", 66) == {}
    assert bench.memory.kept == {}


async def test_a_rule_that_went_while_the_collector_was_away_ends_its_alerts_too(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    await bench.evaluate(0, 60)
    bench.write("groups: []")
    bench.clock.wall = 90_000
    bench.book = bench.opened()
    await bench.book.start()
    assert bench.told.lines() == ["60: Down firing", "90: Down inactive"]
    assert bench.memory.kept == {}


async def test_a_file_with_a_mistake_is_told_of_and_its_rules_stay(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.write(DOWN.replace("up == 0", "up =="))
    await bench.book.reload()
    assert [str(one) for one in bench.book.mistakes] == [
        f"{tmp_path}/rules.yml:8: groups[0].rules[1].expr: 1:6: parse error: unexpected end of input"
    ]
    assert [rule.rule.expr for _, rule in bench.book.rules()] == ["sum by (job) (up)", "up == 0"]
    bench.write(DOWN)
    await bench.book.reload()
    assert bench.book.mistakes == []


@pytest.mark.parametrize("half", [DOWN[: len(DOWN) // 2], "groups: []\n", "", None])
async def test_a_file_that_is_still_written_is_read_when_it_is_whole(
    tmp_path: Path, half: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    bench = await started(tmp_path)
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    await bench.evaluate(0, 60)
    file = tmp_path / "rules.yml"
    file.unlink() if half is None else file.write_text(half)
    bench.while_pausing = [lambda: bench.write(DOWN.replace("is down'", "has died'")), lambda: None]
    await bench.book.reload()
    await bench.evaluate(130)
    assert bench.told.lines() == ["60: Down firing", "130: Down firing"]
    assert bench.told.calls[-1][1][0].annotations == (("summary", "a has died"),)
    assert (bench.book.mistakes, "rules.mistake" in caplog.messages, bench.while_pausing) == ([], False, [])


async def test_a_file_that_is_written_all_the_time_is_read_nevertheless(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    for lines in range(1, 40):
        bench.while_pausing.append(partial(bench.write, DOWN + "#\n" * lines))
    bench.write(DOWN.replace("up == 0", "up == 1"))
    await bench.book.reload()
    assert len(bench.while_pausing) > 20


async def test_a_folder_that_cannot_be_read_is_told_of_and_its_rules_stay(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    bench = await started(folder)
    bench.have("up", dict.fromkeys(range(0, 400, 10), 0.0), instance="a")
    await bench.evaluate(0, 60)
    folder.rename(tmp_path / "elsewhere")
    await bench.book.reload()
    assert [str(one) for one in bench.book.mistakes] == [f"{folder}: can't be read: No such file or directory"]
    await bench.evaluate(130)
    (tmp_path / "elsewhere").rename(folder)
    await bench.book.reload()
    assert (bench.book.mistakes, bench.told.lines()) == ([], ["60: Down firing", "130: Down firing"])


async def test_one_rule_that_fails_keeps_no_other_from_its_turn(tmp_path: Path) -> None:
    rules = """
groups:
  - name: g
    limit: 1
    rules:
      - {alert: Broken, expr: a + on (x) b}
      - {alert: Many, expr: a}
      - {record: same, expr: a, labels: {y: ""}}
      - {alert: Fine, expr: vector(1)}
"""
    bench = await started(tmp_path, rules)
    for number in (1, 2):
        bench.have("a", {0: 1}, y=str(number))
        bench.have("b", {0: 1}, y=str(number))
    await bench.evaluate(0)
    told = {rule.rule.name: (rule.health, rule.last.error if rule.last else None) for _, rule in bench.book.rules()}
    assert told["Fine"] == ("ok", None)
    assert told["Many"] == ("err", "exceeded limit of 1 with 2 alerts")
    assert told["same"] == ("err", "exceeded limit of 1 with 2 series")
    assert "many-to-many" in str(told["Broken"][1])
    assert bench.told.lines() == ["0: Fine firing"]


async def test_a_rule_keeps_its_last_twenty_evaluations(tmp_path: Path) -> None:
    bench = await started(tmp_path)
    bench.have("up", {0: 0}, instance="a")
    await bench.evaluate(*range(25))
    _, rule = next(pair for pair in bench.book.rules() if pair[1].rule.is_alert)
    assert [one.time_ms for one in rule.history] == [second * 1000 for second in range(5, 25)]
    assert {(one.query, one.results, one.error) for one in rule.history} == {("up == 0", 1, None)}
    assert all(one.duration_s > 0 for one in rule.history)


async def test_a_query_offset_is_the_age_of_what_is_asked(tmp_path: Path) -> None:
    bench = await started(tmp_path, "groups: [{name: g, query_offset: 1m, rules: [{record: x, expr: up}]}]")
    bench.have("up", {0: 1, 60: 2, 120: 3})
    await bench.evaluate(120)
    assert await bench.value("x", 60) == {"": 2.0}
    assert await bench.value("timestamp(x)", 120) == {"": 60.0}


@pytest.mark.parametrize("count", [10_001])
async def test_an_expression_that_finds_far_too_much_raises_nothing(tmp_path: Path, count: int) -> None:
    bench = await started(tmp_path, "groups: [{name: g, rules: [{alert: All, expr: up}]}]")
    assert isinstance(bench.store, TrialStore)
    for number in range(count):
        bench.have("up", {0: 1}, n=str(number))
    await bench.evaluate(0)
    ((_, rule),) = bench.book.rules()
    assert rule.last is not None
    assert rule.last.error == "10001 series would raise alerts, and a rule may raise 10000"
    assert bench.told.lines() == []


async def test_text_that_is_no_unicode_does_not_stop_a_rule(tmp_path: Path) -> None:
    rules = "groups: [{name: g, rules: [{alert: Odd, expr: up, labels: {who: '{{ printf \"%c\" 55296 }}'}}]}]"
    bench = await started(tmp_path, rules)
    bench.have("up", {0: 1}, instance="a")
    await bench.evaluate(0)
    assert bench.told.calls[0][1][0].labels == (("alertname", "Odd"), ("instance", "a"), ("who", "?"))
