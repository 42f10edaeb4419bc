"""Who is told of alerts, as a file says it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from netmon_collector.alerts.configuration import AlertingFile, check_alerting, load_alerting
from netmon_configs.load import ConfigError, parse

WHOLE = """
global: {resolve_timeout: 10m}
route:
  receiver: ops
  group_by: [alertname, site]
  group_wait: 10s
  routes:
  - receiver: night
    matchers: ['severity="critical"', 'site=~"a|b"']
    group_interval: 1m
    active_time_intervals: [night]
    continue: true
  - match: {team: net}
    group_by: ['...']
    routes: [{match_re: {site: x.*}, receiver: night}]
inhibit_rules:
- {source_matchers: [severity="critical"], target_match: {severity: warning}, equal: [site]}
time_intervals:
- {name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], location: Europe/Oslo}]}
receivers:
- name: ops
  webhook_configs: [{url: 'http://127.0.0.1:1/a'}, {url: 'http://127.0.0.1:1/b', send_resolved: false}]
- name: night
  webhook_configs: [{url: 'http://127.0.0.1:1/c'}]
"""


def test_routes_have_what_those_above_them_have() -> None:
    root = parse(WHOLE, "am.yml", AlertingFile).tree()
    assert [(route.key, route.receiver, route.group_wait_ms, route.group_interval_ms) for route in root.walk()] == [
        ("{}", "ops", 10_000, 300_000),
        ('{}/{severity="critical",site=~"a|b"}', "night", 10_000, 60_000),
        ('{}/{team="net"}', "ops", 10_000, 300_000),
        ('{}/{team="net"}/{site=~"x.*"}', "night", 10_000, 300_000),
    ]
    assert [route.group_by for route in root.walk()] == [
        frozenset({"alertname", "site"}),
        frozenset({"alertname", "site"}),
        None,
        None,
    ]
    found = root.find({"severity": "critical", "site": "a", "team": "net"})
    assert [route.key for route in found] == ['{}/{severity="critical",site=~"a|b"}', '{}/{team="net"}']


@pytest.mark.skipif(shutil.which("amtool") is None, reason="needs amtool (Debian: prometheus-alertmanager)")
def test_amtool_finds_the_same_receivers(tmp_path: Path) -> None:
    path = tmp_path / "am.yml"
    path.write_text(WHOLE, encoding="utf-8")
    root = load_alerting(path).tree()
    for labels in ({"severity": "critical", "site": "b"}, {"team": "net", "site": "x1"}, {"team": "net"}, {"a": "b"}):
        pairs = [f"{name}={value}" for name, value in labels.items()]
        command = ["amtool", "config", "routes", "test", f"--config.file={path}", *pairs]
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        assert told.strip().split(",") == [route.receiver for route in root.find(labels)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("route: {receiver: op}\nreceivers: [{name: ops}]", "there is no receiver 'op'. Did you mean 'ops'?"),
        ("route: {receiver: ops, matchers: [a=b]}\nreceivers: [{name: ops}]", "must have no matchers"),
        ("route: {group_by: [a]}\nreceivers: [{name: ops}]", "needs a 'receiver'"),
        ("receivers: [{name: nobody}, {name: nobody}]", "nobody is there more than once"),
        (
            (
                "{time_intervals: [{name: night}], receivers: [{name: ops}],\n"
                " route: {receiver: ops, routes: [{mute_time_intervals: [nihgt]}]}}"
            ),
            "there is no time interval 'nihgt'. Did you mean 'night'?",
        ),
        ("receivers: [{name: nobody, webhok_configs: []}]", "Did you mean 'webhook_configs'?"),
        ("receivers: [{name: nobody, webhook_configs: [{}]}]", "needs either 'url' or 'url_file'"),
        ("receivers: [{name: nobody, failover: nobody}]", "cannot stand in for itself"),
        ("route: {receiver: nobody, routes: [{matchers: ['a=~\"(\"']}]}", "is no regular expression"),
        ("route: {receiver: nobody, escalation: night}", "there is no escalation 'night'"),
        (
            "escalations: [{name: night, steps: [{after: 15m, receiver: nobdy}]}]",
            "there is no receiver 'nobdy'. Did you mean 'nobody'?",
        ),
        (
            "escalations: [{name: night, steps: [{after: 1h, receiver: nobody}, {after: 1h, receiver: nobody}]}]",
            "each step must come after the one before it",
        ),
        ("receivers: [{name: nobody, on_call: night}]", "there is no schedule 'night'"),
        (
            "schedules: [{name: night, layers: [{receivers: [nobdy], starts: '2026-01-05T09:00'}]}]",
            "Did you mean 'nobody'?",
        ),
        (
            "schedules: [{name: night, zone: Mars, layers: [{receivers: [nobody], starts: '2026-01-05T09:00'}]}]",
            "'Mars' is no time zone",
        ),
        (
            "schedules: [{name: a, layers: [{receivers: [nobody], starts: '2026-01-05T09:00', rotation: 36h}]}]",
            "must be whole days",
        ),
        ("inhibit_rules: [{source_matchers: {a: b}}]", "must be matchers"),
    ],
)
def test_mistakes_say_what_and_where(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "am.yml", AlertingFile)
    assert words in str(caught.value)
    assert "am.yml" in str(caught.value)


def test_without_a_file_nobody_is_told_and_one_without_a_route_is_a_mistake(tmp_path: Path) -> None:
    file = load_alerting(None)
    assert file.endpoints() == {"nobody": []}
    assert file.tree().receiver == "nobody"
    path = tmp_path / "am.yml"
    path.write_text("# half written\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="needs a 'route'"):
        load_alerting(path)


def test_values_are_as_written_and_what_is_left_blank_is_not_said() -> None:
    text = """
global:
templates:
route:
  receiver: ops
  group_by:
  routes:
  - {match: {version: 1.50, code: 007, on: true, none: }, match_re: {id: 0x1F}}
inhibit_rules:
receivers:
- {name: ops, webhook_configs: [{url: 'http://a.example', max_alerts: 5, send_resolved: false}]}
"""
    file = parse(text, "am.yml", AlertingFile)
    assert [str(one) for one in file.tree().routes[0].matchers] == [
        'code="007"',
        'id=~"0x1F"',
        'none=""',
        'on="true"',
        'version="1.50"',
    ]
    assert [one.tells_resolved for one in file.endpoints()["ops"]] == [False]


@pytest.mark.parametrize(
    "way",
    [
        "webhook_configs: [{url: hooks.example/s3cret}]",
        "slack_configs: [{api_url: hooks.example/s3cret, channel: a}]",
        "msteamsv2_configs: [{webhook_url: hooks.example/s3cret}]",
        "dead_man_configs: [{url: 'ftp://hooks.example/s3cret'}]",
        "ntfy_configs: [{url: 'https://', topic: a}]",
    ],
)
def test_what_cannot_be_asked_is_told_before_anybody_waits_for_it(tmp_path: Path, way: str) -> None:
    path = tmp_path / "am.yml"
    path.write_text(f"route: {{receiver: ops}}\nreceivers: [{{name: ops, {way}}}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the URL must begin with http:// or https://") as caught:
        check_alerting(path)
    assert "s3cret" not in str(caught.value)
