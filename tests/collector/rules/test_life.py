"""An alert's life, step by step: what Prometheus' definition of an alert generator asks, as scripts.

A script has a letter per minute: `x` where the expression holds, `.` where it does not, `?` where nothing can be known.
What comes of it is told by a letter too: `p` pending, `F` firing, `r` over and still told, `-` nothing.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon_collector.alerts.base import AlertState
from netmon_collector.rules.life import Active, Seen, Timing, is_due, lived, restored

MINUTE = 60_000
LETTERS = {AlertState.PENDING: "p", AlertState.FIRING: "F", AlertState.RESOLVED: "r"}
SEEN = Seen((("alertname", "Down"),), (("summary", "down"),), 1.0)


def lives(script: str, for_m: int = 0, keep_m: int = 0, before: Active | None = None) -> tuple[str, Active | None]:
    told = ""
    for minute, letter in enumerate(script):
        timing = Timing(for_m * MINUTE, keep_m * MINUTE, is_settling=letter == "?")
        before = lived(before, SEEN if letter == "x" else None, minute * MINUTE, timing)
        told += "-" if before is None else LETTERS[before.state]
    return told, before


@pytest.mark.parametrize(
    ("for_m", "keep_m", "script", "life"),
    [
        (0, 0, "..xxx..", "--FFFrr"),  # without `for` it fires at once
        (2, 0, ".xxxx..", "-ppFFrr"),  # pending until `for` is over, then firing, then resolved
        (2, 0, ".x.x.x.", "-p-p-p-"),  # a flap that is shorter than `for` is swallowed
        (2, 0, ".xx.xxx", "-pp-ppF"),  # `for` begins anew
        (0, 2, "xx..x....", "FFFFFFFrr"),  # `keep_firing_for` holds it, and begins anew
        (0, 2, "x...", "FFFr"),
        (1, 1, "xx..", "pFFr"),
        (2, 2, "x.", "p-"),  # what is only pending is not kept
        (0, 0, "x" + "." * 17, "F" + "r" * 16 + "-"),  # for 15 minutes it is told that it is over
        (0, 0, "x.x.x", "FrFrF"),
        (2, 0, "xxx.xxx", "ppFrppF"),  # after it was over, it is pending first
    ],
)
def test_an_alert_lives_as_prometheus_says(for_m: int, keep_m: int, script: str, life: str) -> None:
    assert lives(script, for_m, keep_m)[0] == life


def test_an_alert_knows_since_when_it_holds_fires_and_is_over() -> None:
    _, alert = lives(".xxxx..", for_m=2)
    assert alert is not None
    assert (alert.active_at_ms, alert.fired_at_ms, alert.resolved_at_ms) == (MINUTE, 3 * MINUTE, 5 * MINUTE)


def test_what_is_told_of_an_alert_is_that_of_the_newest_evaluation() -> None:
    _, alert = lives("xx")
    newer = lived(alert, Seen(SEEN.labels, (("summary", "still down"),), 2.0), 5 * MINUTE, Timing())
    assert newer is not None
    assert (newer.annotations, newer.value, newer.fired_at_ms) == ((("summary", "still down"),), 2.0, 0)


def test_a_firing_alert_is_told_again_after_a_while_and_its_end_at_once() -> None:
    _, alert = lives("x")
    assert alert is not None
    assert is_due(alert, 0, MINUTE)
    sent = lived(alert, SEEN, 0, Timing())
    assert sent is not None
    sent = Active(**{name: getattr(sent, name) for name in Active.__slots__} | {"sent_ms": 0})
    assert [is_due(sent, at_ms, MINUTE) for at_ms in (1, MINUTE, MINUTE + 1)] == [False, False, True]
    over = lived(sent, None, 1, Timing())
    assert over is not None
    assert is_due(over, 1, MINUTE)


def test_a_pending_alert_is_never_told() -> None:
    _, alert = lives("x", for_m=5)
    assert alert is not None
    assert not is_due(alert, 0, 0)


def test_time_without_a_collector_is_no_time_that_an_alert_was_pending() -> None:
    _, pending = lives("xx", for_m=5)
    assert pending is not None
    back = restored(pending, away_ms=60 * MINUTE)
    assert back.active_at_ms == 60 * MINUTE
    after = lived(back, SEEN, 62 * MINUTE, Timing(5 * MINUTE))
    assert after is not None
    assert after.state is AlertState.PENDING


def test_an_alert_from_before_a_restart_is_not_over_for_lack_of_data() -> None:
    _, firing = lives("x")
    assert firing is not None
    back = restored(firing, away_ms=10 * MINUTE)
    assert lives("???xx", before=back)[0] == "FFFFF"
    assert lives("???..", before=back)[0] == "FFFrr"
    assert lives("x??", before=back)[0] == "Frr"  # it has been seen since


@settings(max_examples=200, deadline=None)
@given(st.text("x.", min_size=1, max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_whatever_happens_an_alert_fires_only_after_for_and_ends_only_after_it_fired(
    script: str, for_m: int, keep_m: int
) -> None:
    life, _ = lives(script, for_m, keep_m)
    for at, letter in enumerate(life):
        before = life[at - 1] if at else "-"
        if letter == "F" and before != "F":
            assert script[at - for_m : at + 1] == "x" * (for_m + 1)
        if letter == "r" and before != "r":
            assert before == "F"
            assert "x" not in script[max(at - keep_m, 0) : at + 1]
