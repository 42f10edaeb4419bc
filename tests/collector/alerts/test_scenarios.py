"""Whole outages as scenarios: tests/alerts/*.yaml, in the language of docs/rehearsals.md."""

from pathlib import Path

import pytest

from netmon_collector.alerts.rehearsal.play import rehearse
from netmon_configs.load import ConfigError

SCENARIOS = sorted((Path(__file__).parents[2] / "alerts").glob("*.yaml"))
PLAIN = """
alerting:
  route: {receiver: ops, group_by: [alertname]}
  receivers: [{name: ops, webhook_configs: [{url: 'http://127.0.0.1/'}]}]
"""


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_what_is_sent_is_what_the_scenario_says(path: Path) -> None:
    assert "\n".join(rehearse(path).failures) == ""


def failures(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "outage.yaml"
    path.write_text(PLAIN + text)
    return list(rehearse(path).failures)


def test_what_is_otherwise_than_the_scenario_says_is_told_in_words(tmp_path: Path) -> None:
    fires = "events: [{at: 0s, fire: [{alertname: Down, instance: web1}]}]\nuntil: 1m\n"
    assert failures(tmp_path, fires + "sent: [{at: 30s, to: ops, fires: [web1]}]") == []
    assert failures(tmp_path, fires + "sent: []") == [
        "sent, message 1: expected nothing more; was 30s to ops: fires [web1], over []"
    ]
    assert failures(tmp_path, fires + "sent: [{between: [40s, 50s], to: ops, fires: 1}]") == [
        "sent, message 1: expected between 40s and 50s to ops: fires 1, over []; was 30s to ops: fires [web1], over []"
    ]
    assert failures(
        tmp_path,
        fires + "sent: [{at: 30s, to: ops, fires: [web1]}]\nreceipts: {dead: 1}\nincidents: [{open: false}]",
    ) == ["receipts: 1 dead expected, there are 0", "incident 1: open must be False, is True"]


def test_what_nobody_could_do_is_told(tmp_path: Path) -> None:
    text = """
events:
- {at: 0s, acknowledge: {by: ada, for: 1h}}
- {at: 1s, resolve: [{alertname: Down}]}
until: 20s
sent: []
"""
    assert failures(tmp_path, text) == [
        "event at 0s: there is no such incident",
        "event at 1s: {'alertname': 'Down'} has not fired",
    ]


def test_what_must_hold_in_the_network_meanwhile_is_told_in_words(tmp_path: Path) -> None:
    text = """
topology: {links: [poller - web1, web1 - web2], probes: [{devices: web1}]}
events:
- {at: 10s, check: {states: {web1: down, web2: up}, count: {up: 3}, blind: poller, paged: []}}
until: 20s
sent: []
"""
    assert failures(tmp_path, text) == [
        "check at 10s: web1 must be down, it is up",
        "check at 10s: web2 must be up, it is not known",
        "check at 10s: 3 devices must be up, 1 are",
        "check at 10s: blind must be [poller], [] are",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events: [{at: 0s, fires: []}]\nuntil: 1m\nsent: []", "events[0].fires: no such option. Did you mean 'fire'?"),
        ("events: []\nuntil: soon\nsent: []", "until: must be a duration such as 30s, 5m or 1h30m"),
        ("events: []\nuntil: 1m\nsent: [{to: ops}]", "sent[0]: must say when: either 'at' or 'between'"),
        ("events: [{at: 1m}, {at: 0s}]\nuntil: 1m\nsent: []", "events: must be in the order of their times"),
        ("events: [{at: 1m, fail: [core]}]\nuntil: 1m\nsent: []", "events: without a topology nothing can fail"),
        ("topology: {links: [core]}\nevents: []\nuntil: 1m\nsent: []", "must be a link such as core - access1"),
        (
            "topology: {links: [poller - core]}\nevents: [{at: 0s, fail: [cor]}]\nuntil: 1m\nsent: []",
            "the topology has no 'cor'. Did you mean 'core'?",
        ),
        ("events: [{at: 0s, away: op}]\nuntil: 1m\nsent: []", "there is no receiver 'op'. Did you mean 'ops'?"),
        (
            "groups: [{name: g, rules: [{alert: A, expr: up >}]}]\nevents: []\nuntil: 1m\nsent: []",
            "outage.yaml: rules: groups[0].rules[0].expr: 1:5: parse error",
        ),
        ("packs: [nosuch]\nevents: []\nuntil: 1m\nsent: []", "there is no pack 'nosuch'"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        failures(tmp_path, text)
    assert message in str(raised.value)
