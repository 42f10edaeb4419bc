"""What Prometheus' conformance definition asks of an alert generator, as scripts: one column for each evaluation.

`x` is what the expression is about, `-` for a series that is gone. `ALERTS` is the series' state: p pending, f firing,
- none. `sent` is what is handed on: F firing, R resolved, - nothing.
"""

from pathlib import Path

import pytest

from netmon_collector.alerts.base import Alert, AlertState
from netmon_proto.model import STALE
from tests.support.rules import Bench

STEP_S = 15
RULES = """
groups:
  - name: g
    interval: 15s
    rules:
      - {{alert: Up, expr: 'x > 0', {life}, labels: {{severity: page, host: '{{{{ $labels.instance }}}}', none: ''}},
         annotations: {{summary: '{{{{ $labels.instance }}}} has {{{{ $value }}}}'}}}}
      - {{alert: Follows, expr: 'ALERTS{{alertname="Up",alertstate="firing"}} == 1'}}
"""
SCRIPTS = {
    "pending, firing, resolved": (
        "for: 30s",
        """
        x      - 0 1 1 1 1 1 1 1 1 1 1 0 0 0
        ALERTS - - p p f f f f f f f f - - -
        sent   - - - - F - - - - F - - R - -
        """,
    ),
    "pending and then inactive is never told": (
        "for: 1m",
        """
        x      1 1 1 1 0 1 1 1 0 0
        ALERTS p p p p - p p p - -
        sent   - - - - - - - - - -
        """,
    ),
    "for 0 fires at once": (
        "for: 0s",
        """
        x      0 1 1 0 0 0 0 0 0 0 0 1 0
        ALERTS - f f - - - - - - - - f -
        sent   - F - R - - - - R - - F R
        """,
    ),
    "what is missing resolves": (
        "for: 15s",
        """
        x      1 1 1 - - 1 1
        ALERTS p f f - - p f
        sent   - F - R - - F
        """,
    ),
    "keep_firing_for bridges a gap": (
        "for: 0s, keep_firing_for: 30s",
        """
        x      1 0 1 0 0 0 0
        ALERTS f f f f f - -
        sent   F - - - - R -
        """,
    ),
}


def lines_of(script: str) -> dict[str, str]:
    """The lines of a script by their names."""
    named = (line.split(maxsplit=1) for line in script.strip().splitlines())
    return {name: steps.strip() for name, steps in named}


async def played(folder: Path, life: str, script: str) -> tuple[Bench, dict[str, list[str]], list[dict[str, Alert]]]:
    """What became of a script: its lines as they came to be, and what was handed on at each evaluation, by name."""
    bench = Bench(folder, RULES.format(life=life))
    await bench.book.start()
    seen: dict[str, list[str]] = {"ALERTS": [], "sent": []}
    sent: list[dict[str, Alert]] = []
    for step, value in enumerate(lines_of(script)["x"].split()):
        now_s = step * STEP_S
        bench.have("x", {now_s: STALE if value == "-" else float(value)}, instance="a")
        before = len(bench.told.calls)
        await bench.evaluate(now_s)
        states = await bench.value('sum by (alertstate) (ALERTS{alertname="Up"})', now_s)
        seen["ALERTS"].append("".join(state.removeprefix("alertstate=")[0] for state in states) or "-")
        sent.append({alert.name: alert for _, alerts in bench.told.calls[before:] for alert in alerts})
        told = sent[-1].get("Up")
        seen["sent"].append("-" if told is None else "R" if told.state is AlertState.RESOLVED else "F")
    return bench, seen, sent


@pytest.mark.parametrize("name", SCRIPTS)
async def test_an_alert_goes_the_way_of_its_script(tmp_path: Path, name: str) -> None:
    life, script = SCRIPTS[name]
    _, seen, _ = await played(tmp_path, life, script)
    wanted = lines_of(script)
    assert {line: " ".join(steps) for line, steps in seen.items()} == {line: wanted[line] for line in seen}


async def test_what_is_handed_on_says_who_since_when_and_for_how_long(tmp_path: Path) -> None:
    bench, _, sent = await played(tmp_path, *SCRIPTS["pending, firing, resolved"])
    firing, resolved = sent[4]["Up"], sent[12]["Up"]
    labels = (("alertname", "Up"), ("host", "a"), ("instance", "a"), ("severity", "page"))
    assert firing.labels == resolved.labels == labels, "a label without text is none"
    assert firing.annotations == (("summary", "a has 1"),)
    assert (firing.active_at_ms, firing.fired_at_ms) == (30_000, 60_000)
    assert firing.valid_until_ms == 60_000 + 4 * 60_000, "four times the longer of resend and interval"
    assert (resolved.resolved_at_ms, resolved.valid_until_ms) == (180_000, None)
    assert firing.generator == "/graph?g0.expr=x+%3E+0&g0.tab=1"
    since = await bench.value('ALERTS_FOR_STATE{alertname="Up"}', 60)
    assert list(since.values()) == [30.0]


async def test_a_rule_sees_what_the_one_before_it_came_to_in_the_same_evaluation(tmp_path: Path) -> None:
    _, _, sent = await played(tmp_path, *SCRIPTS["pending, firing, resolved"])
    assert [step for step, told in enumerate(sent) if "Follows" in told] == [4, 9, 12]


async def test_what_is_over_is_told_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    bench, _, _ = await played(tmp_path, *SCRIPTS["for 0 fires at once"])
    before = len(bench.told.calls)
    for now_s in range(195, 195 + 1200, STEP_S):
        await bench.evaluate(now_s)
    times_s = [now_ms // 1000 for now_ms, alerts in bench.told.calls[before:] if alerts[0].name == "Up"]
    assert times_s == list(range(255, 180 + 15 * 60 + 1, 75)), (
        "every minute, as evaluations come, until 15 minutes are over"
    )
