"""Saved rule files and alerts in the state database."""

from dataclasses import replace

from sqlalchemy import Engine, text

from netmon_collector.alerts.base import AlertState
from netmon_collector.rules.life import Active
from netmon_collector.state.rules import KeptAlerts, SavedFiles

DOWN = Active((("alertname", "Down"), ("instance", "ä\x00")), (("summary", "x"),), AlertState.PENDING, 1_000, 0.5)


def test_a_file_is_kept_under_its_name_until_it_is_removed(engine: Engine) -> None:
    files = SavedFiles(engine)
    files.put("b", "groups: []", 1)
    files.put("a", "groups:", 2)
    files.put("b", "groups: [{name: x}]", 3)
    assert [(one.name, one.text, one.changed_ms) for one in files.all()] == [
        ("a", "groups:", 2),
        ("b", "groups: [{name: x}]", 3),
    ]
    assert files.remove("a")
    assert not files.remove("a")
    assert files.texts() == [("b", "groups: [{name: x}]")]


async def test_alerts_are_read_as_they_were_kept(engine: Engine) -> None:
    kept = KeptAlerts(engine)
    firing = replace(
        DOWN, labels=(("alertname", "Up"),), state=AlertState.FIRING, fired_at_ms=2_000, value=float("inf")
    )
    await kept.keep([("rule", DOWN), ("rule", firing), ("other", DOWN)], [])
    await kept.keep([("rule", replace(DOWN, state=AlertState.FIRING, fired_at_ms=5_000))], [("other", DOWN)])
    found = KeptAlerts(engine).all()
    assert set(found) == {"rule"}
    assert sorted(found["rule"], key=lambda one: one.labels) == [
        replace(DOWN, state=AlertState.FIRING, fired_at_ms=5_000),
        firing,
    ]


async def test_until_when_rules_were_evaluated_is_remembered(engine: Engine) -> None:
    kept = KeptAlerts(engine)
    assert kept.last_ms() is None
    await kept.mark(1_000)
    await kept.mark(2_000)
    assert KeptAlerts(engine).last_ms() == 2_000


async def test_a_database_that_fails_does_not_end_alerting(engine: Engine) -> None:
    kept, files = KeptAlerts(engine), SavedFiles(engine)
    files.put("a", "groups: []", 1)
    assert files.texts() == [("a", "groups: []")]
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE kept_alerts"))
        connection.execute(text("DROP TABLE rule_files"))
    await kept.keep([("rule", DOWN)], [])
    assert files.texts() == [("a", "groups: []")]
