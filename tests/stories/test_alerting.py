"""From a rule that fires to who is told of it, with real daemons, and the commands of docs/alerting.md."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.test_admin_docs import run, typed
from tests.support.daemons import Daemon, daemon, eventually, get, netmon
from tests.support.ports import free_port

RULES = """
groups:
- name: story
  interval: 1s
  rules:
  - alert: AgentUp
    expr: up == 1
    labels: {severity: info, site: oslo}
    annotations: {summary: '{{ $labels.job }} is up'}
"""
ALERTING = """
route: {receiver: ops, group_by: [alertname], group_wait: 1s, group_interval: 1s}
schedules: [{name: primary, layers: [{receivers: [ops], starts: '2026-01-05T09:00'}]}]
receivers: [{name: ops, webhook_configs: [{url: '%s'}]}, {name: bob}]
"""


@dataclass
class Told:
    url: str = ""
    bodies: list[Any] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Told]:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing to say of each."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    with listening() as told:
        yield told


@dataclass
class Lab:
    home: Path
    url: str
    token: str
    up: Daemon


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, told: Told) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("home")
    (home / "rules").mkdir()
    (home / "rules" / "story.yml").write_text(RULES)
    (home / "alertmanager.yml").write_text(ALERTING % told.url)
    config = home / "collector.yaml"
    config.write_text(
        f"alerting: {{config_file: {home}/alertmanager.yml, allow_addresses: [127.0.0.1]}}\n"
        f"rules: {{folder: {home}/rules}}\n"
    )
    ports = ("--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}")
    words = ("up", "--state", str(home / "state"), *ports, "--collector-config", str(config), "--verbose")
    with daemon(home, *words) as up:
        yield Lab(home, up.says(r"API +(http\S+)")[1], up.says(r"(nmt_\S+)")[1], up)


def asked(lab: Lab, *words: str) -> str:
    done = netmon(lab.home, *words, "--url", lab.url)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_rule_that_fires_reaches_its_receiver(lab: Lab, told: Told) -> None:
    assert eventually(lambda: bool(told.bodies))
    (alert, *_) = told.bodies[0]["alerts"]
    assert told.bodies[0]["status"] == "firing"
    assert alert["labels"]["alertname"] == "AgentUp"
    assert alert["annotations"]["summary"].endswith(" is up")
    assert "AgentUp: " in asked(lab, "alerts")


def test_the_commands_of_the_page_do_what_it_says(lab: Lab) -> None:
    for block in typed("alerting.md"):
        assert asyncio.run(run(block, lab.home, lab.url)) == []
    assert "new disk" in asked(lab, "silence", "list")
    assert "patch night" in asked(lab, "maintenance", "list")


def test_a_heartbeat_is_waited_for_and_sent_by_the_command_that_is_printed(lab: Lab) -> None:
    for block in typed("heartbeats.md"):
        assert asyncio.run(run(block, lab.home, lab.url)) == []
    printed = asked(lab, "heartbeat", "add", "sync", "--every", "1m").split()
    assert (printed[0], printed[-1]) == ("curl", f"{lab.url}/api/v1/heartbeats/sync")
    token = printed[printed.index("Bearer") + 1].rstrip("'")
    request = Request(printed[-1], method="POST", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request) as answer:
        assert json.load(answer)["state"] == "fine"
    shown = asked(lab, "heartbeat", "list")
    assert ("backup" in shown, "never" in shown, "sync" in shown) == (True, True, True)
    asked(lab, "heartbeat", "remove", "backup")
    assert "backup" not in asked(lab, "heartbeat", "list")


def test_maintenance_mutes_until_it_is_ended(lab: Lab) -> None:
    window = asked(lab, "maintenance", "add", "moving", "alertname=AgentUp", "--zone", "Asia/Kathmandu").strip()
    assert "no alerts" in asked(lab, "alerts")
    assert "time moving" in asked(lab, "alerts", "--muted")
    asked(lab, "maintenance", "end", window)
    assert "AgentUp" in asked(lab, "alerts")


def test_a_window_begins_by_the_clocks_of_its_place(lab: Lab) -> None:
    words = ("--start", "2027-03-20T02:30", "--for", "1h", "--zone", "Asia/Kathmandu")
    window = asked(lab, "maintenance", "add", "later", "a=b", *words).strip()
    assert "2027-03-20 02:30" in asked(lab, "maintenance", "list")
    asked(lab, "maintenance", "end", window)


def test_a_silence_holds_until_it_is_ended(lab: Lab) -> None:
    silence = asked(lab, "silence", "add", "alertname=AgentUp").strip()
    assert f"silence {silence[:20]}" in asked(lab, "alerts", "--muted")
    assert asked(lab, "silence", "end", silence) == f"ended {silence}\n"
    other = json.loads(asked(lab, "silence", "add", "a=b", "--json"))["silenceID"]
    ended = json.loads(asked(lab, "silence", "end", other, "--json"))
    assert (ended["id"], ended["status"]["state"]) == (other, "expired")


def test_a_silence_that_the_collector_refuses_says_why(lab: Lab) -> None:
    done = netmon(lab.home, "silence", "add", 'a=""', "--for", "1h", "--url", lab.url)
    assert done.returncode == 5
    assert "a silence needs a matcher that does not match the empty text" in done.stderr


def test_a_change_of_the_file_counts_without_a_restart(lab: Lab) -> None:
    with listening() as other:
        (lab.home / "alertmanager.yml").write_text("route: {receiver: op}\nreceivers: [{name: ops}]\n")
        assert "Did you mean 'ops'" in lab.up.says(r"alerting.file_wrong.*").group(0)
        (lab.home / "alertmanager.yml").write_text((ALERTING % other.url).replace("ops", "others"))
        lab.up.says("alerting.file_read")
        assert eventually(lambda: bool(other.bodies))
        assert other.bodies[0]["receiver"] == "others"


def test_what_was_told_has_receipts(lab: Lab) -> None:
    answer = get(lab.url, lab.token, "/api/v1/notifications?state=delivered")
    assert answer["count"] >= 1
    assert {one["state"] for one in answer["results"]} == {"delivered"}


def test_an_incident_is_taken_on_and_its_timeline_says_so(lab: Lab) -> None:
    assert "AgentUp: " in asked(lab, "incidents")
    shown = asked(lab, "incident", "ack", "1", "--for", "2h", "--by", "ada", "--comment", "on my way")
    assert "acknowledged, ada has it until" in shown
    asked(lab, "incident", "comment", "1", "found it", "--by", "bob")
    timeline = asked(lab, "incident", "show", "1")
    assert [word for word in ("opened", "told", "on my way", "found it") if word not in timeline] == []
    assert "put off until" in asked(lab, "incident", "snooze", "1", "--for", "5m")


def test_who_is_on_call_can_be_asked(lab: Lab) -> None:
    (schedule,) = json.loads(asked(lab, "oncall", "--json"))["results"]
    assert schedule["schedule"] == "primary"
    assert schedule["now"] in asked(lab, "oncall")


def test_whoever_stands_in_is_on_call_until_that_is_ended(lab: Lab) -> None:
    for one in json.loads(asked(lab, "oncall", "overrides", "--json"))["results"]:
        asked(lab, "oncall", "end", one["id"])
    usual = json.loads(asked(lab, "oncall", "--json"))["results"][0]["now"]
    override = asked(lab, "oncall", "override", "primary", "bob", "--for", "8h", "--by", "eve").strip()
    assert json.loads(asked(lab, "oncall", "--json"))["results"][0]["now"] == "bob" != usual
    assert f"{override}  primary" in asked(lab, "oncall", "overrides")
    assert asked(lab, "oncall", "end", override) == f"ended {override}\n"
    assert json.loads(asked(lab, "oncall", "--json"))["results"][0]["now"] == usual
